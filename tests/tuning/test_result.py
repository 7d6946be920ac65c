# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a prompt and a notebook show of a result, and its candidates as a table."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

import tuner
from tuner.dispatch import Dispatch
from tuner.measuring import Verification
from tuner.measuring.sampling import Paired
from tuner.specs.certificate import Circumstances
from tuner.speedup import Ratio
from tuner.stopwatch import WallTime
from tuner.targets import Limits
from tuner.testing.machines import ReplayMachines, replayed_dispatch, workbench
from tuner.testing.problems import problem
from tuner.testing.recording import MadeUp
from tuner.tuning.dispatches import tune_dispatches
from tuner.tuning.result import DispatchResult, ModelResult, TuneResult

TRIALS = 12
MODEL = ModelResult(Paired((4e-3,) * 10, (2e-3,) * 10), Ratio(2.0, 1.9, 2.1), Verification(True, 0.0), (1,))


def dispatches_of(folder: Path) -> tuple[DispatchResult, ...]:
    """Two dispatches: a product that is tuned, and one of another kind that nothing serves."""
    product = problem("contraction", [("m", 64), ("n", 128), ("k", 64)], (0, 2), (2, 1), (0, 1))
    dispatches = [replayed_dispatch(product, "main_<matmul>"), Dispatch("copy", None, None, untunable="it only copies")]
    with workbench(folder / "run", ReplayMachines.of(MadeUp(), noise=0.002), trials=TRIALS) as bench:
        return tuple(tune_dispatches(bench, dispatches, Limits(vector_bytes=64, threads=1), bench.budget))


@pytest.fixture(name="result")
def make_result(tmp_path: Path) -> TuneResult:
    return TuneResult(
        function="main",
        spec="module {}" * 1000,
        late_spec="",
        preprocessing="",
        flags=("--iree-opt-data-tiling",),
        ops=(),
        dispatches=dispatches_of(tmp_path),
        model=MODEL,
        binary=tmp_path / "model.vmfb",
        run_dir=tmp_path / "run",
        device_label="a recording",
        compile_command=("iree-compile", "a model.mlir"),
        circumstances=Circumstances("cpu", "a recording", (), "replay", 1, "default", "1", "1", "1", ()),
        wall_time=WallTime(10.0, 5.0, 4.0, 0.5, 0.1),
    )


def test_the_repr_is_a_line(result: TuneResult) -> None:
    found = "2.00x [1.90, 2.10], 1 of 2 dispatches tuned, 12 candidates"
    assert repr(result) == f"<TuneResult {found}; run folder: {result.run_dir}>"
    tuned, left = result.dispatches
    assert tuned.final is not None
    assert repr(tuned) == f"<DispatchResult main_<matmul>: {tuned.final.ratio}, tuned, 12 candidates>"
    assert repr(left) == "<DispatchResult copy: not tunable: it only copies, 0 candidates>"
    assert repr(MODEL) == "<ModelResult 2.00x [1.90, 2.10], verified, 10 rounds>"


def test_the_best_dispatch_has_the_greatest_accepted_speedup(result: TuneResult) -> None:
    tuned, left = result.dispatches
    assert result.best is tuned
    assert tuned.final is not None
    slower = replace(tuned, final=replace(tuned.final, ratio=Ratio(1.01, 1.0, 1.02)))
    refused = replace(tuned, final=replace(tuned.final, ratio=Ratio(9.0, 0.5, 9.5), accepted=False))
    assert replace(result, dispatches=(slower, refused, tuned, left)).best is tuned
    assert replace(result, dispatches=(refused, left)).best is None


def test_a_notebook_shows_a_table_without_a_script(result: TuneResult) -> None:
    page = result._repr_html_()
    assert len(page) < 4000
    assert "<script" not in page
    assert "http" not in page
    assert "<td>whole model</td><td" in page
    assert ">4</td>" in page
    # Names and commands are text, not markup.
    assert "main_&lt;matmul&gt;" in page
    assert "not tunable: it only copies" in page
    assert "<code>--iree-opt-data-tiling</code>" in page
    assert "<code>iree-compile &#x27;a model.mlir&#x27;</code>" in page
    assert f"<code>iree-tune report {result.run_dir} -o report.html</code>" in page


def test_a_row_for_each_candidate(result: TuneResult) -> None:
    rows = [row for dispatch in result.dispatches for row in dispatch.rows()]
    assert [row["candidate"] for row in rows] == list(range(TRIALS + 1))
    default, *tried = rows
    assert default["speedup"] == 1.0
    assert not any(name.startswith("knob_") for name in default)
    winner = result.dispatches[0].winner
    assert winner is not None
    assert [row["candidate"] for row in rows if row["is_winner"]] == [winner.candidate.number]
    for row, evaluation in zip(tried, result.dispatches[0].evaluations[1:], strict=True):
        assert row["time_s"] == evaluation.time_s
        assert {name[len("knob_") :] for name in row if name.startswith("knob_")} == evaluation.candidate.point.keys()


def test_the_table_has_knobs_as_columns_of_integers(result: TuneResult) -> None:
    pytest.importorskip("pandas")
    table = result.to_pandas()
    assert len(table) == TRIALS + 1
    knobs = [name for name in table.columns if name.startswith("knob_")]
    assert len(knobs) > 3
    assert {str(table[name].dtype) for name in knobs} == {"Int64"}
    assert table[knobs].iloc[0].isna().all()
    best = table.loc[table["is_winner"]].iloc[0]
    assert best["dispatch"] == "main_<matmul>"
    assert best["speedup"] > 1


def test_a_missing_pandas_is_one_sentence(result: TuneResult, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(tuner.InputError, match="needs pandas, which is not installed; run: pip install pandas"):
        result.to_pandas()
