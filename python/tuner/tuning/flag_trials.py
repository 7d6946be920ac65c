# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tries flags of the whole compilation: each choice is compiled, compared with the plain model, and timed."""

from __future__ import annotations

import math
import shutil
import statistics
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tuner.compile.apply import RejectedError
from tuner.compile.specified import SpecifiedModel
from tuner.errors import InputError, MeasurementError, ToolError, WrongOutputError
from tuner.evaluate.budget import Budget
from tuner.events import Note
from tuner.files import write_atomically
from tuner.measuring import FunctionProgram
from tuner.measuring.runner import lost
from tuner.measuring.sampling import Paired, sample
from tuner.measuring.transport import ATTEMPTS
from tuner.model.model import Model
from tuner.model_flags import ModelFlags
from tuner.model_flags.repair import Repair, next_repair
from tuner.outcome import Fate
from tuner.runs.store import FLAGS, Store, Stored, digest
from tuner.specs.preprocessing import portable
from tuner.specs.stand_in import StandIn, late_spec_of
from tuner.speedup import Ratio, speedup
from tuner.tuning.arbitration import LONGEST_S, Judgement, judge
from tuner.tuning.comparison import load_checked, load_plain, rounds, unload
from tuner.tuning.stand_ins import find_stand_ins
from tuner.tuning.whole_model import PlainModel, again_if_killed
from tuner.tuning.workbench import Workbench

_PLAIN, _OTHER, _CANDIDATE = "plain model", "model with fewer flags", "model with other flags"
# Times the best time so far: a choice that is slower gets no more samples.
_GIVE_UP_FACTOR = 1.5
# Times the plain model's compilation: one that takes longer is stopped when the budget ends.
_HANGS_FACTOR = 3
# Times the plain model's compilation that stand-ins take: the model is read, its defaults are compiled one by one and
# a few candidates for those that fail, then it is compiled with what was found.
_STAND_INS_FACTOR = 4
# The part of what is left that the host CPU may take to decide whether the plain model is right, and how many times the
# processor time of the plain model's compilation it has at least: flags have a small part of a short run.
_ARBITRATION_PART, _ARBITRATION_FACTOR = 0.2, 3.0
# Characters of a file's name; file systems take 255.
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class End:
    """How a choice ended: the seconds of a run, or None and why. It is certain unless others may be at fault.

    `detail` also says how a choice was repaired. `speedup`: over the plain model of the run that measured it. `binary`:
    what tells its code from other code, "" if it was not compiled in this run's folder.
    """

    time_s: float | None
    detail: str = ""
    speedup: float | None = None
    is_certain: bool = True
    is_stored: bool = False
    binary: str = ""


@dataclass(frozen=True, slots=True)
class Mended:
    """What a choice needs beside its flags to compile: further flags, or configurations in place of some defaults."""

    repairs: tuple[Repair, ...] = ()
    stand_ins: tuple[StandIn, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """A part of a sentence for each, for people."""
        names = ", ".join(stand_in.dispatch for stand_in in self.stand_ins)
        with_late = (f"repaired by a late entry for each default that does not compile: {names}",) if names else ()
        return (*map(described, self.repairs), *with_late)


@dataclass(frozen=True, slots=True)
class _Refused:
    """A choice that flags cannot repair: the model with its flags alone, and what the compiler says."""

    model: Model
    reason: str


def described(repair: Repair) -> str:
    """A repair for people."""
    return f"repaired by {' '.join(repair.flags)}, for {repair.reason} without it"


def _code_of(binary: Path) -> str:
    """What tells the code of a binary from other code; "" if the file does not exist."""
    return digest(binary.read_bytes()) if binary.exists() else ""


class FlagTrials:
    """Compiles choices into the run's folder and measures their binaries, equal ones once.

    `budget`: the time for all of it.
    """

    def __init__(self, bench: Workbench, plain: PlainModel, known: ModelFlags, budget: Budget) -> None:
        self._bench = bench
        self._plain = plain
        self._known = known
        self._budget = budget
        self._folder = bench.folder.path / "flags"
        self._generation = -1
        # The name of our file for choices of ops differs from run to run.
        flags = repr(portable(plain.model.flags))
        self._subject = digest(plain.model.path.read_bytes(), flags, plain.program.allocator)
        # Seconds of a run, by the digest of the binary: many choices change nothing in a model.
        self._times_s: dict[str, float] = {}
        # What a choice needed to compile, by its binary.
        self._compiled: dict[Path, Mended] = {}
        self._baseline_s = 0.0
        # What the host CPU says of the plain model. On the host CPU itself there is nothing to compare it with.
        self._judgement = Judgement() if bench.target.name == "cpu" else None

    @property
    def right(self) -> FunctionProgram | None:
        """The model with a choice that makes it right, if the plain model was found to be wrong."""
        return self._plain.right

    def time_plain(self, held: Mapping[str, str]) -> float:
        """The median seconds of a run of the plain model, which was compiled with the choices `held`.

        Raises DeviceLostError if it does not run.
        """
        self._folder.mkdir(exist_ok=True)
        self._baseline_s = self._plain_s()
        self._remember(_code_of(self._plain.program.binary), self._baseline_s)
        if held:
            same = self.binary_of(held)
            shutil.copyfile(self._plain.program.binary, same)
            self._compiled[same] = Mended()
        return self._baseline_s

    def of(self, choices: Sequence[dict[str, str]], best_s: float) -> Iterator[End]:
        """Compiles the choices, then measures one by one; the end of each, from the store if it is known.

        `best_s`: a run of the best so far.
        """
        stored = [self._store.find(self._subject, values) for values in choices]
        new = [values for values, known in zip(choices, stored, strict=True) if known is None]
        binaries = iter(self._compile(new))
        for values, known in zip(choices, stored, strict=True):
            if known is not None:
                binary = self.binary_of(values)
                code = _code_of(binary)
                end = End(known.time_s, known.detail, known.speedup, is_stored=True, binary=code)
                self._remember(code, known.time_s)
            else:
                end = self._new(values, next(binaries), best_s)
            if end.time_s is not None:
                best_s = min(best_s, end.time_s)
            yield end

    def mended(self, values: Mapping[str, str]) -> Mended:
        """What a choice needs beside its flags to compile. It is compiled for that, unless it was before."""
        if values:
            self._folder.mkdir(exist_ok=True)
            self._compile([dict(values)])
        return self._compiled.get(self.binary_of(values), Mended())

    def against(self, values: dict[str, str], other: dict[str, str], kept_s: float) -> Ratio | None:
        """The speed-up of one choice over another, {} for the plain model, by interleaved rounds; None if one fails.

        `kept_s`: how much of the budget they leave.
        """
        runner, min_gain = self._bench.runner, self._bench.options.min_gain
        candidate, baseline = self._compile([values, *([other] if other else [])]), None
        if other:
            baseline = candidate.pop()
        if isinstance(candidate[0], End) or isinstance(baseline, End):
            return None
        binary = candidate[0]

        def compared() -> Paired:
            self._load_plain()
            if baseline is not None:
                self._check(baseline, _OTHER)
            self._check(binary, _CANDIDATE)
            return rounds(
                runner,
                _PLAIN if baseline is None else _OTHER,
                _CANDIDATE,
                np.random.default_rng(self._bench.options.seed),
                min_gain=0.0 if other else min_gain,
                timeout_s=self._plain.timeout_s,
                budget_s=self._budget.left_s - kept_s,
            )

        try:
            paired = again_if_killed(compared)
        except WrongOutputError:
            return None
        except MeasurementError:
            runner.check_device()
            return None
        finally:
            unload(runner, _CANDIDATE, *([_OTHER] if other else []))
        return speedup(paired.baseline_s, paired.candidate_s)

    @property
    def _store(self) -> Store:
        return self._bench.store

    def _new(self, values: dict[str, str], binary: Path | End, best_s: float) -> End:
        """As `_evaluate`, kept for other runs, unless it only came too late."""
        end = self._evaluate(binary, best_s)
        if end.time_s is not None:
            words = "; ".join(self._compiled[self.binary_of(values)].words)
            end = replace(end, speedup=self._baseline_s / end.time_s, detail=words)
        if end.time_s is not None or self._budget.left_s > 0:
            self._keep(values, end)
        return end

    def _keep(self, values: dict[str, str], end: End) -> None:
        if end.is_certain:
            fate = Fate.MEASURED if end.time_s is not None else Fate.RUN_FAILED
            samples = (end.time_s,) if end.time_s is not None else ()
            stored = Stored(fate, end.detail, 0.0, end.time_s, end.speedup, samples)
            self._store.add(self._subject, values, stored, FLAGS, values)

    def _compile(self, choices: Sequence[dict[str, str]]) -> list[Path | End]:
        """The binary of each choice, or why there is none. When it returns nothing compiles any more."""

        # Whatever compiles longer than what is left has come too late, unless so little is left that all would.
        limit_s = max(self._budget.left_s, _HANGS_FACTOR * self._plain.costs.unthreaded_s)

        def one(values: dict[str, str]) -> Path | End | _Refused:
            binary = self.binary_of(values)
            if binary in self._compiled:
                return binary
            repairs: tuple[Repair, ...] = ()
            asked = model = self._plain.model.with_flags(*self._known.flags(values))
            while True:
                try:
                    result = model.compile(binary, timeout_s=limit_s)
                except ToolError as error:
                    return End(None, str(error), is_certain=False)
                if result.exit_code == 0:
                    self._compiled[binary] = Mended(repairs)
                    return binary
                repair = next_repair(self._known.repairs, result.output, model.flags)
                reason = f"it does not compile: {result.first_error}"
                if result.exit_code > 0 and repair is None:
                    return _Refused(asked, reason)
                if repair is None or self._budget.left_s <= 0:
                    return End(None, reason, is_certain=False)
                repairs = (*repairs, repair)
                model = model.with_flags(*repair.flags)

        if not choices:
            return []
        with ThreadPoolExecutor(len(choices)) as threads:
            ends = list(threads.map(one, choices))
        return [
            self._with_stand_ins(self.binary_of(values), end) if isinstance(end, _Refused) else end
            for values, end in zip(choices, ends, strict=True)
        ]

    def _with_stand_ins(self, binary: Path, refused: _Refused) -> Path | End:
        """The binary with configurations of ours for the defaults that the compiler refuses, if there are any.

        Plain iree-compile does not apply them.
        """
        needed_s = _STAND_INS_FACTOR * self._plain.costs.unthreaded_s
        if self._bench.options.plain:
            return End(None, refused.reason, is_certain=False)
        if self._budget.left_s < needed_s:
            return End(None, f"{refused.reason}; there is no time to look for what could stand in", is_certain=False)
        folder = self._folder / "refused"
        try:
            stand_ins = find_stand_ins(self._bench, refused.model, folder)
            late = folder / "stand-ins.late.mlir"
            write_atomically(late, late_spec_of(stand_ins))
            SpecifiedModel(refused.model, self._bench.target, None, late, folder).compile(binary)
        except (InputError, ToolError, RejectedError):
            return End(None, refused.reason)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        self._compiled[binary] = Mended(stand_ins=stand_ins)
        return binary

    def binary_of(self, values: Mapping[str, str]) -> Path:
        """Where a choice is compiled to."""
        name = "-".join(f"{name}-{value}" for name, value in values.items())
        return self._folder / f"{name if len(name) <= _LONGEST_NAME else digest(name)}.vmfb"

    def _remember(self, code: str, time_s: float | None) -> None:
        """Takes `time_s` for every choice of this code, unless it is unknown."""
        if time_s is not None and code:
            self._times_s.setdefault(code, time_s)

    def _evaluate(self, binary: Path | End, best_s: float) -> End:
        """Measures a choice unless another one made the same binary."""
        if isinstance(binary, End):
            return binary
        code = _code_of(binary)
        known_s = self._times_s.get(code)
        if known_s is not None:
            return End(known_s, binary=code)
        end = self._measure(binary, best_s)
        self._remember(code, end.time_s)
        return replace(end, binary=code)

    def _measure(self, binary: Path, best_s: float) -> End:
        """The median seconds of a run, or why there are none."""
        runner, limit, give_up_s = self._bench.runner, self._plain.timeout_s, _GIVE_UP_FACTOR * best_s

        def samples() -> list[float]:
            self._load_plain()
            first_s = self._check(binary, _CANDIDATE)
            return sample(runner, _CANDIDATE, first_s=first_s, timeout_s=limit, give_up_above_s=give_up_s)

        try:
            return End(statistics.median(again_if_killed(samples)))
        except WrongOutputError as error:
            return End(None, str(error), is_certain=self._judgement is None or self._judgement.is_certain)
        except MeasurementError as error:
            runner.check_device()
            return End(None, str(error), is_certain=False)

    def _check(self, binary: Path, key: str) -> float:
        """Loads a choice and compares its outputs with the plain model's; the seconds of that run.

        The first time that they differ the host CPU decides which of both is right.
        """
        program, limit_s = self._plain.program_of(binary), self._plain.timeout_within_s(self._budget)
        try:
            return load_checked(self._plain, key, program, self._bench.runner, limit_s)[1]
        except WrongOutputError:
            if not self._is_plain_wrong(program):
                raise
        self._load_plain()
        return load_checked(self._plain, key, program, self._bench.runner, limit_s)[1]

    def _is_plain_wrong(self, other: FunctionProgram) -> bool:
        """Whether the plain model is found to be wrong, and `other` right. It is asked once."""
        if self._judgement is not None:
            return False
        least_s = _ARBITRATION_FACTOR * self._plain.costs.unthreaded_s
        limit_s = min(LONGEST_S, max(least_s, _ARBITRATION_PART * self._budget.left_s))
        judgement = judge(self._plain, other, self._bench.runner, self._folder, limit_s)
        self._judgement, self._generation = judgement, -1
        if judgement.fault:
            self._plain = replace(self._plain, right=other)
            # A choice that makes the plain model's binary is to be checked like all.
            self._times_s.clear()
            told = (
                f"The compiler's default is wrong for this model: it differs from the same model on the host CPU"
                f" ({judgement.fault}), while the model with other flags agrees. Outputs are compared with those from"
                " now on"
            )
        else:
            told = (
                f"Flags change what this model computes, and are refused if they do: {judgement.reason}; the compiler's"
                " default stays what outputs are compared with"
            )
        self._bench.listen(Note(told))
        return bool(judgement.fault)

    def _plain_s(self) -> float:
        runner, limit = self._bench.runner, self._plain.timeout_s
        failure: MeasurementError | None = None
        for _ in range(ATTEMPTS):
            try:
                self._load_plain()
                first_s = runner.time(_PLAIN, 1, timeout_s=limit)
                return statistics.median(
                    sample(runner, _PLAIN, first_s=first_s, timeout_s=limit, give_up_above_s=math.inf)
                )
            except MeasurementError as error:
                # Its process may have been killed from outside.
                runner.restart()
                failure = error
        raise lost(runner.device, failure) from failure

    def _load_plain(self) -> None:
        """Loads the plain model and its outputs, unless the measuring process has them."""
        runner = self._bench.runner
        if self._generation == runner.generation:
            return
        load_plain(self._plain, _PLAIN, runner)
        self._generation = runner.generation
