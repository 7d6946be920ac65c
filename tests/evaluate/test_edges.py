# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is slower between guard pages counts as slow as it is there, by replay; noise and the default's own do not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tuner.dispatch import BenchmarkProgram
from tuner.evaluate.bench import DispatchBench
from tuner.evaluate.edges import edge_slowdown
from tuner.evaluate.programs import runnable
from tuner.measuring import DispatchProgram, Runner
from tuner.measuring.programs import ProgramSource
from tuner.outcome import Candidate, Compilation, Evaluation, Fate
from tuner.targets import Device
from tuner.testing.replay import DEVICE, Behaviour, Replay

HOST = replace(DEVICE, in_host_memory=True)
PROGRAM = BenchmarkProgram("", "", "run", "set", 64, ())


def compiled(number: int) -> Compilation:
    return Compilation(Candidate(number), Fate.COMPILED, "", 0.1, Path("log"), Path(f"{number}.vmfb"))


def replay(*behaviours: Behaviour) -> Replay:
    """The programs by the numbers of their candidates."""

    def behaviour_of(source: ProgramSource) -> Behaviour:
        assert isinstance(source, DispatchProgram)
        return behaviours[int(source.binary.stem)]

    return Replay(behaviour_of)


def evaluated(default: Behaviour, *candidates: Behaviour) -> tuple[DispatchBench, list[Evaluation]]:
    runner = Runner(HOST, transport=replay(default, *candidates))
    bench = DispatchBench.start(runner, PROGRAM, compiled(0))
    return bench, [bench.evaluate(compiled(number)) for number in range(1, len(candidates) + 1)]


@pytest.mark.parametrize(
    ("default", "candidate", "slowdown"),
    [
        (Behaviour(4e-3), Behaviour(1e-3), 1.0),
        (Behaviour(4e-3), Behaviour(1e-3, guarded_time_s=5e-3), 5.0),
        # Noise, and what the default suffers too.
        (Behaviour(4e-3), Behaviour(1e-3, guarded_time_s=1.1e-3), 1.0),
        (Behaviour(4e-3, guarded_time_s=8e-3), Behaviour(1e-3, guarded_time_s=5e-3), 2.5),
        (Behaviour(4e-3, guarded_time_s=24e-3), Behaviour(1e-3, guarded_time_s=5e-3), 1.0),
        # Too long for the few reads at its edges to matter.
        (Behaviour(0.2), Behaviour(0.1, guarded_time_s=0.5), 1.0),
    ],
)
def test_a_slowdown_beyond_the_defaults_counts(default: Behaviour, candidate: Behaviour, slowdown: float) -> None:
    _, (end,) = evaluated(default, candidate)
    assert end.fate is Fate.MEASURED
    assert end.edge_slowdown == pytest.approx(slowdown)
    assert set(end.samples_s) == {candidate.time_s}
    assert end.time_s == pytest.approx(candidate.time_s * slowdown)
    assert end.speedup == pytest.approx(default.time_s / (candidate.time_s * slowdown))
    assert ("slower if nothing readable follows its operands" in end.detail) == (slowdown > 1)


def test_a_final_prefers_what_is_fast_everywhere() -> None:
    bench, ends = evaluated(Behaviour(4e-3), Behaviour(1e-3, guarded_time_s=5e-3), Behaviour(2e-3))
    final = bench.final(ends, np.random.default_rng(0), 0.02)
    assert final is not None
    assert final.evaluation.candidate.number == 2
    assert final.accepted
    alone = bench.final(ends[:1], np.random.default_rng(0), 0.02)
    assert alone is not None
    assert alone.ratio.value == pytest.approx(4.0)
    assert not alone.accepted


@pytest.mark.parametrize(("device", "slowdown"), [(HOST, 5.0), (DEVICE, 1.0)])
def test_only_memory_of_the_host_has_guard_pages(device: Device, slowdown: float) -> None:
    with Runner(device, transport=replay(Behaviour(1e-3, guarded_time_s=5e-3))) as runner:
        runner.load("program", runnable(PROGRAM, Path("0.vmfb")))
        assert edge_slowdown(runner, "program", 1e-3) == pytest.approx(slowdown)
