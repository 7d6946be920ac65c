# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tests for random arrays that are remembered."""

from __future__ import annotations

import numpy as np
import pytest

from tuner.measuring.dispatch_data import model_input, model_inputs
from tuner.measuring.remembering import Array, Remembered


class Maker:
    """Makes arrays of so many bytes, and counts."""

    def __init__(self, size: int) -> None:
        self.made = 0
        self._size = size

    def __call__(self) -> Array:
        self.made += 1
        return np.full(self._size, self.made, np.uint8)


def test_an_array_is_made_once() -> None:
    remembered, maker = Remembered(100), Maker(60)
    first = remembered.get("a", maker)
    assert remembered.get("a", maker) is first
    assert maker.made == 1


def test_what_was_asked_for_longest_ago_is_forgotten_first() -> None:
    remembered, makers = Remembered(100), {key: Maker(40) for key in "abc"}
    for key in "abac":
        remembered.get(key, makers[key])
    for key in "acb":
        remembered.get(key, makers[key])
    assert {key: maker.made for key, maker in makers.items()} == {"a": 1, "b": 2, "c": 1}


def test_an_array_that_does_not_fit_is_made_each_time_and_drives_none_out() -> None:
    remembered, small, large = Remembered(100), Maker(60), Maker(101)
    remembered.get("small", small)
    assert remembered.get("large", large)[0] == 1
    assert remembered.get("large", large)[0] == 2
    remembered.get("small", small)
    assert small.made == 1


def test_nobody_can_write_to_a_remembered_array() -> None:
    array = Remembered(100).get("a", Maker(10))
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 5


def test_inputs_of_a_model_depend_on_seed_place_and_type_alone() -> None:
    types = [((3, 4), "f32"), ((3, 4), "f32"), ((3, 4), "i32")]
    inputs = model_inputs(types, 7)
    assert not np.array_equal(inputs[0], inputs[1])
    for index, (array, dtype) in enumerate(zip(inputs, (np.float32, np.float32, np.int32), strict=True)):
        np.testing.assert_array_equal(array, model_input((3, 4), dtype, np.random.default_rng([7, index])))
    assert not np.array_equal(inputs[0], model_inputs(types, 8)[0])
    np.testing.assert_array_equal(inputs[0], model_inputs(types, 7)[0])
