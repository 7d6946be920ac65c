# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A replay answers a runner as a process would."""

from __future__ import annotations

import pytest

from places import DATA
from tuner.errors import DeviceLostError, MeasurementError
from tuner.measuring import ProgramCrashedError, ProgramTimedOutError, Runner, Tolerance
from tuner.measuring.programs import ProgramSource
from tuner.testing.recording import MadeUp, RecordedRun
from tuner.testing.replay import DEVICE, Behaviour, Course, Replay, ReplayedProgram

TOLERANCE = (Tolerance(largest=1e-6, rms=1e-6),)
KNOWN = {
    "fast": Behaviour(1e-3),
    "slow": Behaviour(3e-3, guarded_time_s=9e-3),
    "wrong": Behaviour(course=Course.WRONG),
    "crash": Behaviour(course=Course.CRASH),
    "hang": Behaviour(course=Course.HANG),
    "garbage": Behaviour(course=Course.NOT_LOADABLE),
}


def behaviour_of(source: ProgramSource) -> Behaviour:
    assert isinstance(source, ReplayedProgram)
    return KNOWN[source.name]


def loaded(runner: Runner, name: str) -> str:
    runner.load(name, ReplayedProgram(name))
    return name


def test_times_are_those_that_are_known() -> None:
    with Runner(DEVICE, transport=Replay(behaviour_of)) as runner:
        assert runner.time(loaded(runner, "fast"), 10, timeout_s=1.0) == 1e-3
        assert runner.time_guarded("fast", 10, timeout_s=1.0) == 1e-3
        assert runner.time_guarded(loaded(runner, "slow"), 10, timeout_s=1.0) == 9e-3


def test_noise_moves_times_the_same_way_for_the_same_seed() -> None:
    def times(seed: int) -> list[float]:
        with Runner(DEVICE, transport=Replay(behaviour_of, noise=0.01, seed=seed)) as runner:
            loaded(runner, "fast")
            return [runner.time("fast", 1, timeout_s=1.0) for _ in range(5)]

    assert times(0) == times(0) != times(1)
    assert len(set(times(0))) == 5
    assert all(0.9e-3 < time_s < 1.1e-3 for time_s in times(0))


def test_outputs_are_right_or_wrong() -> None:
    with Runner(DEVICE, transport=Replay(behaviour_of)) as runner:
        assert runner.reference(loaded(runner, "fast"), 1, timeout_s=1.0) == 1e-3
        assert runner.check("fast", 1, TOLERANCE, timeout_s=1.0)[0].passed
        verification, _ = runner.check(loaded(runner, "wrong"), 1, TOLERANCE, timeout_s=1.0)
        assert (verification.passed, verification.detail) == (False, "output 0 differs")


@pytest.mark.parametrize(("name", "error"), [("crash", ProgramCrashedError), ("hang", ProgramTimedOutError)])
def test_a_failure_takes_the_process_and_what_it_held(name: str, error: type[MeasurementError]) -> None:
    with Runner(DEVICE, transport=Replay(behaviour_of)) as runner:
        loaded(runner, "fast")
        with pytest.raises(error):
            runner.time(loaded(runner, name), 1, timeout_s=1.0)
        assert runner.generation == 1
        with pytest.raises(MeasurementError, match="nothing is loaded as 'fast'"):
            runner.time("fast", 1, timeout_s=1.0)
        assert runner.time(loaded(runner, "fast"), 1, timeout_s=1.0) == 1e-3


def test_what_cannot_be_loaded_is_refused() -> None:
    with Runner(DEVICE, transport=Replay(behaviour_of)) as runner, pytest.raises(MeasurementError, match="loaded"):
        loaded(runner, "garbage")


def test_a_lost_device_fails_in_every_fresh_process() -> None:
    replay = Replay(behaviour_of)
    with Runner(DEVICE, transport=replay) as runner:
        runner.reference(loaded(runner, "fast"), 1, timeout_s=1.0)
        runner.check_device()
        replay.is_lost = True
        with pytest.raises(DeviceLostError, match="the device replay is lost"):
            runner.check_device()


def test_a_closed_replay_answers_nothing() -> None:
    runner = Runner(DEVICE, transport=Replay(behaviour_of))
    with runner:
        loaded(runner, "fast")
    with pytest.raises(MeasurementError, match="the run is ending"):
        runner.time("fast", 1, timeout_s=1.0)


def test_a_recorded_run_knows_what_it_measured_and_nothing_else() -> None:
    recorded = RecordedRun.read(DATA / "h200_run")
    assert len(recorded.behaviours) > 40
    (name,) = {dispatch for dispatch, _ in recorded.behaviours}
    default = recorded.behaviour(name, "default")
    assert default is not None
    assert default.course is Course.RIGHT
    assert min(behaviour.time_s for behaviour in recorded.behaviours.values()) < default.time_s
    assert recorded.behaviour(name, {"pipeline": "another"}) is None


def test_made_up_times_depend_on_the_configuration_and_the_seed_alone() -> None:
    def time_s(seed: int, choice: str) -> float:
        return MadeUp(seed=seed).behaviour("mine", choice).time_s

    assert time_s(0, "default") == time_s(1, "default") == 4e-3
    assert time_s(0, "a") == time_s(0, "a")
    assert len({time_s(0, "a"), time_s(0, "b"), time_s(1, "a")}) == 3
    assert all(1e-3 <= time_s(seed, "a") <= 5e-3 for seed in range(20))
