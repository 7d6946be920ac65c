# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""On devices on which data races hide, who would win is checked harder, by replay; a race on the CPU stands for all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from prime_matmul import TARGET, Compiled
from tuner.dispatch import BenchmarkProgram
from tuner.evaluate.bench import DispatchBench
from tuner.evaluate.budget import Budget
from tuner.evaluate.contest import costs_of
from tuner.evaluate.final import Final
from tuner.events import Event, FinalistChecked, FinalistFailed
from tuner.measuring import DispatchProgram, Runner
from tuner.measuring.calls import Call, FindRaces, Reference, Repeat
from tuner.measuring.programs import ProgramSource
from tuner.measuring.racecheck import NO_TIME, RaceCheck
from tuner.outcome import Candidate, Compilation, Fate
from tuner.targets import Device
from tuner.testing.replay import DEVICE, Behaviour, Replay, Slip

T = TypeVar("T")
GPU = replace(DEVICE, may_race=True)
NVIDIA = replace(GPU, has_racecheck=True)
PROGRAM = BenchmarkProgram("", "", "run", "set", 64, ())
DEFAULT = Behaviour(4e-3)


def compiled(number: int) -> Compilation:
    return Compilation(Candidate(number), Fate.COMPILED, "", 0.1, Path("log"), Path(f"{number}.vmfb"))


class Asked(Replay):
    """Remembers what it was asked."""

    def __init__(self, behaviour_of: Callable[[ProgramSource], Behaviour]) -> None:
        super().__init__(behaviour_of)
        self.calls: list[object] = []

    def ask(self, call: Call[T], *, timeout_s: float) -> T:
        self.calls.append(call)
        return super().ask(call, timeout_s=timeout_s)


def replay(behaviours: tuple[Behaviour, ...]) -> Asked:
    def behaviour_of(source: ProgramSource) -> Behaviour:
        assert isinstance(source, DispatchProgram)
        return behaviours[int(source.binary.stem)]

    return Asked(behaviour_of)


def ended(
    *behaviours: Behaviour, device: Device = GPU, budget: Budget | None = None
) -> tuple[Final | None, list[Event], Asked]:
    """The final of candidates, which are numbered from 1; the first behaviour is the default's."""
    heard: list[Event] = []
    transport = replay(behaviours)
    bench = DispatchBench.start(
        Runner(device, transport=transport), PROGRAM, compiled(0), dispatch="d", listen=heard.append
    )
    ends = [bench.evaluate(compiled(number)) for number in range(1, len(behaviours))]
    assert {end.fate for end in ends} == {Fate.MEASURED}
    return bench.final(ends, np.random.default_rng(0), 0.02, budget), heard, transport


def failures(heard: list[Event]) -> list[tuple[int, Fate, str]]:
    failed = [event.evaluation for event in heard if isinstance(event, FinalistFailed)]
    return [(evaluation.candidate.number, evaluation.fate, evaluation.detail) for evaluation in failed]


def checks(heard: list[Event]) -> list[tuple[int, str]]:
    return [(event.candidate, event.text) for event in heard if isinstance(event, FinalistChecked)]


def test_a_winner_has_passed_eight_seeds_of_twenty_runs() -> None:
    final, heard, transport = ended(DEFAULT, Behaviour(1e-3))
    assert final is not None
    assert final.accepted
    assert (len(set(final.seeds)), final.runs, final.races) == (8, 20, None)
    assert checks(heard) == [(1, "checked on 8 seeds, 20 runs each")]
    repeats = [call for call in transport.calls if isinstance(call, Repeat)]
    assert [call.seed for call in repeats if call.key == "candidate"] == list(final.seeds)
    assert {(call.runs, call.exactly) for call in repeats} == {(20, True)}


@pytest.mark.parametrize(
    ("slip", "says"),
    [
        (Slip(run=17), "in the final: on seed 1, in run 17 of 20: output 0 differs"),
        (Slip(seed=8), "in the final: on seed 8, in run 1 of 20: output 0 differs"),
        (Slip(seed=5, run=20), "in the final: on seed 5, in run 20 of 20: output 0 differs"),
    ],
)
def test_a_finalist_that_slips_is_passed_over_and_the_next_wins(slip: Slip, says: str) -> None:
    final, heard, _ = ended(DEFAULT, Behaviour(2e-3), Behaviour(1e-3, slip=slip))
    assert failures(heard) == [(2, Fate.WRONG_RESULT, says)]
    (failed,) = [event.evaluation for event in heard if isinstance(event, FinalistFailed)]
    assert (failed.time_s, failed.speedup, failed.samples_s) == (None, None, ())
    assert final is not None
    assert final.accepted
    assert final.evaluation.candidate.number == 1


def test_what_a_run_can_miss_elsewhere_is_not_looked_for() -> None:
    """A device whose threads share nothing has no such check; it sees no slip in a later run."""
    final, heard, transport = ended(DEFAULT, Behaviour(1e-3, slip=Slip(run=2)), device=DEVICE)
    assert final is not None
    assert final.accepted
    assert (final.seeds, final.runs) == ((1, 2, 3), 1)
    assert not checks(heard)
    assert not [call for call in transport.calls if isinstance(call, Repeat)]


def test_who_does_not_win_is_not_checked_harder() -> None:
    final, heard, _ = ended(DEFAULT, Behaviour(5e-3, slip=Slip(run=2)))
    assert final is not None
    assert not final.accepted
    assert final.runs == 1
    assert not heard


@pytest.mark.parametrize(("default_is_reproducible", "number"), [(True, 1), (False, 2)])
def test_bits_may_differ_from_run_to_run_if_those_of_the_default_do(default_is_reproducible: bool, number: int) -> None:
    default = replace(DEFAULT, is_reproducible=default_is_reproducible)
    final, heard, _ = ended(default, Behaviour(2e-3), Behaviour(1e-3, is_reproducible=False))
    assert final is not None
    assert final.evaluation.candidate.number == number
    assert bool(failures(heard)) == default_is_reproducible


def test_outputs_of_the_default_are_made_once_for_each_seed() -> None:
    slips = [Behaviour(time_s, slip=Slip(run=19)) for time_s in (1e-3, 1.5e-3)]
    _, heard, transport = ended(DEFAULT, Behaviour(2e-3), *slips)
    assert len(failures(heard)) == 2
    seeds = Counter(call.seed for call in transport.calls if isinstance(call, Reference))
    # What fails may have spoilt the device: then the default is loaded again, with its outputs.
    assert max(seeds.values()) <= 1 + len(failures(heard))


@pytest.mark.parametrize(
    ("of_default", "of_candidate", "number", "text"),
    [
        (RaceCheck(), RaceCheck(), 2, "racecheck: no hazards"),
        (RaceCheck(), RaceCheck(0, 2), 2, "racecheck: 2 warnings"),
        (RaceCheck(1), RaceCheck(3), 2, "racecheck: 3 errors"),
        (RaceCheck(), RaceCheck(3), 1, "racecheck: no hazards"),
        (RaceCheck(), RaceCheck(not_run="absent"), 2, "racecheck not run (absent)"),
    ],
)
def test_hazards_that_the_default_lacks_are_faults(
    of_default: RaceCheck, of_candidate: RaceCheck, number: int, text: str
) -> None:
    final, heard, _ = ended(
        replace(DEFAULT, races=of_default), Behaviour(2e-3), Behaviour(1e-3, races=of_candidate), device=NVIDIA
    )
    assert final is not None
    assert final.evaluation.candidate.number == number
    assert checks(heard) == [(number, f"checked on 8 seeds, 20 runs each; {text}")]
    if number == 1:
        assert failures(heard) == [
            (2, Fate.WRONG_RESULT, "in the final: racecheck: 3 errors; for the default, racecheck: no hazards"),
        ]


def test_a_final_with_a_limit_leaves_the_search_for_races_to_the_end_of_the_run() -> None:
    final, _, transport = ended(DEFAULT, Behaviour(1e-3), device=NVIDIA, budget=Budget(100.0))
    assert final is not None
    assert final.accepted
    assert final.races == RaceCheck(not_run=NO_TIME)
    assert not [call for call in transport.calls if isinstance(call, FindRaces)]


def test_a_final_reckons_with_the_harder_check() -> None:
    plain, hard = (
        costs_of(DispatchBench.start(Runner(device, transport=replay((DEFAULT,))), PROGRAM, compiled(0))._baseline, 2.0)
        for device in (DEVICE, GPU)
    )
    assert (plain.hard_seeds, plain.hard_runs) == (0, 0)
    assert (hard.hard_seeds, hard.hard_runs) == (8, 20)
    assert replace(plain, load_s=0.1).least_s + 160 * 2e-3 < replace(hard, load_s=0.1).least_s


@pytest.mark.runs
def test_on_a_device_a_correct_winner_passes(compiled: Compiled) -> None:
    """A CPU, taken for a device on which races hide: the same runs, the same comparisons."""
    program = compiled.dispatch.program
    assert program is not None
    heard: list[Event] = []
    with Runner(replace(TARGET.device, may_race=True)) as runner:
        bench = DispatchBench.start(runner, program, compiled.default, dispatch="d", listen=heard.append)
        final = bench.final([bench.evaluate(compiled.candidates[0])], np.random.default_rng(0), 0.02)
    assert final is not None
    assert final.accepted
    assert final.runs == 20
    assert checks(heard) == [(1, "checked on 8 seeds, 20 runs each")]
