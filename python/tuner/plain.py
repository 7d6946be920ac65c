# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Values as plain JSON and back, by the types that their dataclasses declare."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")


def to_plain(value: Any) -> Any:
    """A value made of dataclasses, tuples, mappings, paths, strings, numbers, booleans and None, as JSON has them."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [to_plain(each) for each in value]
    return str(value) if isinstance(value, Path) else value


def from_plain(kind: type[T], data: Any) -> T:
    """The value of type `kind` that `to_plain` made `data` of. Raises ValueError with the place where it is none."""
    return cast(T, _read(kind, data, kind.__name__))


def from_given(kind: type[T], given: Mapping[str, Any]) -> T:
    """The dataclass `kind` with these fields, the others by default. Raises ValueError with the name that is wrong."""
    declared = get_type_hints(kind)
    for name in given:
        if name not in declared:
            raise ValueError(f"'{name}' is unknown; there are: {', '.join(declared)}")
    return kind(**{name: _read(declared[name], to_plain(value), name) for name, value in given.items()})


def _read(kind: Any, data: Any, where: str) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind) and isinstance(kind, type):
        return _read_dataclass(kind, data, where)
    if origin in (Union, types.UnionType):
        return _read_union(arguments, data, where)
    if origin is Literal:
        return _checked(data in arguments, data, f"one of {arguments}", where)
    if origin is tuple:
        _checked(isinstance(data, list), data, "a list", where)
        if arguments[-1] is Ellipsis:
            arguments = arguments[:1] * len(data)
        _checked(len(data) == len(arguments), data, f"a list of {len(arguments)}", where)
        read = zip(arguments, data, strict=True)
        return tuple(_read(inner, each, f"{where}[{index}]") for index, (inner, each) in enumerate(read))
    if origin is not None and issubclass(origin, Mapping):
        _checked(isinstance(data, dict), data, "an object", where)
        key, inner = arguments
        return {key(name): _read(inner, each, f"{where}.{name}") for name, each in data.items()}
    if kind is float:
        return float(_checked(isinstance(data, int | float) and not isinstance(data, bool), data, "a number", where))
    if kind is Path:
        return Path(_checked(isinstance(data, str), data, "a path", where))
    if kind is type(None):
        return _checked(data is None, data, "null", where)
    return _checked(type(data) is kind, data, f"a value of type {kind.__name__}", where)


def _read_dataclass(kind: Any, data: Any, where: str) -> Any:
    _checked(isinstance(data, dict), data, "an object", where)
    declared = get_type_hints(kind)
    names = [field.name for field in fields(kind)]
    for name in names:
        if name not in data:
            raise ValueError(f"{where} has no '{name}'")
    for name in data:
        if name not in names:
            raise ValueError(f"{where} has an unknown '{name}'")
    return kind(**{name: _read(declared[name], data[name], f"{where}.{name}") for name in names})


def _read_union(kinds: tuple[Any, ...], data: Any, where: str) -> Any:
    failures = []
    for kind in kinds:
        try:
            return _read(kind, data, where)
        except ValueError as error:
            failures.append(str(error))
    raise ValueError(failures[0])


def _checked(holds: bool, data: Any, wanted: str, where: str) -> Any:
    if not holds:
        raise ValueError(f"{where} is {str(data)[:40]!r}, not {wanted}")
    return data
