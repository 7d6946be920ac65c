# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A space whose knobs the user fixed holds the points with these values, and those alone."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tuner import spaces
from tuner.constraints import ABSENT, ConstraintError, Knob, Rule, Space, enumerate_space
from tuner.dispatch import Configuration, Problem
from tuner.spaces import SpaceBuilder
from tuner.spaces.fixing import Fix, Fixed, original, why_empty
from tuner.spaces.together import CHOICE, Together
from tuner.targets import Limits
from tuner.testing.problems import problem

PRODUCT = problem("contraction", [("m", 64), ("n", 128), ("k", 64)], (0, 2), (2, 1), (0, 1))
LIMITS = Limits(vector_bytes=64, threads=1)
SPACE = "cpu-double-tiling-contraction"


class Tiles:
    """Tiles and parts of them, in one space with a knob of its own, in another without."""

    priority = 0

    def __init__(self, *, has_depth: bool) -> None:
        self._has_depth = has_depth

    def serves(self, target: str, problem: Problem) -> bool:
        return target == "cpu" and problem.kind == "contraction"

    def build(self, problem: Problem, limits: Limits) -> Space:
        del problem, limits
        tile, part = Knob("tile", (4, 8, 16, 32)), Knob("part", (1, 2, 4, 8))
        depth = (Knob("depth", (1, 2)),) if self._has_depth else ()
        return Space((tile, part, *depth), (Rule("parts of four", tile.var >= 4 * part.var),))

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        del problem
        return Configuration("DoubleTilingExpert", {"distribution": (point["tile"], 0, 0)})


def rows(builder: SpaceBuilder) -> list[dict[str, int]]:
    return list(enumerate_space(builder.build(PRODUCT, LIMITS)))


@pytest.mark.parametrize("fixes", [{"peel": 0}, {"peel": (0,), f"{SPACE}:vector_common_parallel[m]": (2, 4)}])
def test_a_fixed_space_is_the_part_of_the_space_with_these_values(fixes: dict[str, int | tuple[int, ...]]) -> None:
    whole, part = spaces.find("cpu", PRODUCT), spaces.find("cpu", PRODUCT, (), fixes)
    assert whole is not None
    assert part is not None
    wanted = {fix.knob: fix.values for fix in Fix.all_of(fixes)}
    assert rows(part[1]) == [row for row in rows(whole[1]) if all(row[name] in wanted[name] for name in wanted)]
    assert part[0] == whole[0] == SPACE
    assert original(part[1]) is whole[1]


def test_a_fix_for_another_space_or_of_a_knob_that_is_not_there_changes_nothing() -> None:
    free = spaces.find("cpu", PRODUCT)
    assert free is not None
    assert spaces.find("cpu", PRODUCT, (), {"cpu-reduction:peel": 0}) == free
    other = spaces.find("cpu", PRODUCT, (), {"occupancy": 2})
    assert other is not None
    assert rows(other[1]) == rows(free[1])


def test_spaces_that_are_searched_as_one_keep_the_parts_without_the_knob() -> None:
    joined = Together({0: Tiles(has_depth=True), 1: Tiles(has_depth=False)})
    depths = Fixed(joined, (Fix("depth", (2,)),))
    assert rows(depths) == [row for row in rows(joined) if row["depth"] in (2, ABSENT)]
    assert {row[CHOICE] for row in rows(depths)} == {0, 1}
    assert rows(Fixed(joined, (Fix("depth", (ABSENT,)),))) == [row for row in rows(joined) if row[CHOICE] == 1]
    assert rows(Fixed(joined, (Fix(CHOICE, (0,)), Fix("depth", (2,))))) == [
        row for row in rows(joined) if row["depth"] == 2
    ]


def test_what_cannot_be_fixed_says_what_can() -> None:
    tiles = Tiles(has_depth=False)
    with pytest.raises(ConstraintError, match="'tile' cannot be 5, 7; choose among: 4, 8, 16, 32"):
        Fixed(tiles, (Fix("tile", (5, 7)),)).build(PRODUCT, LIMITS)
    with pytest.raises(ConstraintError, match="there is no knob 'depth'; there are: tile, part"):
        Fixed(tiles, (Fix("depth", (2,), "mine"),)).build(PRODUCT, LIMITS)


def test_fixed_values_without_a_solution_say_what_each_can_be() -> None:
    said = why_empty(Fixed(Tiles(has_depth=False), (Fix("tile", (4, 8)), Fix("part", (4,)))), PRODUCT, LIMITS)
    assert "parts of four" in said
    assert said.endswith("tile can be 16, 32, or part can be 1, 2 if the other knobs stay fixed")
