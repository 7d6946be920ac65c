# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the tiles of a row mean for a problem, whatever the space: waves, bytes moved, remainders, registers.

A trait is a number for each row. Problems of other forms, and of other kinds, share the traits; they need not share
knobs. Knobs say which loop they tile by their names, as in `workgroup[m]`; those that do not are listed here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tuner.dispatch import REDUCTIONS, loop_names
from tuner.spaces.tiles import ELEMENT_BYTES
from tuner.targets import Limits

Array = npt.NDArray[np.float64]

# What a GPU's processors are taken for if nobody states their number.
_USUAL_PROCESSORS = 100
# The widest load of a GPU's thread, and a line of any cache, in bytes.
_LOAD_BYTES, _LINE_BYTES = 16, 64
_KNOB = re.compile(r"(\w+)\[(\w+)\]")
# Levels whose tiles a workgroup takes, and a vector or a thread; those whose tiles are a step of a sum.
_OUTER = ("workgroup", "distribution")
_INNER = ("vector_common_parallel", "vector_reduction", "thread")
_STEP = ("cache_reduction", "reduction", "vector_reduction")
# Knobs that tile a loop without its name: the level, the loop's role, and its place among those of the role.
_NAMELESS = {
    "queries": ("workgroup", "parallel", -2),
    "values": ("workgroup", "parallel", -1),
    "keys": ("reduction", "k", -1),
    "rows": ("workgroup", "parallel", -1),
    "step": ("reduction", "k", -1),
}


@dataclass(frozen=True, slots=True)
class Machine:
    """What traits depend on: workgroups that run at a time, at least, and the bytes of a vector."""

    processors: int
    vector_bytes: int

    @staticmethod
    def of(limits: Limits) -> Machine:
        """A device of these limits."""
        if limits.gpu is None:
            return Machine(max(1, limits.threads), max(1, limits.vector_bytes))
        return Machine(limits.gpu.processors or _USUAL_PROCESSORS, _LOAD_BYTES)


@dataclass(frozen=True, slots=True)
class Shape:
    """A problem as its key says it: its loops by name, and the operands.

    `operands` holds the bytes of an element, and for each dimension the loops that index it.
    """

    kind: str
    names: tuple[str, ...]
    extents: tuple[int, ...]
    is_parallel: tuple[bool, ...]
    roles: tuple[str, ...]
    operands: tuple[tuple[int, tuple[tuple[int, ...], ...]], ...]

    @staticmethod
    def of(key: str) -> Shape:
        """Raises ValueError for text that is not a problem's key."""
        kind, loops, operands, _, _ = key.split(" | ")
        named = re.findall(r"([a-z]+)(\d+)", loops)
        roles = tuple(role for role, _ in named)
        return Shape(
            kind,
            loop_names(roles),
            tuple(int(extent) for _, extent in named),
            tuple(role not in REDUCTIONS for role in roles),
            roles,
            tuple(_operand(text, len(roles)) for text in operands.split("; ")),
        )


def _operand(text: str, loops: int) -> tuple[int, tuple[tuple[int, ...], ...]]:
    element_type, _, affine_map = text.partition(" ")
    results = affine_map.partition("->")[2].strip().strip("()").split(",")
    indexed = ([int(number) for number in re.findall(r"d(\d+)", result)] for result in results)
    dimensions = tuple(tuple(loop for loop in found if loop < loops) for found in indexed)
    return ELEMENT_BYTES.get(element_type, 4), tuple(found for found in dimensions if found)


@dataclass(frozen=True, slots=True)
class _Tiles:
    """Tiles of rows, each of shape [rows, loops]: a workgroup's, a vector's, and a workgroup's step."""

    workgroup: Array
    vector: Array
    step: Array

    @staticmethod
    def of(shape: Shape, knobs: Sequence[str], values: Array) -> _Tiles:
        extents = np.array(shape.extents, dtype=np.float64)
        workgroup = np.tile(extents, (len(values), 1))
        vector = np.ones_like(workgroup)
        sums = workgroup.copy()
        for column, knob in zip(values.T, knobs, strict=True):
            level, loop = _place(knob, shape)
            if loop is None:
                continue
            tile = np.where(column > 0, np.minimum(column, extents[loop]), extents[loop])
            if level in _OUTER:
                workgroup[:, loop] = tile
            if level in _INNER:
                vector[:, loop] = np.maximum(column, 1)
            if level in _STEP:
                sums[:, loop] = np.minimum(sums[:, loop], tile)
        step = np.where(np.array(shape.is_parallel), workgroup, sums)
        return _Tiles(workgroup, vector, step)


def _place(knob: str, shape: Shape) -> tuple[str, int | None]:
    """The level of a knob, and the number of its loop; None if it tiles no loop."""
    if found := _KNOB.fullmatch(knob):
        return found[1], shape.names.index(found[2]) if found[2] in shape.names else None
    if knob in _NAMELESS:
        level, role, place = _NAMELESS[knob]
        loops = [number for number, known in enumerate(shape.roles) if known == role]
        return level, loops[place] if len(loops) >= -place else None
    return knob, None


def traits(shape: Shape, knobs: Sequence[str], values: Array, machine: Machine) -> Mapping[str, Array]:
    """Traits by name, each of shape [rows]; nearly all are logarithms to base 2. `values` has shape [rows, knobs]."""
    tiles = _Tiles.of(shape, knobs, values)
    extents = np.array(shape.extents, dtype=np.float64)
    parallel = np.array(shape.is_parallel, dtype=bool)
    rounds = np.ceil(extents / tiles.workgroup)
    workgroups = rounds[:, parallel].prod(axis=1)
    waves = workgroups / machine.processors
    held = np.sum(_bytes_of(shape, tiles.workgroup), axis=0)
    least = float(np.sum(_bytes_of(shape, extents[None, :])))
    step_bytes = np.sum(_bytes_of(shape, tiles.step), axis=0)
    out_bytes, out_dimensions = shape.operands[-1]
    inner = out_dimensions[-1][-1] if out_dimensions else 0
    contiguous = [tiles.step[:, dimensions[-1][-1]] * size for size, dimensions in shape.operands if dimensions]
    vector_sums = np.where(parallel, 1.0, tiles.vector).prod(axis=1)
    accumulators = np.where(parallel, tiles.vector, 1.0).prod(axis=1) * out_bytes / machine.vector_bytes
    found = {
        "waves": waves,
        "fill": waves / np.ceil(waves),
        "waste": (rounds * tiles.workgroup / extents).prod(axis=1),
        "vector waste": (np.ceil(tiles.workgroup / tiles.vector) * tiles.vector / tiles.workgroup).prod(axis=1),
        "moved": held * workgroups / least,
        "held": held,
        "step bytes": step_bytes,
        "work": tiles.workgroup.prod(axis=1),
        "intensity": tiles.step.prod(axis=1) / step_bytes,
        "accumulators": accumulators,
        "vector": tiles.vector[:, inner] * out_bytes / machine.vector_bytes,
        "row of a workgroup": tiles.workgroup[:, inner] * out_bytes / _LINE_BYTES,
        "sums of a vector": vector_sums,
        "reuse": tiles.vector.prod(axis=1) / np.sum(_bytes_of(shape, tiles.vector), axis=0),
        "steps": np.where(parallel, 1.0, np.ceil(extents / tiles.step)).prod(axis=1),
        "contiguous": np.minimum.reduce(contiguous) if contiguous else np.ones(len(values)),
        "problem's work": np.full(len(values), extents.prod()),
        "problem's bytes": np.full(len(values), least),
        "problem's outputs": np.full(len(values), extents[parallel].prod()),
    }
    return {name: np.log2(column) for name, column in found.items()}


def masked(shape: Shape, knobs: Sequence[str], values: Array) -> Array:
    """1 for rows that may peel a remainder of their vectors off and do not, so that all vectors are masked; else 0.

    `values` has shape [rows, knobs], the result [rows].
    """
    if "peel" not in knobs:
        return np.zeros(len(values))
    tiles = _Tiles.of(shape, knobs, values)
    extents = np.array(shape.extents, dtype=np.float64)
    vector = np.minimum(tiles.vector, extents)
    is_cut = ((extents % vector > 0) | (tiles.workgroup % vector > 0)).any(axis=1)
    found: Array = (is_cut & (values[:, list(knobs).index("peel")] == 0)).astype(np.float64)
    return found


def _bytes_of(shape: Shape, tile: Array) -> list[Array]:
    """The bytes of each operand that a tile reads or writes; `tile` has shape [rows, loops]."""
    found = []
    for size, dimensions in shape.operands:
        count = np.full(len(tile), float(size))
        for loops in dimensions:
            count = count * (tile[:, list(loops)].sum(axis=1) - (len(loops) - 1))
        found.append(count)
    return found
