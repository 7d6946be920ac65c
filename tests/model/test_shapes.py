# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Open sizes of any model, bound by what the user gives."""

from __future__ import annotations

import pytest

from tuner.errors import InputError
from tuner.model.shapes import OpenInput, Shapes, bound_sizes

_INPUTS = (OpenInput("x", ("batch", 4), "f32"), OpenInput("y", ("batch", "?"), "i64"), OpenInput("z", None))


def test_names_and_shapes_bind_sizes_everywhere() -> None:
    shapes = Shapes.parse([], ["2x4xf32", "2x7xi64", "3xf16"])
    assert bound_sizes(_INPUTS, shapes, "m") == [(2, 4), (2, 7), (3,)]
    assert bound_sizes(_INPUTS[:1], Shapes.parse(["batch=8"], []), "m") == [(8, 4)]
    assert bound_sizes([OpenInput("n", ())], Shapes(), "m") == [()]


def test_every_size_that_stays_open_is_named() -> None:
    message = r"m leaves sizes open: y \[2, \?\]; z \[any shape\]; bind them by --dim NAME=SIZE or --input SHAPE"
    with pytest.raises(InputError, match=message):
        bound_sizes(_INPUTS, Shapes.parse(["batch=2"], []), "m")


def test_one_name_has_one_size() -> None:
    with pytest.raises(InputError, match=r"dimension 0 \(batch\) of input 'y' of m is 2, not 3 as in 3x7xi64"):
        bound_sizes(_INPUTS, Shapes.parse([], ["2x4xf32", "3x7xi64", "3xf16"]), "m")


def test_shapes_say_whether_any_size_is_given() -> None:
    assert not Shapes()
    assert Shapes.parse(["batch=2"], [])
    assert Shapes.parse([], ["2xf32"])
