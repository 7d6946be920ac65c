# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`iree-tune list`: every dispatch, how often it runs, its share, where it is tuned or why not."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import samples
from tuner.cli import app
from tuner.events import nobody
from tuner.options import Options
from tuner.preview.list import list_dispatches

pytestmark = pytest.mark.runs

# The same product twice, one after the other, and a softmax of its result.
TWICE = """
func.func @twice(%a: tensor<200x200xf32>, %b: tensor<200x200xf32>) -> tensor<200x200xf32> {
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<200x200xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<200x200xf32>) -> tensor<200x200xf32>
  %c = linalg.matmul ins(%a, %b : tensor<200x200xf32>, tensor<200x200xf32>)
    outs(%f : tensor<200x200xf32>) -> tensor<200x200xf32>
  %s = linalg.softmax dimension(1) ins(%c : tensor<200x200xf32>) outs(%e : tensor<200x200xf32>) -> tensor<200x200xf32>
  %d = linalg.matmul ins(%s, %b : tensor<200x200xf32>, tensor<200x200xf32>)
    outs(%f : tensor<200x200xf32>) -> tensor<200x200xf32>
  return %d : tensor<200x200xf32>
}
"""


def test_what_runs_twice_counts_twice(tmp_path: Path) -> None:
    path = tmp_path / "model.mlir"
    path.write_text(TWICE)
    listed = list_dispatches(path, Options(), nobody)
    (product,) = (each for each in listed if each.problem.startswith("contraction"))
    (softmax,) = (each for each in listed if each.problem.startswith("reduction"))
    assert product.runs == 2
    assert softmax.runs == 1
    assert product.seconds is not None
    assert 1e-6 < product.seconds < 1.0
    assert product.model_s == 2 * product.seconds
    assert product.space == "cpu-double-tiling-contraction"


def test_a_dispatch_that_cannot_be_tuned_says_why(tmp_path: Path) -> None:
    path = tmp_path / "model.mlir"
    path.write_text(samples.open_matmul(64, 64))
    listed = list_dispatches(path, Options(), nobody)
    assert all(each.seconds is None and "sizes are open" in each.reason for each in listed)


def test_the_time_of_what_is_not_tuned_counts(tmp_path: Path) -> None:
    path = tmp_path / "model.mlir"
    path.write_text(samples.sort(64))
    (sorting,) = list_dispatches(path, Options(), nobody)
    assert sorting.reason == "not tunable: no kind of problem describes a root op like iree_linalg_ext.sort"
    assert not sorting.space
    assert sorting.seconds is not None
    assert sorting.model_s > 0.0


def test_the_command_prints_a_table(tmp_path: Path) -> None:
    path = tmp_path / "model.mlir"
    path.write_text(samples.matmul(96, 128, 64))
    result = CliRunner().invoke(app, ["list", str(path)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "contraction m96 n128 k64 f32" in result.output
    assert "100.0%" in result.output
    assert "1 dispatch, 1 problem to tune" in result.output
