# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The records that ship, and files of records."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tuner.errors import InputError
from tuner.knowledge.records import SHIPPED, read_records, shipped_records, write_records
from tuner.knowledge.traits import Shape


def test_what_ships_is_small_and_whole() -> None:
    assert 0 < sum(path.stat().st_size for path in SHIPPED.iterdir()) < 2_000_000
    pools = shipped_records()
    assert {pool.target for pool in pools} == {"cpu", "cuda"}
    for pool in pools:
        assert pool.rows.shape == (len(pool.times_s), len(pool.knobs)), pool.name
        assert np.nanmin(pool.times_s) > 0, pool.name
        assert len(np.unique(pool.rows, axis=0)) == len(pool.rows), pool.name
        assert Shape.of(pool.problem).extents, pool.name


def test_a_file_keeps_what_is_written(tmp_path: Path) -> None:
    pools = shipped_records()[:2]
    write_records(tmp_path / "records.jsonl", pools)
    for written, read in zip(pools, read_records(tmp_path / "records.jsonl"), strict=True):
        assert read.to_json() == written.to_json()
        assert np.array_equal(np.isnan(read.times_s), np.isnan(written.times_s))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"knobs": ["one"]}, "a value for each knob"),
        ({"rows": []}, "a value for each knob"),
        ({"problem": "flags"}, "unpack"),
        ({"processors": "many"}, "many"),
        ({"rows": "text"}, "knob"),
    ],
)
def test_a_spoilt_pool_is_named(tmp_path: Path, change: dict[str, object], reason: str) -> None:
    path = tmp_path / "records.jsonl"
    write_records(path, shipped_records()[:1])
    head, line = path.read_text().splitlines()
    path.write_text(f"{head}\n{json.dumps({**json.loads(line), **change})}\n")
    with pytest.raises(InputError, match=reason):
        read_records(path)


@pytest.mark.parametrize("text", ["", "{}\n", '{"schema": "another/1"}\n', "no json\n", "[1]\n"])
def test_another_file_is_no_file_of_records(tmp_path: Path, text: str) -> None:
    (tmp_path / "records.jsonl").write_text(text)
    with pytest.raises(InputError, match="cannot be read as records"):
        read_records(tmp_path / "records.jsonl")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.jsonl cannot be read"):
        read_records(tmp_path / "none.jsonl")
