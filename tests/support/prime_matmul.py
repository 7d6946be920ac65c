# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A product whose sizes are primes, with candidates that are all many times faster; runs of it; a device that goes."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import samples
from extraction import extract_text
from tuner.compile.pool import CompileJob, CompilePool
from tuner.dispatch import Configuration, Dispatch
from tuner.outcome import Candidate, Compilation
from tuner.targets.cpu import CpuTarget

TARGET = CpuTarget()
CONFIGURATIONS = [
    Configuration(
        "DoubleTilingExpert",
        {"distribution": (m, n, 0), "vector_common_parallel": (4, 32, 0), "vector_reduction": (0, 0, 8)},
    )
    for m, n in ((16, 64), (32, 64), (64, 128))
]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A dispatch with its default and some candidates, compiled."""

    dispatch: Dispatch
    default: Compilation
    candidates: tuple[Compilation, ...]

    def copied_to(self, folder: Path) -> Compiled:
        """The same with binaries of its own, which a test may spoil."""

        def copied(compilation: Compilation) -> Compilation:
            assert compilation.binary is not None
            return replace(compilation, binary=Path(shutil.copy(compilation.binary, folder)))

        return replace(self, default=copied(self.default), candidates=tuple(map(copied, self.candidates)))


def compile_in(folder: Path) -> Compiled:
    """The product, its default and the `CONFIGURATIONS`."""
    (dispatch,) = extract_text(samples.matmul(101, 211, 103), folder, TARGET, samples.NO_PEELING).dispatches
    assert dispatch.program is not None
    jobs = [
        CompileJob(
            dispatch.program,
            dispatch.name,
            Candidate(number, configuration=configuration),
            TARGET,
            folder / f"{number}.vmfb",
            folder / f"{number}.log",
        )
        for number, configuration in enumerate([None, *CONFIGURATIONS])
    ]
    with CompilePool(2, 60.0) as pool:
        default, *candidates = pool.compile(jobs)
    return Compiled(dispatch, default, tuple(candidates))


# The candidates of `random_run`.
TRIALS = 12


def random_run(folder: Path, name: str, *arguments: str, trials: int = TRIALS) -> list[str]:
    """The command of a run, in the folder `name`, that tries the same candidates wherever it measures."""
    model = folder / "model.mlir"
    model.write_text(samples.matmul(101, 211, 103))
    options = ["--keep-flags", "--allocator", "default", "--strategy", "random", "--trials", str(trials)]
    command = [sys.executable, "-m", "tuner", "run", str(model), *options, "--run-dir", str(folder / name)]
    return [*command, *arguments, "--", samples.NO_PEELING]


def records(run: Path) -> list[dict[str, Any]]:
    """The lines of a run's log; none if there is no log yet."""
    log = run / "log.jsonl"
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def candidates(run: Path) -> list[dict[str, Any]]:
    """The candidates of a run's log, the default first."""
    return [record for record in records(run) if "candidate" in record]


def assert_won(run: Path) -> dict[str, Any]:
    """A run has a verified winner; returns its configuration."""
    result = json.loads((run / "result.json").read_text())
    (dispatch,) = result["dispatches"]
    assert dispatch["final"]["ratio"]["low"] > 1.0
    assert result["model"]["verified"]
    winner: dict[str, Any] = dispatch["winner"]
    assert winner is not None
    return winner


class VanishingDevice:
    """IREE's local-sync device until so many programs were loaded on it; then a device that there is not."""

    runtime_flags = ()
    clock = "cpu"
    label = "1 thread"
    name = "vanishing"
    in_host_memory = True
    processors = ()

    def __init__(self, loads: Path, limit: int) -> None:
        self._loads = loads
        self._limit = limit

    @property
    def uri(self) -> str:
        with self._loads.open("a") as file:
            file.write("x")
        return "local-sync" if self._loads.stat().st_size <= self._limit else "local-vanished"
