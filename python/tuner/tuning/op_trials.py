# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tries choices for single ops: the model is compiled with them, compared with the plain one, and timed."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tuner.errors import MeasurementError, ToolError, WrongOutputError
from tuner.evaluate.budget import Budget
from tuner.events import Note
from tuner.files import write_atomically
from tuner.measuring.sampling import Paired
from tuner.model.model import preprocessing_flag
from tuner.model_flags.repair import next_repair
from tuner.op_choices import OpChoice, flags_of
from tuner.op_choices.writing import preprocessing_spec
from tuner.outcome import Fate
from tuner.runs.store import FLAGS, Stored, digest
from tuner.specs.preprocessing import portable
from tuner.speedup import is_faster, speedup
from tuner.tuning.comparison import load_checked, load_filled, load_plain, rounds, unload
from tuner.tuning.flag_plan import known_flags
from tuner.tuning.flag_trials import described
from tuner.tuning.whole_model import PlainModel, again_if_killed
from tuner.tuning.workbench import Workbench

_PLAIN, _BEST, _CANDIDATE = "plain model", "best model so far", "model with other choices for ops"
# A candidate whose first two runs take this many times the best's gets no more.
_GIVE_UP_FACTOR = 1.3
# The gain, as a part, without which a choice is not kept: each one is in the way of a later compiler.
_MIN_GAIN = 0.01
# Times the plain model's compilation: one that takes longer is stopped when the budget ends.
_HANGS_FACTOR = 3


class RefusedError(ToolError):
    """The compiler refused choices, and nothing else can be the cause."""


@dataclass(frozen=True, slots=True)
class OpsEnd:
    """How a set of choices ended. `time_s`: a run of the model, None if there was none. `detail`: why it is not kept.

    `binary` is None if the result is from an earlier run.
    """

    is_kept: bool
    time_s: float | None = None
    detail: str = ""
    binary: Path | None = None
    is_stored: bool = False


class OpTrials:
    """Compiles sets of choices into the run's folder, and measures each against the best one so far."""

    def __init__(self, bench: Workbench, plain: PlainModel, budget: Budget) -> None:
        self._bench = bench
        self._plain = plain
        self._model = plain.model
        self._budget = budget
        self._folder = bench.folder.path / "ops"
        flags = repr(portable(plain.model.flags))
        self._subject = digest(plain.model.path.read_bytes(), flags, plain.program.allocator)
        # Flags with which choices compiled, by the text of their file.
        self._repairs: dict[str, tuple[str, ...]] = {}
        self._rng = np.random.default_rng(bench.options.seed)

    def flags(self, choices: Sequence[OpChoice]) -> tuple[str, ...]:
        """The flags that the model needs beside its own for these choices. Writes the file that they name.

        They include repairs, without which it does not compile, if it was compiled with these choices before.
        """
        if not choices:
            return ()
        text = preprocessing_spec(choices)
        path = self._folder / f"{digest(text)[:16]}.preprocessing.mlir"
        write_atomically(path, text)
        given = set(self._model.flags)
        needed = (flag for flag in flags_of(choices) if flag not in given)
        return (*needed, preprocessing_flag(path), *self._repairs.get(text, ()))

    def compiled(self, choices: Sequence[OpChoice]) -> Path:
        """The model compiled with these choices. Raises RefusedError or ToolError."""
        self._folder.mkdir(exist_ok=True)
        text, model = preprocessing_spec(choices), self._model.with_flags(*self.flags(choices))
        binary = self._folder / f"{digest(text)[:16]}.vmfb"
        limit_s = max(self._budget.left_s, _HANGS_FACTOR * self._plain.costs.unthreaded_s)
        known = known_flags(self._bench.target.name)
        while (result := model.compile(binary, timeout_s=limit_s)).exit_code != 0:
            repair = next_repair(() if known is None else known.repairs, result.output, model.flags)
            if repair is None or self._budget.left_s <= 0:
                failed = f"it does not compile: {result.first_error}"
                raise RefusedError(failed) if result.exit_code > 0 and repair is None else ToolError(failed)
            self._bench.listen(Note(f"The model with choices for single ops is {described(repair)}"))
            self._repairs[text] = (*self._repairs.get(text, ()), *repair.flags)
            model = model.with_flags(*repair.flags)
        return binary

    def of(self, choices: Sequence[OpChoice], before: Sequence[OpChoice], best: Path, best_s: float) -> OpsEnd:
        """Whether the model is faster with these choices than with those before; from the store if that is known.

        `best`: the model with the choices before, a run of which takes `best_s`. Raises DeviceLostError.
        """
        key = {"choices": sorted(map(_line, choices)), "before": sorted(map(_line, before))}
        stored = self._bench.store.find(self._subject, key)
        if stored is not None:
            return OpsEnd(not stored.detail, stored.time_s, stored.detail, is_stored=True)
        end, is_certain = self._measured(choices, best, best_s)
        if is_certain:
            fate = Fate.RUN_FAILED if end.time_s is None else Fate.MEASURED
            samples = () if end.time_s is None else (end.time_s,)
            gain = None if end.time_s is None else best_s / end.time_s
            self._bench.store.add(
                self._subject, key, Stored(fate, end.detail, 0.0, end.time_s, gain, samples), FLAGS, {}
            )
        return end

    def _measured(self, choices: Sequence[OpChoice], best: Path, best_s: float) -> tuple[OpsEnd, bool]:
        """The end, and whether nothing else than the choices can be the cause."""
        try:
            binary = self.compiled(choices)
        except RefusedError as error:
            return OpsEnd(False, detail=str(error)), True
        except ToolError as error:
            return OpsEnd(False, detail=str(error)), False
        if binary.read_bytes() == best.read_bytes():
            return OpsEnd(False, best_s, "it changes nothing"), True
        try:
            paired = again_if_killed(lambda: self._rounds(best, binary, best_s))
        except WrongOutputError as error:
            return OpsEnd(False, detail=str(error)), True
        except MeasurementError as error:
            self._bench.runner.check_device()
            return OpsEnd(False, detail=str(error)), False
        finally:
            unload(self._bench.runner, _BEST, _CANDIDATE)
        time_s, ratio = statistics.median(paired.candidate_s), speedup(paired.baseline_s, paired.candidate_s)
        if is_faster(ratio, _MIN_GAIN):
            return OpsEnd(True, time_s, binary=binary), True
        return OpsEnd(False, time_s, f"the model is not faster with it ({ratio})"), True

    def _rounds(self, best: Path, binary: Path, best_s: float) -> Paired:
        """Rounds of both, or one sample if the candidate is clearly slower. Raises MeasurementError."""
        runner, plain = self._bench.runner, self._plain
        limit_s = plain.timeout_within_s(self._budget)
        load_plain(plain, _PLAIN, runner)
        load_filled(_BEST, plain.program_of(best), runner, limit_s)
        _, first_s = load_checked(plain, _CANDIDATE, plain.program_of(binary), runner, limit_s)
        again_s = runner.time(_CANDIDATE, 1, timeout_s=limit_s)
        if min(first_s, again_s) > _GIVE_UP_FACTOR * best_s:
            compared_s = runner.time(_BEST, 1, timeout_s=limit_s)
            if again_s > _GIVE_UP_FACTOR * compared_s:
                return Paired((compared_s,), (again_s,))
        left_s = self._budget.left_s
        return rounds(
            runner, _BEST, _CANDIDATE, self._rng, min_gain=_MIN_GAIN, timeout_s=plain.timeout_s, budget_s=left_s
        )


def _line(choice: OpChoice) -> str:
    return f"{choice.label} {choice.op.strides} {choice.op.dilations}"
