# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The result of a tuning run: for each dispatch, for the whole model, and the specs."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner.dispatch import Dispatch
from tuner.evaluate.final import Final
from tuner.files import write_atomically
from tuner.jsonable import to_plain
from tuner.measuring import Verification
from tuner.measuring.sampling import Paired
from tuner.outcome import Evaluation
from tuner.rates.breakdown import Breakdown
from tuner.specs.allocator import UNCHOSEN, AllocatorChoice
from tuner.specs.certificate import Certificate, Circumstances, Verified
from tuner.specs.deliver import deliver
from tuner.speedup import Gains, Ratio
from tuner.stopwatch import WallTime


@dataclass(frozen=True, slots=True)
class DispatchResult:
    """A dispatch, every candidate of it, and the verdict.

    `verdict` is one sentence. `final` is None if nothing was measured against the default. `late`: only `iree-tune
    compile` can apply the winner, since plain iree-compile reads specs too early or not at all.
    """

    dispatch: Dispatch
    verdict: str
    evaluations: tuple[Evaluation, ...] = ()
    final: Final | None = None
    late: bool = False

    @property
    def winner(self) -> Evaluation | None:
        """The accepted candidate, or None if the default stays."""
        return self.final.evaluation if self.final is not None and self.final.accepted else None

    def to_json(self) -> dict[str, Any]:
        """The result as plain JSON."""
        result: dict[str, Any] = {
            "dispatch": self.dispatch.name,
            "problem": self.dispatch.problem.label if self.dispatch.problem else None,
            "verdict": self.verdict,
            "evaluations": len(self.evaluations),
            "default": to_plain(self.dispatch.default),
            "winner": None,
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
            verified=Verified(final.seeds, final.verification.tolerance, final.verification.max_error),
        )


@dataclass(frozen=True, slots=True)
class ModelResult:
    """The model compiled plainly and with the specs, run side by side; `seeds` are those of its inputs."""

    paired: Paired
    ratio: Ratio
    verification: Verification
    seeds: tuple[int, ...]

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
            verified=Verified(self.seeds, self.verification.tolerance, self.verification.max_error),
        )


@dataclass(frozen=True, slots=True)
class TuneResult:
    """The result of `tuner.tune()`.

    `function`: the model's entry that was compared. `flags`: those that were chosen for the whole compilation, beside
    the user's. `spec`: the text of the tuning spec that plain iree-compile reads. `late_spec`: that of the entries that
    only `iree-tune compile` can apply ("" if there are none). `preprocessing`: that of the choices for single ops,
    which `ops` describe and `flags` apply ("" if there are none). `dispatches`: one result for each dispatch, in the
    model's order. `model`: the comparison of whole models, None if nothing was found. `binary`: the model compiled with
    flags and specs. `run_dir`: the folder of the log and the binaries. `circumstances`: those of the certificates.
    `wall_time`: where the run's time went. `allocator`: what the whole model was measured with.
    `late_gain`: the speed-up of the whole model by the late entries, over what plain iree-compile applies; None if that
    was not measured. `gains`: what flags, choices and spec give, None if the default stays. `breakdown`: where the time
    of the model goes, None if the run did not measure it. `command_shown`: how `compile_command` was shown to make
    `binary`, "" if it was not run.
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
    command_shown: str = ""

    @property
    def speedup(self) -> float:
        """How many times faster the whole model runs with the spec; 1.0 if the default stays."""
        return self.model.ratio.value if self.model is not None else 1.0

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
        write_atomically(self.run_dir / "result.json", json.dumps(self.to_json(), indent=1) + "\n")
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
            "ops": list(self.ops),
            "compile_command": list(self.compile_command),
            "command_shown": self.command_shown,
            "wall_time": {**to_plain(self.wall_time), "orchestration_s": self.wall_time.orchestration_s},
        }


def _plain(certificate: Certificate | None) -> dict[str, Any] | None:
    return None if certificate is None else certificate.to_json()
