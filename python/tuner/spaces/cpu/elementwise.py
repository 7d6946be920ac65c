# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Elementwise computations and transpositions on llvm-cpu by DoubleTilingExpert."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tuner.constraints import Space
from tuner.dispatch import Configuration, Loop, Problem
from tuner.spaces.cpu.tiles import (
    Tiles,
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

_MOST_WORKGROUP_TILES = 16
_MOST_VECTORS = 8
_MOST_SCALARS = 8
# A loop of fewer vectors than this is not worth a masked remainder.
_FEWEST_MASKED = 8


@dataclass(frozen=True, slots=True)
class Elementwise:
    """All loops are parallel. Those that an operand has contiguous in memory get whole vectors."""

    priority: int = 0

    def serves(self, target: str, problem: Problem) -> bool:
        return target == "cpu" and problem.kind == "elementwise" and has_known_types(problem)

    def build(self, problem: Problem, limits: Limits) -> Space:
        width = lanes(problem, limits)
        contiguous = {operand.loops[-1] for operand in problem.operands if operand.loops}

        def vectors(index: int, loop: Loop) -> Tiles:
            return _vector_tiles(loop.extent, index in contiguous, width)

        def workgroups(index: int, loop: Loop) -> Tiles:
            return _workgroup_tiles(loop.extent, index in contiguous, width)

        tiled = tiling(problem, vectors, workgroups)
        rules = division_rules(problem, tiled) + size_rules(problem, limits, tiled)
        return Space(tiled.knobs, (*rules, *thread_rules(problem, limits, tiled)))

    def configuration(self, problem: Problem, point: Mapping[str, int]) -> Configuration:
        root = levels(problem, point)
        return Configuration("DoubleTilingExpert", root, others=follow(problem, root))


SPACE = Elementwise()


def _workgroup_tiles(extent: int, is_contiguous: bool, width: int) -> Tiles:
    """Divisors. If no vector divides the loop, powers of two that hold vectors: a remainder is masked."""
    if is_contiguous and not _dividing_vectors(extent, width) and extent >= _FEWEST_MASKED * width:
        return workgroup_tiles([tile for tile in powers_of_two(extent) if tile >= width], _MOST_WORKGROUP_TILES)
    return workgroup_tiles(divisors(extent), _MOST_WORKGROUP_TILES)


def _vector_tiles(extent: int, is_contiguous: bool, width: int) -> Tiles:
    """Along memory whole and half vectors if they divide the loop or the loop is long, otherwise a few elements.

    Source: half vectors are the default of transposes with AVX-512. Measured: a transpose of 25,600 x 24 takes 0.11 ms
    by 16 x 8, 2.3 ms by default; one of 24 x 103,041, which no vector divides, 0.7 ms by 8 x 8 and 1.6 ms by default.
    """
    if is_contiguous:
        whole = _dividing_vectors(extent, width)
        if not whole and extent >= _FEWEST_MASKED * width:
            whole = [max(1, width // 2), width]
        return ordered(whole or powers_of_two(min(extent, width)))
    return ordered(tile for tile in divisors(extent) if tile <= _MOST_SCALARS)


def _dividing_vectors(extent: int, width: int) -> list[int]:
    half = max(1, width // 2)
    return [tile for tile in divisors(extent) if tile % half == 0 and tile <= _MOST_VECTORS * width]
