# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The data of a dispatch: in memory that nobody maps, equal for equal seeds, poisoned, shared by its programs."""

from __future__ import annotations

import numpy as np
import pytest
from iree import runtime

from tuner.dispatch import Region
from tuner.errors import MeasurementError
from tuner.measuring.dispatch_data import DispatchData, shared_data

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


def contents(data: DispatchData) -> bytes:
    return bytes(np.asarray(data.view.map().asarray([BYTES], np.dtype(np.uint8))))


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
    first = shared_data(device, URI, BYTES, REGIONS)
    assert shared_data(device, URI, BYTES, REGIONS) is first
    assert shared_data(device, URI, BYTES, REGIONS[:1]) is not first
    first.fill(1)
    del first
    fresh = shared_data(device, URI, BYTES, REGIONS)
    fresh.fill(2)
    other = DispatchData(device, BYTES, REGIONS)
    other.fill(2)
    assert contents(fresh) == contents(other)


def test_a_type_that_numpy_lacks_is_refused(device: runtime.HalDevice) -> None:
    with pytest.raises(MeasurementError, match="f4E2M1FN"):
        DispatchData(device, BYTES, (Region(0, (2,), "f4E2M1FN", "write"),))
