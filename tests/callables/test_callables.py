# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Functions that are no MLIR: searched by replay, and run where they may fail in every way."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

import tuner
from tuner.callables import CallableResult, Functions
from tuner.callables.functions import F32, BuiltProgram, no_inputs
from tuner.callables.search import Search
from tuner.constraints import Knob, Rule, Space
from tuner.errors import InputError, MeasurementError
from tuner.events import CandidateEnded, Event, Note
from tuner.measuring import Runner, Tolerance
from tuner.measuring.halving import never
from tuner.measuring.in_process import InProcess
from tuner.measuring.programs import ProgramSource
from tuner.options import Options
from tuner.outcome import Fate
from tuner.targets import Device
from tuner.testing import DEVICE, Behaviour, Course, Replay

TILES = (1, 2, 4, 8, 16, 32)
# It breaks the rule below, as a default may.
DEFAULT = {"tile": 32, "unroll": 4}
EQUAL = (Tolerance(),)


def space() -> Space:
    tile, unroll = Knob("tile", TILES), Knob("unroll", (1, 2, 4))
    return Space((tile, unroll), (Rule("small", tile.var * unroll.var <= 64),))


def build(point: Mapping[str, int]) -> int:
    if point["tile"] == 1:
        raise NotImplementedError("no code for single elements")
    return point["tile"]


def inputs(seed: int) -> tuple[np.ndarray[Any, Any]]:
    return (np.random.default_rng(seed).random(2**14, dtype=np.float32),)


def run(tile: int, data: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if tile == 2:
        os.abort()
    if tile == 4:
        return data
    return np.concatenate([part + np.float32(1) for part in np.split(data, tile)])


FUNCTIONS = Functions(build, run, inputs, None, F32)


def time_of(point: Mapping[str, int]) -> float:
    """Tiles of 8 without unrolling are best: a quarter of the default's time."""
    return 1e-3 * (1 + abs(point["tile"] - 8) / 8 + point["unroll"] - 1)


def replayed(
    *,
    course: Callable[[Mapping[str, int]], Course] = lambda _: Course.RIGHT,
    stop: Callable[[], bool] = never,
    heard: list[Event] | None = None,
    default: Mapping[str, int] = DEFAULT,
    **options: Any,
) -> CallableResult:
    """A search whose candidates take what `time_of` says."""

    def behaviour(source: ProgramSource) -> Behaviour:
        point = cast(BuiltProgram, source).point
        return Behaviour(time_of(point), course=course(point))

    events: list[Event] = [] if heard is None else heard
    with Runner(DEVICE, transport=Replay(behaviour, noise=0.002)) as runner:
        return Search(space(), FUNCTIONS, default, Options(**options), events.append, stop).run(runner)


def test_the_fastest_point_wins() -> None:
    heard: list[Event] = []
    result = replayed(heard=heard)
    assert result.point == {"tile": 8, "unroll": 1}
    assert result.is_faster
    assert result.speedup == pytest.approx(time_of(DEFAULT) / 1e-3, rel=0.02)
    assert result.ratio is not None
    assert result.ratio.low > 1.0
    assert result.final is not None
    assert len(result.final.seeds) >= 3
    # Every solution of the space, once.
    assert len(result.evaluations) == 1 + sum(tile * unroll <= 64 for tile in TILES for unroll in (1, 2, 4))
    assert len([event for event in heard if isinstance(event, CandidateEnded)]) == len(result.evaluations) - 1
    assert repr(result) == f"<CallableResult {result.ratio}, tuned, 17 candidates: {{'tile': 8, 'unroll': 1}}>"


def test_a_candidate_that_fails_or_is_wrong_costs_itself_alone() -> None:
    ends = {8: Course.WRONG, 16: Course.CRASH, 4: Course.HANG}
    result = replayed(course=lambda point: ends.get(point["tile"], Course.RIGHT))
    fates = {evaluation.candidate.point["tile"]: evaluation.fate for evaluation in result.evaluations}
    assert fates[8] is Fate.WRONG_RESULT
    assert fates[16] is Fate.RUN_FAILED
    assert fates[4] is Fate.TIMED_OUT
    assert result.point == {"tile": 2, "unroll": 1}


def test_a_default_that_is_best_stays() -> None:
    best = {"tile": 8, "unroll": 1}
    result = replayed(default=best)
    assert not result.is_faster
    assert result.point == best
    assert result.speedup == 1.0
    assert "default" in result.verdict


@pytest.mark.parametrize("strategy", ["random", "portfolio"])
def test_a_search_that_is_stopped_has_its_final(strategy: str) -> None:
    heard: list[Event] = []
    result = replayed(heard=heard, strategy=strategy, stop=lambda: len(heard) > 4)
    assert 1 < len(result.evaluations) < 10
    assert result.final is not None
    assert not any(isinstance(event, Note) for event in heard)


def test_equal_seeds_ask_for_equal_candidates() -> None:
    def asked(seed: int) -> list[Mapping[str, int]]:
        found = replayed(strategy="random", trials=8, seed=seed).evaluations
        return [evaluation.candidate.point for evaluation in found]

    assert asked(1) == asked(1) != asked(2)


def test_a_notebook_shows_it_and_pandas_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    result = replayed()
    page = result._repr_html_()
    assert "<script" not in page
    assert "<td>best candidate</td>" in page
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InputError, match="pip install pandas"):
        result.to_pandas()


def test_candidates_are_rows() -> None:
    pytest.importorskip("pandas")
    result = replayed()
    table = result.to_pandas()
    assert len(table) == len(result.evaluations)
    assert {"knob_tile", "knob_unroll", "time_s", "speedup", "fate"} <= set(table.columns)
    assert dict(table.loc[table["is_winner"]].iloc[0][["knob_tile", "knob_unroll"]]) == {
        "knob_tile": 8,
        "knob_unroll": 1,
    }


def call(**changed: Any) -> CallableResult:
    arguments: dict[str, Any] = {"space": space(), "build": build, "run": run, "default": DEFAULT, "in_process": True}
    return tuner.tune_callable(**{**arguments, **changed})


tile = Knob("tile", (1, 2))


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"default": {"tile": 8}}, "default has ['tile'], and the space has the knobs ['tile', 'unroll']"),
        ({"trials": 0}, "trials must be at least 1"),
        ({"trails": 3}, "tune_callable() got a wrong option: 'trails' is unknown"),
        ({"strategy": "oracle"}, "there is no strategy named 'oracle'"),
        ({"clock": "sun"}, "clock is 'wall' or 'cpu', not 'sun'"),
        (
            {"space": Space((tile,), (Rule("large", tile.var > 2),)), "default": {"tile": 1}},
            "the space has no solution: ",
        ),
        (
            {"default": {"tile": 1, "unroll": 1}},
            "cannot be timed: build raised NotImplementedError: no code for single",
        ),
        ({"run": lambda _: object()}, "cannot be timed: run returned "),
        ({"inputs": lambda seed: seed}, "cannot be timed: inputs returned 1, not a tuple of inputs"),
        ({"in_process": False, "run": lambda _: 1}, "another process cannot load these functions"),
    ],
)
def test_what_is_unusable_is_one_sentence(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=re.escape(says)) as refusal:
        call(**changed)
    assert "\n" not in str(refusal.value)


def test_functions_of_a_prompt_must_run_in_its_process(tmp_path: Path) -> None:
    code = (
        "import tuner; from tuner.constraints import Knob, Space\n"
        "def run(built): return built['x']\n"
        "tuner.tune_callable(Space((Knob('x', (1, 2)),)), dict, run, default={'x': 1})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == (
        "tuner.errors.InputError: another process cannot load functions of a notebook or a prompt; put them into a"
        " module, or pass in_process=True"
    )


def in_process() -> Runner:
    device = Device("function", (), "cpu", "this machine")
    return Runner(device, transport=InProcess(device))


def load(runner: Runner, key: str, tile: int, functions: Functions = FUNCTIONS) -> None:
    runner.load(key, BuiltProgram(functions, {"tile": tile, "unroll": 1}))


def test_outputs_are_compared_with_the_defaults() -> None:
    with in_process() as runner:
        load(runner, "default", 8)
        runner.reference("default", 1, timeout_s=1.0)
        tolerances = runner.tolerances("default", 1, F32, timeout_s=1.0)
        assert 0 < tolerances[0].largest < 1e-4
        load(runner, "right", 16)
        assert runner.check("right", 1, tolerances, timeout_s=1.0)[0].passed
        load(runner, "wrong", 4)
        verification, _ = runner.check("wrong", 1, tolerances, timeout_s=1.0)
        assert "elements differ" in verification.detail
        # A program that is timed before it was given inputs makes its own.
        assert runner.renew() >= 0
        load(runner, "new", 16)
        assert runner.time("new", 2, timeout_s=1.0) > 0


def test_a_check_of_the_users_own_replaces_the_rule() -> None:
    def near(expected: Sequence[Any], got: Sequence[Any]) -> bool:
        return bool(np.abs(expected[0] - got[0]).max() < 2)

    def strict(expected: Sequence[Any], got: Sequence[Any]) -> bool:
        raise KeyError(len(expected) + len(got))

    with in_process() as runner:
        for name, check in (("near", near), ("strict", strict)):
            load(runner, name, 4, Functions(build, run, inputs, check, F32))
        load(runner, "default", 8)
        runner.reference("default", 1, timeout_s=1.0)
        assert runner.check("near", 1, EQUAL, timeout_s=1.0)[0].passed
        with pytest.raises(MeasurementError, match="check raised KeyError: 2"):
            runner.check("strict", 1, EQUAL, timeout_s=1.0)


def test_a_timer_of_the_users_own_is_the_clock() -> None:
    def timer(tile: int, given: Sequence[Any], times: int) -> float:
        assert given[0].shape == (2**14,)
        return -1.0 if tile == 16 else tile * 1e-3 + times * 1e-6

    functions = Functions(build, run, inputs, None, F32, timer)
    with in_process() as runner:
        load(runner, "own", 8, functions)
        assert runner.time("own", 5, timeout_s=1.0) == 8e-3 + 5e-6
        load(runner, "wrong", 16, functions)
        with pytest.raises(MeasurementError, match=r"timer returned -1\.0, not seconds of one run"):
            runner.time("wrong", 5, timeout_s=1.0)


def test_numbers_are_outputs_too() -> None:
    functions = Functions(dict, lambda built: (1.5, built["tile"]), no_inputs, None, F32)
    with in_process() as runner:
        load(runner, "default", 8, functions)
        load(runner, "other", 16, functions)
        runner.reference("default", 1, timeout_s=1.0)
        detail = runner.check("other", 1, EQUAL, timeout_s=1.0)[0].detail
        assert detail.startswith("output 1: ")


@pytest.mark.runs
def test_functions_run_in_a_process_that_may_crash() -> None:
    """Tiles of 1 are not built, those of 2 end the process, those of 4 compute something else."""
    small = Space((Knob("tile", (1, 2, 4, 16)),))
    result = tuner.tune_callable(small, build, run, default={"tile": 8}, inputs=inputs, min_gain=1000.0)
    ends = {evaluation.candidate.point["tile"]: evaluation for evaluation in result.evaluations}
    assert ends[1].detail == "build raised NotImplementedError: no code for single elements"
    assert ends[2].detail == "its process died (SIGABRT)"
    assert ends[4].fate is Fate.WRONG_RESULT
    assert ends[16].fate is Fate.MEASURED
    assert not result.is_faster
