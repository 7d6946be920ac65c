# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Convolutions on llvm-cpu: two-dimensional ones by ConvTileAndDecomposeExpert, others by DoubleTilingExpert.

Knobs are named after the loop: `d` distribution, `v` vector. Batches are no part of a vector, but for a pooling's
channels, which IREE takes for a batch.

Source: the rules marked "probed" were found by trying configurations on IREE 3.13.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import z3

from tuner.constraints import Knob, Rule, Space
from tuner.dispatch import Configuration, Loop, Problem
from tuner.spaces.cpu.tiles import (
    divisors,
    follow,
    has_known_types,
    lanes,
    ordered,
    powers_of_two,
    size_rules,
    thread_rules,
    workgroup_tiles,
)
from tuner.targets import Limits

_MOST_WORKGROUP_TILES = 8
_MOST_VECTORS = 4
_MOST_SCALARS = 16


@dataclass(frozen=True, slots=True)
class Convolution:
    """See the module's text."""

    priority: int = 0

    def serves(self, target: str, problem: Problem) -> bool:
        return target == "cpu" and problem.kind == "convolution" and has_known_types(problem)

    def build(self, problem: Problem, limits: Limits) -> Space:
        width = lanes(problem, limits)
        inner = problem.operands[-1].loops[-1]
        knobs: list[Knob] = []
        rules: list[Rule] = []
        vector: dict[int, z3.ArithRef] = {}
        workgroup: dict[int, z3.ArithRef] = {}
        for index, loop in enumerate(problem.loops):
            v = Knob(f"v{index}", _vector_tiles(loop, index == inner, width))
            knobs.append(v)
            vector[index] = v.var
            if not loop.is_parallel:
                continue
            d = Knob(f"d{index}", _workgroup_tiles(loop, index == inner, width))
            knobs.append(d)
            workgroup[index] = d.var
            rules.append(
                Rule(
                    f"a vector tile divides the workgroup's tile of loop {index}",
                    d.var % v.var == 0,
                    "measured on contractions: tiles that divide at every level 10.3 ms, others 21.3 ms",
                )
            )
        accumulator = [tile for index, tile in vector.items() if problem.loops[index].is_parallel]
        rules += size_rules(list(vector.values()), accumulator, problem, limits)
        rules += thread_rules(workgroup, problem, limits)
        if _decomposes(problem):
            pairs = _image_and_window(problem)
            rules.append(
                Rule(
                    "a vector tile has one row or one column, so that the convolution decomposes",
                    z3.Or([z3.And(vector[image] == 1, vector[window] == 1) for image, window in pairs]),
                    "probed: not enforced; a kernel that does not decompose is 25 times slower",
                )
            )
        return Space(tuple(knobs), tuple(rules))

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        indices = range(len(problem.loops))
        parallel = [loop.is_parallel for loop in problem.loops]
        levels = {
            "distribution": tuple(point[f"d{i}"] if parallel[i] else 0 for i in indices),
            "vector_common_parallel": tuple(point[f"v{i}"] if parallel[i] else 0 for i in indices),
            "vector_reduction": tuple(0 if parallel[i] else point[f"v{i}"] for i in indices),
        }
        pipeline = "ConvTileAndDecomposeExpert" if _decomposes(problem) else "DoubleTilingExpert"
        return Configuration(pipeline, levels, others=follow(problem, levels))


SPACE = Convolution()


def _decomposes(problem: Problem) -> bool:
    """Whether the convolution can become one-dimensional ones: two image loops, no groups of channels."""
    channels = [loop for loop in problem.loops if loop.role in ("channel", "depth")]
    return len(_image_and_window(problem)) == 2 and len(channels) <= 1


def _image_and_window(problem: Problem) -> list[tuple[int, int]]:
    """The output's image loops, each with the loop of the window that slides along it."""
    images = [index for index, loop in enumerate(problem.loops) if loop.role == "image"]
    windows = [index for index, loop in enumerate(problem.loops) if loop.role == "window"]
    return list(zip(images, windows, strict=False))


def _workgroup_tiles(loop: Loop, is_inner: bool, width: int) -> tuple[int, ...]:
    """Divisors; of the innermost loop those that hold whole vectors, where there are any."""
    tiles = divisors(loop.extent)
    whole = [tile for tile in tiles if tile % width == 0]
    return workgroup_tiles(whole if is_inner and whole else tiles, _MOST_WORKGROUP_TILES)


def _vector_tiles(loop: Loop, is_inner: bool, width: int) -> tuple[int, ...]:
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
