# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Strategies and spaces as objects beside names, as notebooks have them. No process but the run's own sees them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import samples
import tuner
from tuner import spaces
from tuner.constraints import Knob, Pool, Rule, Space
from tuner.dispatch import Configuration, Problem
from tuner.errors import InputError
from tuner.jsonable import from_given
from tuner.options import OBJECTS, Options
from tuner.runs.record import asked_of
from tuner.search import NO_PRIOR, Prior
from tuner.targets import Limits
from tuner.testing.machines import ReplayMachines, ReplayTarget, replayed_dispatch, workbench
from tuner.testing.problems import problem
from tuner.testing.recording import MadeUp
from tuner.tuning.dispatches import tune_dispatches
from tuner.tuning.plan import plan

PRODUCT = problem("contraction", [("m", 64), ("n", 128), ("k", 64)], (0, 2), (2, 1), (0, 1))
SUM = problem("reduction", [("m", 64), ("k", 128)], (0, 1), (0,))
OURS = f"{__name__}.SquareTiles"


class LastFirst:
    """Asks for the rows of a pool from its end."""

    learns = False

    def __init__(self, pool: Pool, rng: np.random.Generator, trials: int, prior: Prior = NO_PRIOR) -> None:
        del rng, trials, prior
        self._rows = list(range(len(pool)))

    def ask(self, count: int) -> list[int]:
        rows, self._rows = self._rows[-count:][::-1], self._rows[:-count]
        return rows

    def tell(self, row: int, time_s: float | None) -> None:
        """Learns nothing."""


class SquareTiles:
    """Square tiles of contractions. It holds a function of its own, which no other process could load."""

    priority = 0

    def __init__(self) -> None:
        self.levels: Callable[[int], dict[str, tuple[int, ...]]] = lambda tile: {
            "distribution": (tile, tile, 0),
            "vector_common_parallel": (1, tile, 0),
            "vector_reduction": (0, 0, 8),
        }

    def serves(self, target: str, problem: Problem) -> bool:
        return target == "cpu" and problem.kind == "contraction"

    def build(self, problem: Problem, limits: Limits) -> Space:
        del problem, limits
        tile = Knob("tile", (4, 8, 16, 32, 64))
        return Space((tile,), (Rule("small", tile.var <= 32),))

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        del problem
        return Configuration("DoubleTilingExpert", self.levels(point["tile"]))


class Subclassed(SquareTiles):
    """Makes configurations of a class that no other process knows."""

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        del problem

        class Mine(Configuration):
            pass

        return Mine("DoubleTilingExpert", self.levels(point["tile"]))


def given(**options: Any) -> Options:
    """The options as `tuner.tune()` reads them."""
    return from_given(Options, options, objects=OBJECTS)


def test_the_objects_are_searched(tmp_path: Path) -> None:
    objects: dict[str, Any] = {"strategy": LastFirst, "spaces": (SquareTiles(),)}
    dispatches = [replayed_dispatch(PRODUCT, "product"), replayed_dispatch(SUM, "sum")]
    with workbench(tmp_path / "run", ReplayMachines.of(MadeUp()), trials=3, **objects) as bench:
        product, other = tune_dispatches(bench, dispatches, Limits(vector_bytes=64, threads=1), bench.budget)
    assert [evaluation.candidate.point for evaluation in product.evaluations] == [
        {},
        {"tile": 32},
        {"tile": 16},
        {"tile": 8},
    ]
    assert other.verdict == f"not tunable: the space {OURS} does not serve {SUM.label} on cpu"


def test_the_first_space_that_serves_a_dispatch_is_its_own() -> None:
    options = given(spaces=[SquareTiles(), "cpu-double-tiling-contraction", "cpu-reduction"])
    dispatches = [replayed_dispatch(PRODUCT, "product"), replayed_dispatch(SUM, "sum")]
    tasks = plan(dispatches, ReplayTarget(), options).tasks
    assert [task.space_name for task in tasks] == [OURS, "cpu-reduction"]
    found = spaces.find("cpu", PRODUCT, ("cpu-reduction",))
    assert found is None


def test_a_resumed_run_must_have_the_same_objects(tmp_path: Path) -> None:
    model = tmp_path / "model.mlir"
    model.write_text("")
    asked = asked_of(model, given(strategy=LastFirst, spaces=[SquareTiles(), "cpu-reduction"]))
    assert asked["--strategy"] == f"{__name__}.LastFirst"
    assert asked["--space"] == f"{OURS} cpu-reduction"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"strategy": "oracle"}, "there is no strategy named 'oracle'"),
        ({"strategy": 3}, "strategy takes a name or a class with ask and tell (tuner.search.Strategy): 3"),
        ({"strategy": SquareTiles}, f"{OURS} has no ask"),
        ({"strategy": SquareTiles()}, "strategy takes a name or a class"),
        ({"spaces": "cpu-reduction"}, "spaces takes a list of names and objects, not cpu-reduction"),
        ({"spaces": ["cpu-magic"]}, "there is no space named 'cpu-magic'"),
        ({"spaces": [SquareTiles]}, "spaces takes objects, not the class SquareTiles; write SquareTiles()"),
        ({"spaces": [3]}, "spaces takes names and objects (tuner.spaces.SpaceBuilder): 3 has no priority"),
    ],
)
def test_what_is_neither_is_one_sentence(options: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=re.escape(says)):
        tuner.tune("model.mlir", **options)


def test_a_configuration_that_no_other_process_knows_is_one_sentence(tmp_path: Path) -> None:
    with (
        workbench(tmp_path / "run", ReplayMachines.of(MadeUp()), spaces=(Subclassed(),)) as bench,
        pytest.raises(InputError, match=r"Subclassed made a .*Mine, not a tuner\.dispatch\.Configuration"),
    ):
        tune_dispatches(bench, [replayed_dispatch(PRODUCT, "product")], Limits(64, 1), bench.budget)


@pytest.mark.runs
def test_workers_compile_what_objects_chose(tmp_path: Path) -> None:
    """The compile and measure processes are spawned; the space holds a function that could not be sent to them."""
    (tmp_path / "model.mlir").write_text(samples.matmul(64, 128, 64))
    result = tuner.tune(
        tmp_path / "model.mlir",
        strategy=LastFirst,
        spaces=[SquareTiles()],
        trials=2,
        keep_flags=True,
        run_dir=tmp_path / "run",
    )
    tried = result.dispatches[0].evaluations[1:]
    assert [evaluation.candidate.point for evaluation in tried] == [{"tile": 32}, {"tile": 16}]
