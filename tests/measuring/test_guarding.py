# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Guard pages lie around regions and never in them, and their contents survive."""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from iree import runtime

from tuner.dispatch import Region
from tuner.measuring.dispatch_data import DispatchData
from tuner.measuring.guarding import GAP_BYTES, guarded, pages_between

PAGE = mmap.PAGESIZE


@given(
    st.integers(0, 2**40),
    st.lists(st.tuples(st.integers(0, 40 * PAGE), st.integers(0, 3 * PAGE)), max_size=5),
    st.integers(0, 50 * PAGE),
)
def test_whole_pages_that_no_region_touches_and_all_of_them(
    address: int, places: list[tuple[int, int]], more: int
) -> None:
    regions = [(begin, begin + length) for begin, length in places]
    size = max([0, *(end for _, end in regions)]) + more
    found = {
        page for first, length in pages_between(address, regions, size) for page in range(first, first + length, PAGE)
    }
    for page in range(address // PAGE * PAGE, address + size, PAGE):
        inside = page >= address and page + PAGE <= address + size
        touched = any(begin < end and page < address + end and address + begin < page + PAGE for begin, end in regions)
        empty_within = any(page < address + begin < page + PAGE for begin, end in regions if begin == end)
        if not empty_within:
            assert (page in found) == (inside and not touched)


def permissions(address: int) -> str:
    for line in Path("/proc/self/maps").read_text().splitlines():
        begin, _, end = line.split()[0].partition("-")
        if int(begin, 16) <= address < int(end, 16):
            return line.split()[1][:2]
    return "no"


def test_nothing_between_the_regions_can_be_read() -> None:
    regions = (Region(0, (100,), "f32", "read"), Region(400 + GAP_BYTES, (64,), "f32", "write"))
    size = 400 + GAP_BYTES + 256 + GAP_BYTES
    data = DispatchData(runtime.get_device("local-sync"), size, regions)
    data.fill(1)
    memory = np.asarray(data.view.map().asarray([size], np.dtype(np.uint8)))
    begin = memory.ctypes.data
    memory[GAP_BYTES // 2] = 7
    before = memory.tobytes()
    places = {"first": begin, "between": begin + GAP_BYTES // 2, "second": begin + 400 + GAP_BYTES}
    with data.guarded():
        assert {name: permissions(place) for name, place in places.items()} == {
            "first": "rw",
            "between": "--",
            "second": "rw",
        }
        assert permissions(begin + size - 2 * PAGE) == "--"
    assert {permissions(place) for place in places.values()} == {"rw"}
    assert memory.tobytes() == before


def test_protection_ends_even_if_the_body_fails() -> None:
    memory = mmap.mmap(-1, 4 * PAGE)
    address = np.frombuffer(memory, np.uint8).ctypes.data
    with pytest.raises(ValueError, match="on purpose"), guarded([(address, PAGE)]):
        assert permissions(address) == "--"
        raise ValueError("on purpose")
    assert permissions(address) == "rw"
    with pytest.raises(OSError, match="Invalid argument"), guarded([(address + 1, PAGE)]):
        pass
    memory.close()
