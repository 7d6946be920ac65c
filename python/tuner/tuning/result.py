# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The result of a tuning run: for each dispatch, for the whole model, and the specs."""

from __future__ import annotations

import json
import operator
import shlex
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.dispatch import Dispatch
from tuner.evaluate.final import Final
from tuner.files import write_atomically
from tuner.jsonable import to_plain
from tuner.measuring import Verification
from tuner.measuring.sampling import Paired
from tuner.outcome import Evaluation, Fate
from tuner.rates.breakdown import Breakdown
from tuner.rates.peaks import Peaks
from tuner.runs.folder import RunFolder
from tuner.specs.allocator import UNCHOSEN, AllocatorChoice
from tuner.specs.certificate import Certificate, Circumstances, Verified
from tuner.specs.deliver import deliver
from tuner.speedup import Gains, Ratio
from tuner.stopwatch import WallTime
from tuner.tuning import notebook

if TYPE_CHECKING:
    import pandas

# The columns of the table that a notebook shows.
_SHOWN = ("", "default, ms", "tuned, ms", "speed-up [95 %]", "verified", "candidates", "verdict")


@dataclass(frozen=True, slots=True)
class DispatchResult:
    """A dispatch, every candidate of it, and the verdict.

    `verdict` is one sentence. `final` is None if nothing was measured against the default. `late`: only `iree-tune
    compile` can apply the winner, since plain iree-compile reads specs too early or not at all. `guess`: the candidate
    that is expected to be the fastest, if nothing was measured.
    """

    dispatch: Dispatch
    verdict: str
    evaluations: tuple[Evaluation, ...] = ()
    final: Final | None = None
    late: bool = False
    guess: Evaluation | None = None

    @property
    def winner(self) -> Evaluation | None:
        """The accepted candidate, or the guess; None if the default stays."""
        if self.guess is not None:
            return self.guess
        return self.final.evaluation if self.final is not None and self.final.accepted else None

    def __repr__(self) -> str:
        gain = f"{self.final.ratio}, " if self.final is not None and self.final.accepted else ""
        return f"<DispatchResult {self.dispatch.name}: {gain}{self.verdict}, {self.tried} candidates>"

    @property
    def stand_in(self) -> Evaluation | None:
        """The candidate in place of a default that does not compile; None if the default does."""
        default, *others = self.evaluations or (None,)
        if default is None or default.fate is not Fate.COMPILE_FAILED:
            return None
        return next(iter(others), None)

    @property
    def tried(self) -> int:
        """The number of candidates, the default not counted."""
        return max(0, len(self.evaluations) - 1)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Each candidate as a row of a table, the default first; see `TuneResult.to_pandas`."""
        winner = self.winner
        for evaluation in self.evaluations:
            candidate = evaluation.candidate
            yield {
                "dispatch": self.dispatch.name,
                "problem": self.dispatch.problem.label if self.dispatch.problem else None,
                "candidate": candidate.number,
                "fate": evaluation.fate.value,
                "detail": evaluation.detail,
                "time_s": evaluation.time_s,
                "speedup": evaluation.speedup,
                "compile_s": evaluation.compilation.seconds,
                "is_winner": winner is not None and winner.candidate.number == candidate.number,
                **notebook.knob_columns(candidate.point),
            }

    def to_json(self) -> dict[str, Any]:
        """The result as plain JSON."""
        result: dict[str, Any] = {
            "dispatch": self.dispatch.name,
            "problem": self.dispatch.problem.label if self.dispatch.problem else None,
            "verdict": self.verdict,
            "evaluations": len(self.evaluations),
            "default": to_plain(self.dispatch.default),
            "winner": None,
            "is_guess": self.guess is not None,
            "facts": {
                "default": _facts(next(iter(self.evaluations), None)),
                "winner": _facts(self.winner),
            },
        }
        if self.final is not None:
            result["final"] = {
                "candidate": self.final.evaluation.candidate.number,
                "accepted": self.final.accepted,
                "ratio": to_plain(self.final.ratio),
            }
        if self.winner is not None and self.winner.candidate.configuration is not None:
            result["winner"] = self.winner.candidate.choice
            result["moment"] = "late" if self.late else "early"
        return result

    def certificate(self, circumstances: Circumstances) -> Certificate | None:
        """The certificate of the best candidate, accepted or not; None if none was compared with the default."""
        final = self.final
        if final is None or final.verification.tolerance is None:
            return None
        return Certificate(
            name=self.dispatch.name,
            problem=self.dispatch.problem,
            configuration=final.evaluation.candidate.configuration,
            moment="late" if self.late else "early",
            accepted=final.accepted,
            circumstances=circumstances,
            baseline_s=final.paired.baseline_s,
            candidate_s=final.paired.candidate_s,
            ratio=final.ratio,
            verified=Verified(
                final.seeds, final.verification.tolerance, final.verification.max_error, final.runs, final.races
            ),
            baseline=None if self.stand_in is None else self.stand_in.candidate.configuration,
        )


def _facts(evaluation: Evaluation | None) -> Any:
    """What the binary of a candidate says of itself, as plain JSON; None if that is not known."""
    facts = None if evaluation is None else evaluation.compilation.facts
    return None if facts is None else to_plain(facts)


@dataclass(frozen=True, slots=True)
class ModelResult:
    """The model compiled plainly and with the specs, run side by side; `seeds` are those of its inputs."""

    paired: Paired
    ratio: Ratio
    verification: Verification
    seeds: tuple[int, ...]

    def __repr__(self) -> str:
        verified = "verified" if self.verification.passed else "wrong"
        return f"<ModelResult {self.ratio}, {verified}, {len(self.paired.baseline_s)} rounds>"

    @property
    def baseline_s(self) -> float:
        """Median seconds of a run of the model compiled plainly."""
        return statistics.median(self.paired.baseline_s)

    @property
    def tuned_s(self) -> float:
        """Median seconds of a run with the spec."""
        return statistics.median(self.paired.candidate_s)

    def certificate(self, circumstances: Circumstances) -> Certificate | None:
        """The certificate of the whole model."""
        if self.verification.tolerance is None:
            return None
        return Certificate(
            name="model",
            problem=None,
            configuration=None,
            moment=None,
            accepted=True,
            circumstances=circumstances,
            baseline_s=self.paired.baseline_s,
            candidate_s=self.paired.candidate_s,
            ratio=self.ratio,
            verified=Verified(self.seeds, self.verification.tolerance, self.verification.max_error, 1, None),
        )


@dataclass(frozen=True, slots=True)
class TuneResult:
    """The result of `tuner.tune()`. A notebook shows it as a table; `repr` is one line.

    Attributes:
        function: The model's entry that was compared.
        spec: The text of the tuning spec that plain iree-compile reads.
        late_spec: The text of the entries that only `iree-tune compile` can apply; "" if there are none.
        preprocessing: The text of the choices for single ops, which `flags` apply; "" if there are none.
        flags: Flags of iree-compile that were chosen for the whole model, beside the user's.
        ops: The choices for single ops, in words.
        dispatches: One result for each dispatch, in the model's order.
        model: The comparison of whole models; None if nothing was found.
        binary: The model compiled with flags and specs.
        run_dir: The folder of the log and the binaries.
        device_label: What was measured on.
        compile_command: The command that uses the result, word by word.
        circumstances: What the certificates share: versions, target, device.
        wall_time: Where the run's time went.
        allocator: What the whole model found its transient buffers with.
        late_gain: The speed-up of the whole model by the late entries, over what plain iree-compile applies; None if it
            was not measured.
        prospect: What more effort would probably give, in a sentence; "" if hardly anything.
        command_shown: How `compile_command` was shown to make `binary`; "" if it was not run.
        gains: What flags, choices and spec give; None if the default stays.
        breakdown: Where the time of the model goes; None if the run did not measure it.
        peaks: The machine's; None if they are not known.
    """

    function: str
    spec: str
    late_spec: str
    preprocessing: str
    flags: tuple[str, ...]
    ops: tuple[str, ...]
    dispatches: tuple[DispatchResult, ...]
    model: ModelResult | None
    binary: Path
    run_dir: Path
    device_label: str
    compile_command: tuple[str, ...]
    circumstances: Circumstances
    wall_time: WallTime
    allocator: AllocatorChoice = UNCHOSEN
    late_gain: Ratio | None = None
    gains: Gains | None = None
    breakdown: Breakdown | None = None
    peaks: Peaks | None = None
    command_shown: str = ""
    prospect: str = ""

    @property
    def speedup(self) -> float:
        """How many times faster the whole model runs with the spec; 1.0 if the default stays."""
        return self.model.ratio.value if self.model is not None else 1.0

    @property
    def best(self) -> DispatchResult | None:
        """The tuned dispatch with the greatest confirmed speed-up; None if every dispatch keeps its default."""
        tuned = [(found.final.ratio.value, found) for found in self.dispatches if found.final and found.final.accepted]
        return max(tuned, key=operator.itemgetter(0))[1] if tuned else None

    @property
    def is_faster(self) -> bool:
        """Whether there is something to use: flags or entries that make the whole model faster, or a dispatch."""
        return self.model is not None or any(dispatch.winner is not None for dispatch in self.dispatches)

    @property
    def headline(self) -> str:
        """What was found, in a phrase: the whole model's speed-up, and how many dispatches were tuned."""
        gain = str(self.model.ratio) if self.model is not None else "the default stays"
        tuned = sum(dispatch.winner is not None for dispatch in self.dispatches)
        tried = sum(dispatch.tried for dispatch in self.dispatches)
        return f"{gain}, {tuned} of {len(self.dispatches)} dispatches tuned, {tried} candidates"

    def __repr__(self) -> str:
        return f"<TuneResult {self.headline}; run folder: {self.run_dir}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the whole model, each dispatch, how to use it. It holds no script."""
        model = self.model
        rows = [_shown_row(dispatch) for dispatch in self.dispatches]
        if model is not None:
            verified = "yes" if model.verification.passed else "no"
            rows.insert(0, ("whole model", *_shown_times(model.paired, model.ratio), verified, "", ""))
        commands = {"The whole report": shlex.join(("iree-tune", "report", str(self.run_dir), "-o", "report.html"))}
        if self.flags:
            commands["Flags for the whole model"] = shlex.join(self.flags)
        if self.is_faster:
            commands["The command that uses the result"] = shlex.join(self.compile_command)
        return notebook.page(f"{self.headline}, on {self.device_label}", _SHOWN, rows, commands)

    def to_pandas(self) -> pandas.DataFrame:
        """Every candidate as a row of a `pandas.DataFrame`, those of each dispatch after its default.

        Columns: `dispatch`, `problem`, `candidate` (0 is the default), `fate`, `detail`, `time_s` (seconds of one run),
        `speedup` (over the default), `compile_s`, `is_winner`, and `knob_NAME` for each knob that a dispatch has.

        Raises:
            InputError: If pandas is not installed.
        """
        return notebook.frame([row for dispatch in self.dispatches for row in dispatch.rows()])

    def save(self, path: str | Path) -> None:
        """Writes the spec, and beside it late entries as `spec.late.mlir` and choices for single ops as
        `spec.preprocessing.mlir`, each file in one step.

        Without late entries an older late spec is removed: it would no longer belong to this one. The same holds for a
        preprocessing spec.
        Raises OSError if writing fails; no file is left half-written.
        """
        deliver(Path(path), self.spec, self.late_spec, self.preprocessing)

    def keep(self, output: Path | None) -> None:
        """Writes `result.json` into the run's folder, and the specs to `output` if it is given. Raises OSError."""
        write_atomically(RunFolder(self.run_dir).result, json.dumps(self.to_json(), indent=1) + "\n")
        if output is not None:
            self.save(output)

    def to_json(self) -> dict[str, Any]:
        """The result as plain JSON."""
        model = None
        if self.model is not None:
            model = {
                "ratio": to_plain(self.model.ratio),
                "baseline_s": self.model.baseline_s,
                "tuned_s": self.model.tuned_s,
                "verified": self.model.verification.passed,
                "certificate": _plain(self.model.certificate(self.circumstances)),
            }
        return {
            "device": self.device_label,
            "model": model,
            "dispatches": [
                {**result.to_json(), "certificate": _plain(result.certificate(self.circumstances))}
                for result in self.dispatches
            ],
            "flags": list(self.flags),
            "allocator": to_plain(self.allocator),
            "late_gain": None if self.late_gain is None else to_plain(self.late_gain),
            "gains": None if self.gains is None else to_plain(self.gains),
            "breakdown": None if self.breakdown is None else to_plain(self.breakdown),
            "peaks": None if self.peaks is None else to_plain(self.peaks),
            "ops": list(self.ops),
            "compile_command": list(self.compile_command),
            "command_shown": self.command_shown,
            "prospect": self.prospect,
            "wall_time": {**to_plain(self.wall_time), "orchestration_s": self.wall_time.orchestration_s},
        }


def _shown_row(result: DispatchResult) -> tuple[str, ...]:
    """The row of a dispatch in a notebook: its times if it was tuned, the reason if it was not."""
    if result.final is None or result.winner is None:
        return (result.dispatch.name, "", "", "", "", str(result.tried), result.verdict)
    times = _shown_times(result.final.paired, result.final.ratio)
    verified = "yes" if result.final.verification.passed else "no"
    return (result.dispatch.name, *times, verified, str(result.tried), result.verdict)


def _shown_times(paired: Paired, ratio: Ratio) -> tuple[str, str, str]:
    """Milliseconds of the default and of the tuned program, and their ratio."""
    default_ms, tuned_ms = (statistics.median(samples) * 1e3 for samples in (paired.baseline_s, paired.candidate_s))
    return f"{default_ms:.4g}", f"{tuned_ms:.4g}", str(ratio)


def _plain(certificate: Certificate | None) -> dict[str, Any] | None:
    return None if certificate is None else certificate.to_json()
