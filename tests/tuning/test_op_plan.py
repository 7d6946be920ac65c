# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which choices for single ops there are, which are tried together, and how many a budget affords."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tuner.dispatch import Loop
from tuner.events import Event, Note
from tuner.model.model import PREPROCESSING_FLAG
from tuner.op_choices import InputOp
from tuner.options import Options
from tuner.testing.model import ReplayModel
from tuner.tuning.op_plan import MOST_TRIALS, Settled, groups_of, may_choose_ops, ops_of, plan_ops
from tuner.tuning.reserve import ModelCosts


def product(m: int, n: int, k: int) -> InputOp:
    """A product that data tiling suits, and nothing else."""
    types = tuple(f"tensor<{rows}x{columns}xf32>" for rows, columns in ((m, k), (k, n), (m, n)))
    return InputOp("linalg.matmul", types, (Loop(m, "m"), Loop(n, "n"), Loop(k, "k")))


LARGE, MIDDLE, SMALL = product(500, 500, 500), product(300, 300, 300), product(200, 200, 200)

CONVOLUTION = InputOp(
    "linalg.conv_2d_nchw_fchw",
    ("tensor<1x64x40x40xf32>", "tensor<64x64x1x1xf32>", "tensor<1x64x40x40xf32>"),
    (Loop(64, "channel"), Loop(40, "image"), Loop(40, "image"), Loop(64, "k"), Loop(1, "window"), Loop(1, "window")),
    strides=(1, 1),
    dilations=(1, 1),
)


@pytest.mark.parametrize(
    ("options", "tried"),
    [
        (Options(), [{"data-tiling": "on", "pointwise": "tiled"}, {"pointwise": "tiled"}, {"pointwise": "product"}]),
        (Options(flags=("--iree-opt-data-tiling=false",)), [{"pointwise": "product"}]),
        (Options(pins={"data-tiling": "early"}), [{"pointwise": "product"}]),
    ],
)
def test_what_is_promising_is_tried_together_first(options: Options, tried: list[dict[str, str]]) -> None:
    """A flag or a pin of the user leaves the choices that agree with it."""
    groups = list(groups_of((LARGE, CONVOLUTION), Settled.by(options, "cpu")))
    assert [group.values for group in groups][: len(tried)] == tried


def test_what_pays_on_processors_is_not_tried_on_gpus() -> None:
    for target in ("cuda", "rocm"):
        assert list(groups_of((LARGE, CONVOLUTION), Settled.by(Options(), target))) == []


@pytest.mark.parametrize("options", [Options(flags=("--iree-opt-data-tiling",)), Options(pins={"data-tiling": "on"})])
def test_what_the_user_gave_already_settles_nothing_else(options: Options) -> None:
    ops = (LARGE, CONVOLUTION)
    free, agreeing = (list(groups_of(ops, Settled.by(given, "cpu"))) for given in (Options(), options))
    assert free == agreeing


def test_the_only_product_of_a_model_is_left_to_the_flag() -> None:
    assert list(groups_of((LARGE,), Settled.by(Options(), "cpu"))) == []
    assert len(list(groups_of((LARGE, SMALL), Settled.by(Options(), "cpu")))) == 1


@pytest.mark.parametrize(
    "options",
    [
        Options(flags=(f"{PREPROCESSING_FLAG}=theirs.mlir",)),
        Options(keep_flags=True),
        Options(dispatches=("a",)),
        Options(pins={"convolution-layout": "channels-last"}),
    ],
)
def test_options_may_leave_no_choice(options: Options) -> None:
    assert may_choose_ops(Options(pins={"convolution-layout": "default"}), "cpu")
    assert not may_choose_ops(options, "cpu")


@pytest.mark.parametrize(
    ("left_s", "trials"),
    # One set takes 10 s to compile and a little to compare, and three tenths of what is left may go into all.
    [(math.inf, 4), (600.0, 4), (100.0, 2), (30.0, 1), (5.0, 0)],
)
def test_a_plan_counts_what_a_budget_affords(left_s: float, trials: int) -> None:
    costs = ModelCosts(compile_s=10.0, unthreaded_s=10.0, load_s=0.1, run_s=0.01)
    planned = plan_ops(Options(), "cpu", (LARGE, MIDDLE, CONVOLUTION), costs, 1.0)
    assert planned.ops == {"data-tiling=on": 2, "pointwise=tiled": 1, "pointwise=product": 1}
    assert len(planned.groups) == 4 < MOST_TRIALS
    assert planned.affordable(left_s) == trials


def test_a_model_that_cannot_be_read_leaves_no_choice(tmp_path: Path) -> None:
    heard: list[Event] = []
    (tmp_path / "model.mlir").write_text("")
    model = ReplayModel(tmp_path / "model.mlir", tmp_path / "model.mlir", ())
    assert ops_of(model, tmp_path / "ops", heard.append) == ()
    (note,) = heard
    assert isinstance(note, Note)
    assert note.text.startswith("Nothing is chosen for single ops: ")
