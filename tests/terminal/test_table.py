# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The tables that a run ends with: dispatches against their defaults, the whole model against the untuned one."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from tuner.dispatch import Dispatch
from tuner.measuring import Verification
from tuner.measuring.sampling import Paired
from tuner.specs.certificate import Circumstances
from tuner.speedup import Gains, Ratio
from tuner.stopwatch import WallTime
from tuner.targets import Limits
from tuner.terminal.table import print_result
from tuner.testing.machines import ReplayMachines, replayed_dispatch, workbench
from tuner.testing.problems import problem
from tuner.testing.recording import MadeUp
from tuner.tuning.dispatches import tune_dispatches
from tuner.tuning.result import ModelResult, TuneResult

NAME = "classify$async_dispatch_3_matmul_like_64x128x64_f32xf32xf32"
OTHER = "classify$async_dispatch_4_copy_64_f32"
MODEL = ModelResult(Paired((1.28,) * 10, (0.42,) * 10), Ratio(3.0, 2.9, 3.1), Verification(True, 0.0), (1,))
OPS, FLAGS, SPEC = Ratio(1.2, 1.1, 1.3), Ratio(1.5, 1.4, 1.6), Ratio(2.1, 2.0, 2.2)
Rows = list[list[str]]


@pytest.fixture(name="result", scope="module")
def make_result(tmp_path_factory: pytest.TempPathFactory) -> TuneResult:
    """Of a product that is tuned by replay, and a dispatch of another kind that nothing serves."""
    folder = tmp_path_factory.mktemp("table")
    product = problem("contraction", [("m", 64), ("n", 128), ("k", 64)], (0, 2), (2, 1), (0, 1))
    dispatches = [replayed_dispatch(product, NAME), Dispatch(OTHER, None, None, untunable="it only copies")]
    with workbench(folder / "run", ReplayMachines.of(MadeUp(), noise=0.002), trials=12) as bench:
        found = tuple(tune_dispatches(bench, dispatches, Limits(vector_bytes=64, threads=1), bench.budget))
    return TuneResult(
        function="main",
        spec="module {}",
        late_spec="",
        preprocessing="",
        flags=("--iree-opt-data-tiling",),
        ops=(),
        dispatches=found,
        model=MODEL,
        binary=folder / "model.vmfb",
        run_dir=folder / "run",
        device_label="local-sync, 1 thread",
        compile_command=("iree-compile", "a model.mlir"),
        circumstances=Circumstances(
            "cpu", "a processor, 1 thread, cpu=fast", (), "replay", 1, "default", "1", "1", "1", ()
        ),
        wall_time=WallTime(10.0, 5.0, 4.0, 0.5, 0.1),
        gains=Gains(None, FLAGS, SPEC, MODEL.ratio),
    )


def printed(result: TuneResult, width: int = 100) -> str:
    written = io.StringIO()
    print_result(result, Console(file=written, width=width))
    return written.getvalue()


def gains_of(result: TuneResult) -> Rows:
    """The rows of the table of the whole model."""
    table = printed(result).split("Whole model, against the untuned model")[1]
    return [[cell.strip() for cell in row.split("│")[1:-1]] for row in table.splitlines() if row.startswith("│")]


def without_winners(result: TuneResult) -> TuneResult:
    return replace(result, dispatches=tuple(replace(dispatch, final=None) for dispatch in result.dispatches))


def test_the_gains_of_flags_and_spec_have_one_base(result: TuneResult) -> None:
    assert gains_of(result) == [
        ["untuned model", "1.28 s", "1.00x", "", ""],
        ["flags", "", "1.50x [1.40, 1.60]", "1.50x", ""],
        ["+ tuning spec", "420 ms", "3.00x [2.90, 3.10]", "2.10x", "yes"],
    ]


def test_choices_for_ops_have_a_row_too(result: TuneResult) -> None:
    chosen = replace(result, ops=("winograd of conv",), gains=Gains(OPS, FLAGS, SPEC, MODEL.ratio))
    assert [row[0] for row in gains_of(chosen)] == [
        "untuned model",
        "choices for single ops",
        "+ flags",
        "+ tuning spec",
    ]
    assert [row[3] for row in gains_of(chosen)] == ["", "1.20x", "1.25x", "2.10x"]
    alone = replace(without_winners(chosen), gains=Gains(OPS, FLAGS, None, MODEL.ratio))
    assert [row[0] for row in gains_of(alone)] == ["untuned model", "choices for single ops", "+ flags"]
    alone = replace(alone, gains=Gains(OPS, None, None, MODEL.ratio))
    assert [row[0] for row in gains_of(alone)] == ["untuned model", "choices for single ops"]


def test_choices_beside_flags_have_a_row_with_them(result: TuneResult) -> None:
    joint = replace(result, ops=("patches of conv",), gains=Gains(None, FLAGS, SPEC, MODEL.ratio, is_joint=True))
    names = ["untuned model", "flags and choices", "+ tuning spec"]
    assert [row[0] for row in gains_of(joint)] == names
    assert [row[0] for row in gains_of(without_winners(joint))] == names[:2]


def test_what_was_not_measured_by_itself_has_no_row(result: TuneResult) -> None:
    pinned = replace(result, gains=Gains(None, None, SPEC, MODEL.ratio))
    assert gains_of(pinned)[1:] == [["flags and tuning spec", "420 ms", "3.00x [2.90, 3.10]", "3.00x", "yes"]]
    assert [row[0] for row in gains_of(replace(pinned, flags=()))] == ["untuned model", "tuning spec"]
    assert [row[0] for row in gains_of(without_winners(result))] == ["untuned model", "flags"]
    assert "Whole model" not in printed(replace(result, model=None))


def test_dispatches_have_short_names_and_their_base_is_named(result: TuneResult) -> None:
    shown = printed(result)
    assert shown.startswith("Tuned on local-sync, 1 thread (a processor)\n")
    assert "Dispatches, against the compiler's default with the chosen flags" in shown
    assert "chosen flags" not in printed(replace(result, flags=())).split("Whole model")[0]
    assert re.search(r"│ matmul like 64x128x64 f32 +│ .*\d\.\d\dx \[", shown)
    assert "copy 64 f32: not tunable: it only copies" in shown
    assert max(map(len, shown.split("Use the spec")[0].split("Log of")[0].splitlines())) <= 100


def test_names_fold_between_words_on_a_narrow_console(result: TuneResult) -> None:
    shown = printed(result, width=80)
    assert re.search(r"^matmul like  +.*\d\.\d\dx \[.*\n64x128x64 f32 *$", shown, re.MULTILINE)
    assert max(map(len, shown.split("Speed-ups")[0].splitlines())) <= 80
