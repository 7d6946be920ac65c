# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Samples of the space of a dispatch on the CPU: compiled, applied, run against the default."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tuner.compile.pool import CompileJob, CompilePool
from tuner.constraints import enumerate_space, sample_uniform
from tuner.dispatch import Dispatch
from tuner.evaluate.programs import runnable
from tuner.measuring import Runner
from tuner.outcome import Candidate, Fate
from tuner.spaces import find
from tuner.targets import Limits
from tuner.targets.cpu import CpuTarget


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples of the spaces of dispatches for one target, compiled by the same processes and run in the same one."""

    compilers: CompilePool
    runner: Runner
    target: CpuTarget

    def check(self, dispatch: Dispatch, limits: Limits, folder: Path, samples: int = 6) -> None:
        """Asserts that samples compile, are applied, and give the default's output."""
        problem, program = dispatch.problem, dispatch.program
        assert problem is not None
        assert program is not None
        found = find("cpu", problem)
        assert found is not None
        _, builder = found
        pool = enumerate_space(builder.build(problem, limits))
        rows = sample_uniform(pool, samples, np.random.default_rng(0))
        configurations = [None, *(builder.configuration(problem, pool.point(row)) for row in rows)]
        jobs = [
            CompileJob(
                program,
                dispatch.name,
                Candidate(number, configuration=configuration),
                self.target,
                folder / f"{number}.vmfb",
                folder / f"{number}.log",
            )
            for number, configuration in enumerate(configurations)
        ]
        ends = self.compilers.compile(jobs)
        assert [end.detail for end in ends if end.fate is not Fate.COMPILED] == []
        assert ends[0].configured == dispatch.default
        for number, end in enumerate(ends):
            assert end.binary is not None
            name = "default" if number == 0 else "candidate"
            self.runner.load(name, runnable(program, end.binary))
            if number == 0:
                self.runner.reference(name, 1, timeout_s=60.0)
                tolerances = self.runner.tolerances(name, 1, program.arithmetic, timeout_s=60.0)
            else:
                verification, _ = self.runner.check(name, 1, tolerances, timeout_s=60.0)
                assert verification.passed, f"{configurations[number]}: {verification.detail}"
