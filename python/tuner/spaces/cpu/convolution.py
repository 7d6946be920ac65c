# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Convolutions on llvm-cpu: two-dimensional ones by ConvTileAndDecomposeExpert, others by DoubleTilingExpert.

Batches are not part of a vector, except for a pooling's channels, which IREE takes for a batch.

Source: the rules marked "probed" were found by trying configurations on IREE 3.13.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import z3

from tuner.constraints import Rule, Space
from tuner.dispatch import Configuration, Loop, Problem
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
from tuner.spaces.tiles import divisors, ordered, powers_of_two
from tuner.targets import Limits

_MOST_WORKGROUP_TILES = 8
_MOST_VECTORS = 4
_MOST_SCALARS = 16


@dataclass(frozen=True, slots=True)
class Convolution:
    """The output's innermost loop gets whole vectors; the window is taken whole or one element at a time."""

    priority: int = 0

    def serves(self, target: str, problem: Problem) -> bool:
        return target == "cpu" and problem.kind == "convolution" and has_known_types(problem)

    def build(self, problem: Problem, limits: Limits) -> Space:
        width = lanes(problem, limits)
        inner = problem.operands[-1].loops[-1]

        def vectors(index: int, loop: Loop) -> Tiles:
            return _vector_tiles(loop, index == inner, width)

        def workgroups(index: int, loop: Loop) -> Tiles:
            return _workgroup_tiles(loop, index == inner, width)

        tiled = tiling(problem, vectors, workgroups)
        rules = division_rules(problem, tiled) + size_rules(problem, limits, tiled)
        rules += thread_rules(problem, limits, tiled)
        if _decomposes(problem):
            rules.append(_decomposition_rule(problem, tiled))
        return Space(tiled.knobs, tuple(rules))

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        root = levels(problem, point)
        pipeline = "ConvTileAndDecomposeExpert" if _decomposes(problem) else "DoubleTilingExpert"
        return Configuration(pipeline, root, others=follow(problem, root))


SPACE = Convolution()


def _decomposition_rule(problem: Problem, tiled: Tiling) -> Rule:
    vector = tiled.vector
    return Rule(
        "a vector tile has one row or one column, so that the convolution decomposes",
        z3.Or([z3.And(vector[image] == 1, vector[window] == 1) for image, window in _image_and_window(problem)]),
        "probed: not enforced; a convolution that does not decompose is 25 times slower",
    )


def _decomposes(problem: Problem) -> bool:
    """Whether the convolution can become one-dimensional ones: two image loops, no groups of channels."""
    channels = [loop for loop in problem.loops if loop.role in ("channel", "depth")]
    return len(_image_and_window(problem)) == 2 and len(channels) <= 1


def _image_and_window(problem: Problem) -> list[tuple[int, int]]:
    """The output's image loops, each with the loop of the window that slides along it."""
    images = [index for index, loop in enumerate(problem.loops) if loop.role == "image"]
    windows = [index for index, loop in enumerate(problem.loops) if loop.role == "window"]
    return list(zip(images, windows, strict=False))


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
        step = width // 2 if loop.extent == width else width
        whole = [tile for tile in tiles if tile % max(step, 1) == 0 and tile <= _MOST_VECTORS * width]
        return ordered(whole or powers_of_two(min(loop.extent, width)))
    return ordered(tile for tile in tiles if tile <= _MOST_SCALARS)
