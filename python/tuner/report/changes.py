# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a winner does otherwise than the compiler's default, in words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tuner.dispatch import Configuration, Configured, loop_names
from tuner.specs.certificate import Certificate

_LEVEL = re.compile(r"(\w+) = \[([\d, \[\]]*)\]")
_PIPELINE = re.compile(r"pipeline = (?:#\w+\.pipeline<)?(?:#\w+\.)?(\w+)")
# What a tiling level is for.
_WORDS: Mapping[str, str] = {
    "distribution": "A task computes",
    "workgroup": "A workgroup computes",
    "subgroup": "A subgroup computes",
    "thread": "A thread computes",
    "cache_parallel": "For the cache, a tile is",
    "cache_reduction": "For the cache, sums advance by",
    "vector_common_parallel": "The innermost tile, held in registers, is",
    "vector_inner_parallel": "The innermost tile of the other ops is",
    "vector_reduction": "In registers, sums advance by",
    "reduction": "Sums advance by",
    "partial_reduction": "Partial sums are taken of",
}
_UNTILED = "the whole"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs: what it is, what the default has, and what the winner has."""

    what: str
    default: str
    winner: str

    def __str__(self) -> str:
        return f"{self.what} {self.winner} instead of {self.default}."


def changes_of(default: Configured | None, certificate: Certificate | None) -> list[Change]:
    """What the configuration of an accepted certificate changes. Nothing if one of them is not known."""
    if default is None or certificate is None or not certificate.accepted:
        return []
    winner = certificate.configuration
    if winner is None or certificate.problem is None:
        return []
    loops = loop_names([loop.role for loop in certificate.problem.loops])
    changes = []
    pipeline = _PIPELINE.search(default.translation_info)
    if pipeline is not None and pipeline[1] != winner.pipeline:
        changes.append(Change("The pipeline is", pipeline[1], winner.pipeline))
    before = _root_levels(default, winner)
    for level in dict.fromkeys((*before, *winner.levels)):
        then, now = (_tile(levels.get(level, ()), loops) for levels in (before, winner.levels))
        if then != now:
            changes.append(Change(_WORDS.get(level, f"{level.replace('_', ' ').capitalize()} is"), then, now))
    return changes


def _root_levels(default: Configured, winner: Configuration) -> dict[str, tuple[int, ...]]:
    """The levels of the root op: of the configured op with the winner's number of loops that has most levels."""
    loops = max((len(sizes) for sizes in winner.levels.values()), default=0)
    found = [levels for text in default.lowering_configs if (levels := _levels(text, loops))]
    return max(found, key=len, default={})


def _levels(text: str, loops: int) -> dict[str, tuple[int, ...]]:
    """The tiling levels of a printed lowering config, if each has a size for each loop."""
    levels = {
        name: tuple(int(size) for size in re.findall(r"\d+", sizes))
        for name, sizes in _LEVEL.findall(text)
        if name in _WORDS
    }
    return levels if all(len(sizes) == loops for sizes in levels.values()) else {}


def _tile(sizes: Sequence[int], loops: Sequence[str]) -> str:
    """A tile in words, as in "64 of m and 32 of n"."""
    names = loops if len(loops) == len(sizes) else tuple(f"loop {number}" for number in range(len(sizes)))
    tiled = [f"{size} of {name}" for name, size in zip(names, sizes, strict=True) if size]
    if not tiled:
        return _UNTILED
    return " and ".join(filter(None, (", ".join(tiled[:-1]), tiled[-1])))
