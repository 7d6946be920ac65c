# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A product whose sizes are primes, with candidates that are all many times faster; and a device that goes away."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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


@dataclass(frozen=True)
class Compiled:
    """A dispatch with its default and some candidates, compiled."""

    dispatch: Dispatch
    default: Compilation
    candidates: tuple[Compilation, ...]


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
