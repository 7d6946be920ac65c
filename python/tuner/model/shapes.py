# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Sizes that a model leaves open, and how those that the user gives bind them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from tuner.errors import InputError
from tuner.foreign import printable

# A size that fits into 64 bits, as ONNX has them.
_SIZE = re.compile("[1-9][0-9]{0,17}")
# The size of a dimension that has neither a size nor a name.
UNNAMED = "?"

# The sizes of an input's dimensions: numbers, names of open ones, or UNNAMED; None if not even their number is known.
Sizes: TypeAlias = tuple[int | str, ...] | None


@dataclass(frozen=True, slots=True)
class Shapes:
    """Sizes that a model leaves open and the user gives.

    `dims` maps names of dimensions to sizes; `inputs` holds the shape of each input, in order, as in `1x3x48x320xf32`.
    """

    dims: Mapping[str, int] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()

    @staticmethod
    def parse(dims: Sequence[str], inputs: Sequence[str]) -> Shapes:
        """Reads texts such as `NAME=SIZE` and shapes. Raises InputError."""
        named: dict[str, int] = {}
        for text in dims:
            name, equals, size = text.rpartition("=")
            if not equals or not name or not _SIZE.fullmatch(size.lstrip("0")):
                raise InputError(f"--dim takes NAME=SIZE with a positive size of 18 digits at most, not '{text}'")
            if named.setdefault(name, int(size)) != int(size):
                raise InputError(f"--dim gives {name} twice, as {named[name]} and as {size}; give one size")
        for text in inputs:
            _parsed(text)
        return Shapes(named, tuple(inputs))

    def __bool__(self) -> bool:
        """Whether any size is given."""
        return bool(self.dims or self.inputs)


@dataclass(frozen=True, slots=True)
class OpenInput:
    """An input of a model. `element_type` is MLIR's name, "" if any type will do."""

    name: str
    sizes: Sizes
    element_type: str = ""

    @property
    def is_open(self) -> bool:
        """Whether a size is missing."""
        return self.sizes is None or any(isinstance(size, str) for size in self.sizes)

    def __str__(self) -> str:
        """The input for people, as in `x [rows, 4]`."""
        sizes = "any shape" if self.sizes is None else ", ".join(map(str, self.sizes))
        return f"{self.name} [{sizes}]"


def bound_sizes(inputs: Sequence[OpenInput], shapes: Shapes, path: Path | str) -> list[tuple[int, ...]]:
    """The sizes of each input of the model at `path`. Raises InputError for sizes that do not fit or stay open."""
    if shapes.inputs and len(shapes.inputs) != len(inputs):
        raise InputError(f"{path} has {len(inputs)} inputs; give --input for each of them, not {len(shapes.inputs)}")
    unknown = set(shapes.dims) - {size for tensor in inputs for size in tensor.sizes or ()}
    if unknown:
        needed = _listed([tensor for tensor in inputs if tensor.is_open]) or "none"
        raise InputError(f"{path} has no dimension named {', '.join(sorted(unknown))}; it needs: {needed}")
    named = dict(shapes.dims)
    if shapes.inputs:
        pairs = zip(inputs, shapes.inputs, strict=True)
        inputs = [replace(tensor, sizes=_bound(tensor, shape, named, path)) for tensor, shape in pairs]
    found = [replace(tensor, sizes=_with_names_bound(tensor.sizes, named)) for tensor in inputs]
    if still := _listed([tensor for tensor in found if tensor.is_open]):
        raise InputError(f"{path} leaves sizes open: {still}; bind them by --dim NAME=SIZE or --input SHAPE")
    return [tuple(size for size in tensor.sizes or () if isinstance(size, int)) for tensor in found]


def _bound(tensor: OpenInput, shape: str, named: dict[str, int], path: Path | str) -> tuple[int | str, ...]:
    """The sizes of one input by the shape that is given for it; those of named dimensions go into `named`."""
    described = f"'{printable(tensor.name)}' of {path}"
    given, element_type = _parsed(shape)
    if tensor.element_type not in ("", element_type):
        raise InputError(f"input {described} holds {tensor.element_type}, not {element_type} as in {shape}")
    sizes = (UNNAMED,) * len(given) if tensor.sizes is None else tensor.sizes
    if len(given) != len(sizes):
        raise InputError(f"input {described} has {len(sizes)} dimensions; {shape} has {len(given)}")
    for place, (size, wanted) in enumerate(zip(sizes, given, strict=True)):
        # Some exporters give sizes without a name the name `?`.
        is_named = isinstance(size, str) and any(letter.isalpha() for letter in size)
        known = named.setdefault(str(size), wanted) if is_named else size
        if isinstance(known, int) and known != wanted:
            name = f" ({size})" if is_named else ""
            raise InputError(f"dimension {place}{name} of input {described} is {known}, not {wanted} as in {shape}")
    return given


def _with_names_bound(sizes: Sizes, named: Mapping[str, int]) -> Sizes:
    return sizes and tuple(size if isinstance(size, int) else named.get(size, size) for size in sizes)


def _listed(inputs: Sequence[OpenInput]) -> str:
    return printable("; ".join(map(str, inputs)))


def _parsed(shape: str) -> tuple[tuple[int, ...], str]:
    """The sizes and the element type of `1x3x48x320xf32`. Raises InputError."""
    if not re.fullmatch(rf"({_SIZE.pattern}x)*(bf|f|ui|si|i)[0-9]+[A-Z0-9]*", shape):
        raise InputError(f"--input takes a shape such as 1x3x48x320xf32, not '{shape}'")
    *sizes, element_type = shape.split("x")
    return tuple(int(size) for size in sizes), element_type
