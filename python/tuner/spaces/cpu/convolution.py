# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Convolutions on llvm-cpu: two-dimensional ones by ConvTileAndDecomposeExpert, others by DoubleTilingExpert.

Channel-wise ones with contiguous rows are folded: loops of one iteration are removed before vectors are made along the
rows. Batches are not part of a vector, except for a pooling's channels, which IREE takes for a batch. Poolings that can
be folded have a space of their own.

Source: the rules marked "probed" were found by trying configurations on IREE 3.13.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import z3

from tuner.constraints import Rule, Space
from tuner.dispatch import Configuration, Loop, Problem
from tuner.spaces.cpu import pooling
from tuner.spaces.cpu.images import fills_no_buffer, image_and_window, is_dense
from tuner.spaces.cpu.tiles import (
    Tiles,
    Tiling,
    division_rules,
    follow,
    has_known_types,
    lanes,
    levels,
    size_rules,
    thread_rules,
    tiling,
    workgroup_tiles,
)
from tuner.spaces.tiles import divisors, ordered, powers_of_two, product
from tuner.targets import Limits
from tuner.targets.cpu_pipelines import FOLDED_DOUBLE_TILING

_MOST_WORKGROUP_TILES = 8
_MOST_VECTORS = 4
_MOST_SCALARS = 16
# The fewest rows of a vector tile: fewer leave the multipliers idle.
_FEWEST_ROWS = 4


@dataclass(frozen=True, slots=True)
class Convolution:
    """The output's innermost loop gets whole vectors; the window is taken whole or one element at a time."""

    priority: int = 0

    def serves(self, target: str, problem: Problem) -> bool:
        return (
            target == "cpu"
            and problem.kind == "convolution"
            and has_known_types(problem)
            and not pooling.SPACE.serves(target, problem)
        )

    def build(self, problem: Problem, limits: Limits) -> Space:
        width = lanes(problem, limits)
        inner = problem.operands[-1].loops[-1]

        def vectors(index: int, loop: Loop) -> Tiles:
            return _vector_tiles(loop, index == inner, width)

        def workgroups(index: int, loop: Loop) -> Tiles:
            return _workgroup_tiles(loop, index == inner, width)

        tiled = tiling(problem, vectors, workgroups)
        rules = division_rules(problem, tiled) + size_rules(problem, limits, tiled)
        rules += [*thread_rules(problem, limits, tiled), _row_rule(tiled, inner)]
        if _folds(problem):
            rules += _folding_rules(problem, tiled)
        elif _decomposes(problem):
            rules.append(_decomposition_rule(problem, tiled))
        return Space(tiled.knobs, tuple(rules))

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        root = levels(problem, point)
        return Configuration(_pipeline(problem), root, others=follow(problem, root))


SPACE = Convolution()


def _pipeline(problem: Problem) -> str:
    if _folds(problem):
        return FOLDED_DOUBLE_TILING
    return "ConvTileAndDecomposeExpert" if _decomposes(problem) else "DoubleTilingExpert"


def _decomposition_rule(problem: Problem, tiled: Tiling) -> Rule:
    vector = tiled.vector
    return Rule(
        "a vector tile has one row or one column, so that the convolution decomposes",
        z3.Or([z3.And(vector[image] == 1, vector[window] == 1) for image, window in image_and_window(problem)]),
        "probed: not enforced; a convolution that does not decompose is 25 times slower",
    )


def _row_rule(tiled: Tiling, inner: int) -> Rule:
    rows = [index for index in tiled.workgroup if index != inner]
    return Rule(
        f"a vector tile has at least {_FEWEST_ROWS} rows, or its workgroup has fewer",
        z3.Or(
            product([tiled.vector[index] for index in rows]) >= _FEWEST_ROWS,
            product([tiled.workgroup[index] for index in rows]) < _FEWEST_ROWS,
        ),
        "measured: a 3x3 convolution takes 12 ms with 8 rows, 72 and 73 ms with 1 and 2",
    )


def _folding_rules(problem: Problem, tiled: Tiling) -> list[Rule]:
    inner = problem.operands[-1].loops[-1]
    across = [index for index in tiled.workgroup if index != inner]
    one_extends = [z3.And([tiled.vector[index] == 1 for index in across if index != other]) for other in across]
    rules = [
        Rule(
            "a folded vector extends along the rows of the image and one other loop",
            z3.Or(one_extends),
            "measured: along two others 0.9 to 1.9 times the default's speed, else 2.4 to 6.9",
        )
    ]
    for image, window in image_and_window(problem):
        one = tiled.vector[window] == 1
        rules.append(
            Rule(
                f"a folded vector takes one element of loop {problem.loop_names[window]}, and one of the image's if"
                " it strides",
                one if is_dense(problem, image, window) else z3.And(one, tiled.vector[image] == 1),
                "probed: the compiler vectorizes no map that adds or strides loops",
            )
        )
    return rules


def _folds(problem: Problem) -> bool:
    """Whether vectors along the image need folding: channel-wise, rows contiguous and without stride."""
    inner = problem.operands[-1].loops[-1]
    is_channel_wise = "depth" in (roles := {loop.role for loop in problem.loops}) and not {"channel", "k"} & roles
    return (
        is_channel_wise
        and any(image == inner and is_dense(problem, image, window) for image, window in image_and_window(problem))
        and fills_no_buffer(problem)
    )


def _decomposes(problem: Problem) -> bool:
    """Whether the convolution can become one-dimensional ones: two image loops, no groups of channels."""
    channels = [loop for loop in problem.loops if loop.role in ("channel", "depth")]
    return len(image_and_window(problem)) == 2 and len(channels) <= 1


def _workgroup_tiles(loop: Loop, is_inner: bool, width: int) -> Tiles:
    """Divisors; of the innermost loop those that hold whole vectors, if there are any."""
    tiles = divisors(loop.extent)
    whole = [tile for tile in tiles if tile % width == 0]
    return workgroup_tiles(whole if is_inner and whole else tiles, _MOST_WORKGROUP_TILES)


def _vector_tiles(loop: Loop, is_inner: bool, width: int) -> Tiles:
    if loop.role == "batch" and not is_inner:
        return (1,)
    tiles = divisors(loop.extent)
    if loop.role == "window":
        return ordered((1, loop.extent))
    if is_inner:
        return _inner_tiles(loop.extent, width)
    return ordered(tile for tile in tiles if tile <= _MOST_SCALARS)


def _inner_tiles(extent: int, width: int) -> Tiles:
    """Powers of two from half a vector on; if none divides the loop, what does.

    Source: measured; a 3x3 convolution to 24 channels takes 12 ms by vectors of 8, 34 to 240 ms by vectors of 24. A
    channel-wise one of 48 channels takes 0.3 ms by vectors of 16, 3 to 6 ms by vectors of 48.
    """
    powers = [tile for tile in powers_of_two(_MOST_VECTORS * width) if extent % tile == 0]
    if max(powers) >= width // 2:
        return ordered(tile for tile in powers if tile >= width // 2)
    few = [tile for tile in divisors(extent) if tile <= width]
    return ordered(tile for tile in few if tile >= min(max(few), width // 4))
