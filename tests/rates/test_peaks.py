# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Peaks are kept by machine and number of threads; a file that holds none is as good as no file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tuner.rates.peaks import Peaks, find_peaks, keep_peaks, read_peaks
from tuner.rates.work import Footprint

ONE = Peaks("a processor", "local-sync", 1, 100e9, 20e9)
FOUR = replace(ONE, device="local-task", threads=4, operations_per_s=400e9)


def test_peaks_are_kept_for_each_device_and_number_of_threads(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "peaks.json"
    keep_peaks(path, ONE)
    keep_peaks(path, FOUR)
    again = replace(ONE, bytes_per_s=25e9)
    keep_peaks(path, again)
    known = read_peaks(path)
    assert known == (FOUR, again)
    assert find_peaks(known, "a processor", "local-task", 4) == FOUR
    assert find_peaks(known, "a processor", "local-task", 2) is None
    assert find_peaks(known, "another processor", "local-task", 4) is None


@pytest.mark.parametrize(
    "text",
    ["", "{", "[1]", "{}", json.dumps([{"processor": "a"}]), '[{"operations_per_s": NaN}]'],
)
def test_a_file_that_holds_no_peaks(tmp_path: Path, text: str) -> None:
    path = tmp_path / "peaks.json"
    assert read_peaks(path) == ()
    path.write_text(text)
    assert read_peaks(path) == ()


@pytest.mark.parametrize("rate", [0.0, -1.0, 1e30])
def test_rates_that_no_machine_has(tmp_path: Path, rate: float) -> None:
    path = tmp_path / "peaks.json"
    keep_peaks(path, replace(ONE, bytes_per_s=rate))
    assert read_peaks(path) == ()


def test_work_takes_as_long_as_its_slower_part() -> None:
    assert ONE.least_s(Footprint(100e9, 1.0, "f32")) == 1.0
    assert ONE.least_s(Footprint(1.0, 40e9, "f32")) == 2.0


def test_operations_of_other_types_have_no_measured_peak() -> None:
    """Their bytes alone would be too low a limit. If there are no operations to count, they are the limit."""
    assert ONE.least_s(Footprint(100e9, 40e9, "f16xf16xf32")) is None
    assert ONE.least_s(Footprint(0.0, 40e9, "f16")) == 2.0
