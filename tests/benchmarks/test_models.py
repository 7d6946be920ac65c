# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The table of the benchmark of whole models, and where it is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from model_rows import BEGIN, END, ONNX_RUNTIME, SAME_ALLOCATOR, SINGLE, TUNED, UNTUNED, Row, replace_table, table
from models import summary
from tuner.speedup import Ratio

ROOT = Path(__file__).parents[2]
TIMES_MS = {UNTUNED: 30.0, SAME_ALLOCATOR: 28.0, SINGLE: 20.0, TUNED: 14.0, ONNX_RUNTIME: 7.0}
ROW = Row(
    name="net",
    threads=2,
    samples_s={name: (ms / 1e3,) * 3 for name, ms in TIMES_MS.items()},
    over={name: Ratio(ms / 14.0, ms / 14.1, ms / 13.9) for name, ms in TIMES_MS.items() if name != TUNED},
    wrong={},
    allocator="caching",
    allocator_ratio=Ratio(1.07, 1.06, 1.08),
    flags=("--some-flag",),
    ops=(),
    single=("--other-flag",),
    entries=4,
    late=3,
    late_gain=None,
    dispatches=9,
    minutes=6.0,
    curve=((0.0, 28.0), (1.0, 20.0), (6.0, 14.0)),
    command=("iree-compile", "net.mlir"),
    command_shown="",
)


def test_a_row_has_every_program_and_what_was_chosen() -> None:
    text = table([ROW], "A processor.")
    assert "| net | 2 | 30 | 28 | 20 | 14 | 7 | 2.00x" in text
    assert "| 4 (3) of 9 | yes |" in text
    assert "`--some-flag`; caching allocator (1.07x [1.06, 1.08] untuned); best single flag `--other-flag`" in text
    assert "best so far: 0.0 min 28 ms, 1.0 min 20 ms, 6.0 min 14 ms" in text
    widths = {line.count("|") for line in text.splitlines() if line.startswith("|")}
    assert len(widths) == 1


def test_raw_results_are_json_and_the_summary_has_every_ratio() -> None:
    row = json.loads(json.dumps(ROW.to_json()))
    assert row["samples_s"][TUNED] == [0.014] * 3
    assert summary([ROW]) == {
        "speedups": {"net x2": 2.0},
        "over_single_flag": {"net x2": 1.429},
        "vs_onnxruntime": {"net x2": 0.5},
        "verified": True,
    }


def test_the_table_is_replaced_and_the_rest_of_the_page_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Before\n\n{BEGIN}\n\nold\n\n{END}\n\nafter\n")
    replace_table(page, "new\n")
    assert page.read_text() == f"# Before\n\n{BEGIN}\n\nnew\n\n{END}\n\nafter\n"
    page.write_text("# No place\n")
    with pytest.raises(ValueError, match="has no place for a table"):
        replace_table(page, "new\n")


def test_the_page_of_whole_models_has_a_place_for_the_table() -> None:
    text = (ROOT / "docs" / "models.md").read_text()
    assert text.count(BEGIN) == text.count(END) == 1
    assert text.index(BEGIN) < text.index(END)
