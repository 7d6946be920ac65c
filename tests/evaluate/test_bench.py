# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A bench of one dispatch under faults and noise: what it says, whom it passes over, and when it gives up."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import faults
import sabotage
import samples
from extraction import extract_text
from prime_matmul import TARGET, Compiled, VanishingDevice
from tuner.compile.pool import CompileJob, CompilePool
from tuner.dispatch import Configuration
from tuner.errors import DeviceLostError, ToolError
from tuner.evaluate.bench import DispatchBench
from tuner.evaluate.budget import Budget
from tuner.evaluate.final import Final, verdict_on
from tuner.events import Disturbance, Event, FinalistFailed
from tuner.measuring import Runner, Verification
from tuner.measuring.noise import typical_s
from tuner.measuring.sampling import Paired
from tuner.outcome import DEFAULT, Candidate, Compilation, Evaluation, Fate
from tuner.speedup import Ratio, is_faster
from tuner.targets.cpu import CpuTarget

pytestmark = pytest.mark.runs


@pytest.fixture(name="runner")
def make_runner() -> Iterator[Runner]:
    with Runner(TARGET.device) as runner:
        yield runner


def bench_of(runner: Runner, compiled: Compiled, heard: list[Event]) -> DispatchBench:
    program = compiled.dispatch.program
    assert program is not None
    return DispatchBench.start(runner, program, compiled.default, dispatch="d", listen=heard.append)


def evaluate_all(bench: DispatchBench, compiled: Compiled) -> list[Evaluation]:
    ends = [bench.evaluate(compilation) for compilation in compiled.candidates]
    assert {end.fate for end in ends} == {Fate.MEASURED}
    return ends


def spoil(evaluation: Evaluation, deed: str) -> None:
    assert evaluation.compilation.binary is not None
    sabotage.spoil(evaluation.compilation.binary, deed)


@pytest.mark.parametrize(
    ("deed", "fate"),
    [("segfault", Fate.RUN_FAILED), ("hang", Fate.TIMED_OUT), ("write nothing", Fate.WRONG_RESULT)],
)
def test_a_finalist_that_fails_in_the_final_is_named_and_the_next_best_wins(
    runner: Runner, compiled: Compiled, deed: str, fate: Fate
) -> None:
    heard: list[Event] = []
    bench = bench_of(runner, compiled, heard)
    ends = evaluate_all(bench, compiled)
    best = max(ends, key=lambda each: each.speedup or 0.0)
    spoil(best, deed)
    final = bench.final(ends, np.random.default_rng(0), 0.02)
    assert final is not None
    assert final.accepted
    assert final.evaluation.candidate.number != best.candidate.number
    (failed,) = [event.evaluation for event in heard if isinstance(event, FinalistFailed)]
    assert (failed.candidate.number, failed.fate) == (best.candidate.number, fate)
    assert failed.detail.startswith("in the final: ")


def bench_of_elementwise(body: str, runner: Runner, folder: Path, heard: list[Event]) -> DispatchBench:
    """A bench of y = f(x) on 4096 numbers, `body` being f."""
    (dispatch,) = extract_text(samples.elementwise_of(body, 4096), folder, TARGET).dispatches
    assert dispatch.program is not None
    job = CompileJob(dispatch.program, dispatch.name, DEFAULT, TARGET, folder / "default.vmfb", folder / "log")
    with CompilePool(1, 60.0) as pool:
        (default,) = pool.compile([job])
    return DispatchBench.start(runner, dispatch.program, default, dispatch="d", listen=heard.append)


def test_roots_are_taken_of_positive_numbers(runner: Runner, tmp_path: Path) -> None:
    heard: list[Event] = []
    bench_of_elementwise("%y = math.sqrt %x : f32", runner, tmp_path, heard)
    assert not [event for event in heard if "NaN" in str(event)]


def test_what_is_never_a_number_cannot_be_tuned(runner: Runner, tmp_path: Path) -> None:
    body = (
        "%a = math.absf %x : f32  %n = arith.negf %a : f32  %m = arith.subf %n, %n : f32  %y = arith.divf %m, %m : f32"
    )
    with pytest.raises(ToolError, match="NaN or infinite everywhere"):
        bench_of_elementwise(body, runner, tmp_path, [])


def test_a_final_without_time_takes_the_searchs_best_and_the_fewest_rounds(runner: Runner, compiled: Compiled) -> None:
    heard: list[Event] = []
    bench = bench_of(runner, compiled, heard)
    ends = evaluate_all(bench, compiled)
    final = bench.final(ends, np.random.default_rng(0), 0.02, Budget(1e-3))
    assert final is not None
    assert final.evaluation == max(ends, key=lambda each: each.speedup or 0.0)
    assert len(final.paired.baseline_s) == 10
    assert final.verification.passed
    assert final.accepted == is_faster(final.ratio, 0.02)


def test_what_a_final_takes_grows_with_its_finalists(runner: Runner, compiled: Compiled) -> None:
    bench = bench_of(runner, compiled, [])
    costs = bench.final_costs(1.0)
    assert costs.least_s == costs.wanted_s(1) > 20 * costs.default_s
    assert all(costs.wanted_s(finalists) >= costs.least_s for finalists in range(2, 11))
    assert bench.final_costs(100.0).least_s <= costs.least_s
    # Programs are loaded anew only while that is cheap, which it is for few: without it more finalists take longer.
    costs = replace(costs, load_s=0.0)
    wanted = [costs.wanted_s(finalists) for finalists in range(1, 11)]
    assert wanted == sorted(wanted)
    assert costs.fitting(0.0) == 0
    assert costs.fitting(costs.least_s) <= costs.fitting(costs.wanted_s(10)) <= costs.fitting(float("inf")) == 10


def test_where_every_finalist_fails_there_is_no_final(runner: Runner, compiled: Compiled) -> None:
    heard: list[Event] = []
    bench = bench_of(runner, compiled, heard)
    ends = evaluate_all(bench, compiled)
    for end in ends:
        spoil(end, "illegal instruction")
    assert bench.final(ends, np.random.default_rng(0), 0.02) is None
    assert {event.evaluation.candidate.number for event in heard if isinstance(event, FinalistFailed)} == {1, 2, 3}


def test_a_kill_from_outside_costs_no_finalist_its_place(runner: Runner, compiled: Compiled) -> None:
    heard: list[Event] = []
    bench = bench_of(runner, compiled, heard)
    ends = evaluate_all(bench, compiled)
    killed: list[int] = []

    def kill_once() -> None:
        if not killed:
            time.sleep(0.2)
            killed.extend(pid for pid in faults.measuring(os.getpid()) if faults.kill([pid]))

    with faults.meanwhile(kill_once):
        final = bench.final(ends, np.random.default_rng(0), 0.02)
    assert len(killed) == 1
    assert runner.generation == 1
    assert final is not None
    assert final.accepted
    assert not [event for event in heard if isinstance(event, FinalistFailed)]


def test_a_device_that_stops_existing_is_told_from_a_candidate_that_fails(compiled: Compiled, tmp_path: Path) -> None:
    heard: list[Event] = []
    with Runner(VanishingDevice(tmp_path / "loads", limit=8)) as runner:  # type: ignore[arg-type]
        bench = bench_of(runner, compiled, heard)
        with pytest.raises(DeviceLostError, match="a program that ran on it before failed"):
            for _ in range(5):
                evaluate_all_as_they_end(bench, compiled)
    # A machine that is busy just then is told of too.
    (event,) = [event for event in heard if not (isinstance(event, Disturbance) and "noisy" in event.text)]
    assert isinstance(event, Disturbance)
    assert "is lost" in event.text


def evaluate_all_as_they_end(bench: DispatchBench, compiled: Compiled) -> None:
    for compilation in compiled.candidates:
        end = bench.evaluate(compilation)
        assert end.fate in (Fate.MEASURED, Fate.RUN_FAILED)


@pytest.mark.measures
@pytest.mark.skipif("avx512f" in Path("/proc/cpuinfo").read_text(), reason="what AVX-512 does there is another matter")
def test_a_kernel_that_reads_beyond_its_operands_counts_as_slow_as_it_can_be(runner: Runner, tmp_path: Path) -> None:
    """In steps of 64, the last rows of 103 are read from beyond the operand, masked; with steps of 1 none are."""
    reaching, staying = (
        Configuration(
            "DoubleTilingExpert",
            {"distribution": (96, 32, 0), "vector_common_parallel": (1, 32, 0), "vector_reduction": (0, 0, step)},
        )
        for step in (64, 1)
    )
    (dispatch,) = extract_text(samples.matmul(101, 211, 103), tmp_path, TARGET, samples.NO_PEELING).dispatches
    assert dispatch.program is not None
    jobs = [
        CompileJob(
            dispatch.program,
            dispatch.name,
            Candidate(number, configuration=configuration),
            TARGET,
            tmp_path / f"{number}.vmfb",
            tmp_path / f"{number}.log",
        )
        for number, configuration in enumerate((None, reaching, staying))
    ]
    with CompilePool(2, 60.0) as pool:
        default, *candidates = pool.compile(jobs)
    bench = bench_of(runner, Compiled(dispatch, default, tuple(candidates)), [])
    slow = bench.evaluate(candidates[0])
    fast = bench.evaluate(candidates[1])
    assert slow.edge_slowdown > 3
    assert "slower if nothing readable follows its operands" in slow.detail
    assert slow.time_s == pytest.approx(slow.edge_slowdown * typical_s(slow.samples_s))
    assert (fast.edge_slowdown, fast.detail) == (1.0, "")
    # Beside other data it is many times faster than the default, and would be handed over.
    assert bench.baseline_s / np.median(slow.samples_s) > 3
    final = bench.final([slow], np.random.default_rng(0), 0.02)
    assert final is not None
    assert final.ratio.low > 3
    assert not final.accepted
    assert "slower if nothing readable follows its operands" in verdict_on(final, 0.02)
    best = bench.final([slow, fast], np.random.default_rng(0), 0.02)
    assert best is not None
    assert best.evaluation.candidate.number == 2
    assert best.accepted


BURSTS = """
import time
while True:
    until = time.monotonic() + 0.06
    while time.monotonic() < until:
        pass
    time.sleep(0.06)
"""


@pytest.mark.measures
def test_noise_is_told_while_it_lasts_and_measured_longer(tmp_path: Path) -> None:
    """Two threads are timed by the wall, and bursts of other work on every processor spoil that."""
    target = CpuTarget(threads=2)
    (dispatch,) = extract_text(samples.matmul(384, 384, 384), tmp_path, target).dispatches
    assert dispatch.program is not None
    jobs = [
        CompileJob(
            dispatch.program,
            dispatch.name,
            Candidate(number),
            target,
            tmp_path / f"{number}.vmfb",
            tmp_path / f"{number}.log",
        )
        for number in range(2)
    ]
    with CompilePool(2, 60.0) as pool:
        default, same = pool.compile(jobs)
    heard: list[Event] = []
    processors = range(os.cpu_count() or 1)
    bursts = [subprocess.Popen([sys.executable, "-c", BURSTS]) for _ in processors]
    try:
        with Runner(target.device) as runner:
            bench = bench_of(runner, Compiled(dispatch, default, (same,)), heard)
            for _ in range(12):
                bench.sample_baseline()
            end = bench.evaluate(same)
            finals = [bench.final([end], np.random.default_rng(seed), 0.02) for seed in range(3)]
    finally:
        for burst in bursts:
            burst.kill()
            burst.wait()
    said = [event.text for event in heard if isinstance(event, Disturbance)]
    assert any("the machine is noisy" in text for text in said), said
    assert any("measuring longer" in text for text in said), said
    assert end.fate is Fate.MEASURED
    assert len(end.samples_s) >= 5
    decided = [final for final in finals if final is not None]
    assert len(decided) == len(finals)
    assert max(len(final.paired.baseline_s) for final in decided) > 10
    # The same program twice: one final in forty errs upward on a quiet machine, so one of three may here.
    assert sum(final.accepted for final in decided) <= 1


@pytest.mark.parametrize(
    ("ratio", "slowdown", "says"),
    [
        (Ratio(0.84, 0.83, 0.85), 1.01, "the default is best (the best candidate: 0.84x"),
        (Ratio(1.01, 1.005, 1.015), 1.3, "the default is best (the best candidate: 1.01x"),
        (
            Ratio(3.0, 2.9, 3.1),
            11.7,
            "(3.00x [2.90, 3.10]) is 11.7x slower if nothing readable follows its operands",
        ),
    ],
)
def test_what_follows_operands_is_spoken_of_if_it_decides(ratio: Ratio, slowdown: float, says: str) -> None:
    compilation = Compilation(Candidate(1), Fate.COMPILED, "", 0.1, Path("log"))
    best = Evaluation(compilation, Fate.MEASURED, "", slowdown * 0.01, 1.0, (0.01,), slowdown)
    final = Final(best, Paired((0.01,), (0.01,)), ratio, Verification(True, 0.0), accepted=False, seeds=(1,))
    assert says in verdict_on(final, 0.02)
