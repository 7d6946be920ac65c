# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Converts values to plain JSON and back, by the types that their dataclasses declare."""

from __future__ import annotations

import sys
import types
from collections.abc import Collection, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from tuner.foreign import printable, shown

# The largest integer that we write.
_LARGEST = 2**63 - 1

T = TypeVar("T")


def to_plain(value: Any) -> Any:
    """A value made of dataclasses, tuples, mappings, paths, strings, numbers, booleans and None, as JSON has them."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return [to_plain(inner) for inner in value]
    return str(value) if isinstance(value, Path) else value


def from_plain(kind: type[T], data: Any) -> T:
    """The value of type `kind` that `to_plain` made `data` from. Raises ValueError with the place of what is wrong.

    In its strings characters that act on a terminal are escaped, since somebody else may have written them.
    """
    return cast(T, _read(kind, data, kind.__name__))


def field_from_plain(kind: Any, record: Any, name: str) -> Any:
    """The value of type `kind`, any that a dataclass may declare, of one field of an object. Raises ValueError."""
    if name not in _checked(isinstance(record, dict), record, "an object", f"what holds '{name}'"):
        raise ValueError(f"there is no '{name}'")
    return _read(kind, record[name], name)


def from_given(kind: type[T], given: Mapping[str, Any], objects: Collection[str] = ()) -> T:
    """The dataclass `kind` with these fields, the others by default. Raises ValueError with the name that is wrong.

    `objects`: fields that may hold what JSON lacks. They are taken as they are, for `kind` to check.
    """
    declared = get_type_hints(kind)
    for name in given:
        if name not in declared:
            raise ValueError(f"'{name}' is unknown; there are: {', '.join(declared)}")
    taken = {name: _frozen(value) for name, value in given.items() if name in objects}
    rest = {name: value for name, value in given.items() if name not in objects}
    read = {name: _read(declared[name], to_plain(value), name) for name, value in rest.items()}
    return kind(**taken, **{name: _as_given(value, given[name]) for name, value in read.items()})


def _frozen(value: Any) -> Any:
    """A list as a tuple, anything else as it is."""
    return tuple(value) if isinstance(value, list) else value


def _as_given(read: Any, given: Any) -> Any:
    """The value that was read, with the caller's own text unchanged."""
    if isinstance(read, str):
        return str(given)
    return tuple(map(_as_given, read, given)) if isinstance(read, tuple) else read


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
        return tuple(_read(inner, item, f"{where}[{index}]") for index, (inner, item) in enumerate(read))
    if origin is not None and issubclass(origin, Mapping):
        _checked(isinstance(data, dict), data, "an object", where)
        key, inner = arguments
        return {_read_key(key, name, where): _read(inner, item, f"{where}.{name}") for name, item in data.items()}
    return _read_leaf(kind, data, where)


def _read_leaf(kind: Any, data: Any, where: str) -> Any:
    if kind is float:
        is_number = isinstance(data, int | float) and not isinstance(data, bool)
        return float(_checked(is_number and abs(data) <= sys.float_info.max, data, "a finite number", where))
    if kind is Path:
        return Path(_checked(isinstance(data, str) and "\0" not in data, data, "a path", where))
    if kind is type(None):
        return _checked(data is None, data, "null", where)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(_checked(data in list(kind), data, f"one of {[member.value for member in kind]}", where))
    _checked(type(data) is kind, data, f"a value of type {kind.__name__}", where)
    if kind is int:
        return _checked(abs(data) <= _LARGEST, data, "a number of 64 bits", where)
    return printable(data) if kind is str else data


@cache
def _types_of(kind: type[Any]) -> Mapping[str, Any]:
    """The types of a class's fields, which Python evaluates from text. A log has thousands of values of few classes."""
    return get_type_hints(kind)


def _read_dataclass(kind: Any, data: Any, where: str) -> Any:
    _checked(isinstance(data, dict), data, "an object", where)
    declared = _types_of(kind)
    names = [field.name for field in fields(kind)]
    for name in names:
        if name not in data:
            raise ValueError(f"{where} has no '{name}'")
    for name in data:
        if name not in names:
            raise ValueError(f"{where} has an unknown '{shown(name)}'")
    return kind(**{name: _read(declared[name], data[name], f"{where}.{name}") for name in names})


def _read_union(kinds: tuple[Any, ...], data: Any, where: str) -> Any:
    failures = []
    for kind in kinds:
        try:
            return _read(kind, data, where)
        except ValueError as error:
            failures.append(str(error))
    raise ValueError(failures[0])


def _read_key(kind: type[Any], name: str, where: str) -> Any:
    return printable(name) if kind is str else _read(kind, kind(name), where)


def _checked(holds: bool, data: Any, wanted: str, where: str) -> Any:
    if not holds:
        raise ValueError(f"{printable(where)} is {shown(data)!r}, not {wanted}")
    return data
