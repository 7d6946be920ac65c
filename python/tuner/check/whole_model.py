# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Judges the whole model, compiled with specs and flags as they are used, beside the plain one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tuner.check.entries import speed_verdict
from tuner.check.verdicts import ModelVerdict, Verdict
from tuner.compile.apply import RejectedError
from tuner.compile.specified import SpecifiedModel
from tuner.dispatch import Configured
from tuner.errors import MeasurementError, ToolError, WrongOutputError
from tuner.files import write_atomically
from tuner.measuring import Runner
from tuner.model.model import Model
from tuner.specs.certificate import Circumstances, Moment
from tuner.specs.read import ReadSpec
from tuner.specs.write import Entry, late_spec, problem_spec
from tuner.targets import Target
from tuner.tuning.arbitration import LONGEST_S, judge
from tuner.tuning.comparison import compare_models
from tuner.tuning.result import ModelResult
from tuner.tuning.whole_model import PlainModel


@dataclass(frozen=True, slots=True)
class WholeModel:
    """The whole model as a check compiles it. `model` is the plain one with the flags that were chosen for it."""

    plain: PlainModel
    model: Model
    target: Target
    folder: Path
    runner: Runner
    now: Circumstances
    seed: int

    def held(self, specs: Sequence[ReadSpec]) -> dict[Moment, dict[str, Configured]]:
        """What each dispatch holds with the early spec alone, and with both. Raises RejectedError or ToolError."""
        return self._with(specs).held()

    def held_alone(self, entry: Entry, moment: Moment) -> dict[str, Configured]:
        """As `held`, with one entry, at its moment."""
        early, late = ([entry], []) if moment == "early" else ([], [entry])
        return self._written(early, late).held()[moment]

    def compare(self, specs: Sequence[ReadSpec]) -> ModelVerdict:
        """The verdict on the model with the specs as they are; without any, with the chosen flags alone."""
        return self._compare(self._with(specs))

    def compare_with(self, early: Sequence[Entry], late: Sequence[Entry]) -> ModelVerdict:
        """The verdict on the model with these entries alone."""
        return self._compare(self._written(early, late))

    def _with(self, specs: Sequence[ReadSpec]) -> SpecifiedModel:
        paths = {spec.moment: spec.path for spec in specs}
        return self._specified(paths.get("early"), paths.get("late"))

    def _written(self, early: Sequence[Entry], late: Sequence[Entry]) -> SpecifiedModel:
        paths = self.folder / "kept.mlir", self.folder / "kept.late.mlir"
        write_atomically(paths[0], problem_spec(early))
        write_atomically(paths[1], late_spec(late))
        return self._specified(paths[0] if early else None, paths[1] if late else None)

    def _specified(self, early: Path | None, late: Path | None) -> SpecifiedModel:
        return SpecifiedModel(self.model, self.target, early, late, self.folder)

    def _compare(self, specified: SpecifiedModel) -> ModelVerdict:
        binary = self.folder / "model-with-specs.vmfb"
        try:
            specified.compile(binary)
            if binary.read_bytes() == self.plain.program.binary.read_bytes():
                return ModelVerdict(Verdict.UNDECIDED, "it is the plain model")
            plain, fault = self.plain, ""
            try:
                compared = self._compared(plain, binary)
            except WrongOutputError as error:
                if self.target.name == "cpu":
                    raise
                judgement = judge(plain, plain.program_of(binary), self.runner, self.folder, LONGEST_S)
                fault = judgement.fault
                if not fault:
                    raise WrongOutputError(f"{error}; {judgement.reason}") from error
                compared = self._compared(replace(plain, right=plain.program_of(binary)), binary)
        except (RejectedError, ToolError) as error:
            return ModelVerdict(Verdict.REFUSED, f"the model does not compile: {error}")
        except WrongOutputError as error:
            return ModelVerdict(Verdict.WRONG, str(error))
        except MeasurementError as error:
            self.runner.check_device()
            return ModelVerdict(Verdict.NOT_RUNNING, str(error))
        allocator = self.plain.program.allocator
        both = "" if allocator == "default" else f", both with the {allocator} allocator"
        detail = f"{compared.ratio} over the plain model{both}, its outputs within tolerance"
        if fault:
            detail += f" of the host CPU's; the plain model is wrong ({fault})"
        verdict, certificate = speed_verdict(compared.ratio), compared.certificate(self.now)
        accepted = None if certificate is None else replace(certificate, accepted=not verdict.is_failure)
        return ModelVerdict(verdict, detail, accepted)

    def _compared(self, plain: PlainModel, binary: Path) -> ModelResult:
        return compare_models(plain, plain.program, binary, self.runner, np.random.default_rng(self.seed))
