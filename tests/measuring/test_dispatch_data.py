# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The data of a dispatch: in memory that is not mapped, equal for equal seeds, poisoned, shared by its programs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from iree import runtime

from tuner.dispatch import Arithmetic, Region
from tuner.errors import MeasurementError
from tuner.measuring.correctness import epsilon_of
from tuner.measuring.dispatch_data import EXACT_SEED, DispatchData, dtype_of, moved, shared_data

URI = "local-sync"
REGIONS = (
    Region(0, (3, 5), "f16", "read"),
    Region(64, (7,), "f32", "write"),
    Region(128, (4,), "i32", "write"),
    Region(192, (2, 2), "bf16", "readwrite"),
)
BYTES = 256


@pytest.fixture(name="device")
def make_device() -> runtime.HalDevice:
    return runtime.get_device(URI)


def contents(data: DispatchData, size: int = BYTES) -> bytes:
    return bytes(np.asarray(data.view.map().asarray([size], np.dtype(np.uint8))))


def test_equal_seeds_give_equal_data_and_others_do_not(device: runtime.HalDevice) -> None:
    first, second = DispatchData(device, BYTES, REGIONS), DispatchData(device, BYTES, REGIONS)
    first.fill(3)
    second.fill(4)
    assert contents(first) != contents(second)
    second.fill(3)
    assert contents(first) == contents(second)


def test_outputs_are_poison_until_something_is_written(device: runtime.HalDevice) -> None:
    data = DispatchData(device, BYTES, REGIONS)
    data.fill(1)
    floats, integers, both = data.outputs()
    assert floats.shape == (7,) and np.isnan(floats).all()
    assert integers.dtype == np.int32 and (integers == 85).all()
    assert both.shape == (2, 2) and np.isfinite(both.astype(np.float32)).all()


def test_a_fill_restores_what_a_program_has_overwritten_inputs_too(device: runtime.HalDevice) -> None:
    data = DispatchData(device, BYTES, REGIONS)
    data.fill(1)
    fresh = contents(data)
    data.view.map().asarray([BYTES], np.dtype(np.uint8))[...] = 1
    assert contents(data) != fresh
    data.fill(1)
    assert contents(data) == fresh


def test_outputs_are_copies(device: runtime.HalDevice) -> None:
    data = DispatchData(device, BYTES, REGIONS)
    data.fill(1)
    kept = data.outputs()[1]
    data.view.map().asarray([BYTES], np.dtype(np.uint8))[...] = 0
    assert (kept == 85).all()
    assert (data.outputs()[1] == 0).all()


def test_programs_of_one_dispatch_share_data_as_long_as_one_is_loaded(device: runtime.HalDevice) -> None:
    first = shared_data(device, URI, BYTES, REGIONS, Arithmetic())
    assert shared_data(device, URI, BYTES, REGIONS, Arithmetic()) is first
    assert shared_data(device, URI, BYTES, REGIONS[:1], Arithmetic()) is not first
    first.fill(1)
    del first
    fresh = shared_data(device, URI, BYTES, REGIONS, Arithmetic())
    fresh.fill(2)
    other = DispatchData(device, BYTES, REGIONS)
    other.fill(2)
    assert contents(fresh) == contents(other)


@pytest.mark.parametrize("element_type", ["f32", "f16", "bf16", "f8E4M3FN", "f8E5M2"])
def test_sums_are_exact_on_the_exact_data(device: runtime.HalDevice, element_type: str) -> None:
    terms = 4096
    regions = (Region(0, (64, terms), element_type, "readwrite"), Region(2**21, (terms, 64), element_type, "readwrite"))
    inputs = tuple(replace(region, access="read") for region in regions)
    arithmetic = Arithmetic(terms, element_type, element_type, is_exact=True)
    # The data has these regions as inputs; they are read back as if a program had written them.
    data = DispatchData(device, 2**22, inputs, arithmetic)
    data.fill(EXACT_SEED)
    image = contents(data, 2**22)
    a, b = (
        np.frombuffer(image, dtype_of(element_type), 64 * terms, region.offset_bytes)
        .reshape(region.shape)
        .astype(np.float64)
        for region in inputs
    )
    assert set(np.unique(a)) == {-1.0, 0.0, 1.0}
    partial = np.abs(np.cumsum(a[0][:, None] * b, axis=0)).max()
    assert 2 <= partial <= 2.0 / epsilon_of(element_type)


def test_moves_are_small_and_leave_integers_alone(device: runtime.HalDevice) -> None:
    regions = (Region(0, (500,), "f32", "readwrite"), Region(2048, (100,), "i32", "readwrite"))
    data = DispatchData(device, 4096, regions)
    data.fill(5)
    floats, integers = data.outputs()
    data.fill_moved(5, 1e-3, 0)
    changed, same = data.outputs()
    assert np.array_equal(integers, same)
    assert 0 < np.abs(changed / floats - 1).max() <= 1.001e-3
    data.fill_moved(5, 1e-3, 1)
    assert not np.array_equal(data.outputs()[0], changed)
    data.fill(5)
    assert np.array_equal(data.outputs()[0], floats)


def test_few_numbers_of_a_coarse_type_move_and_by_its_epsilon() -> None:
    data = np.ones(100_000, dtype_of("bf16"))
    apart = moved(data, 2**-12, np.random.default_rng(0)).astype(np.float64) - 1
    # One in 32 should move by up to 2**-7; moves below half the distance to the next number change nothing.
    part = np.count_nonzero(apart) / data.size
    assert 0.015 < part < 0.03
    assert set(np.unique(apart)) == {-(2.0**-7), -(2.0**-8), 0.0, 2.0**-7}
    assert np.array_equal(moved(data, 0.0, np.random.default_rng(0)), data)


def test_a_type_that_numpy_lacks_is_refused(device: runtime.HalDevice) -> None:
    with pytest.raises(MeasurementError, match="f4E2M1FN"):
        DispatchData(device, BYTES, (Region(0, (2,), "f4E2M1FN", "write"),))
