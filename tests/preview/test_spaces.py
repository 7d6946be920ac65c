# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`iree-tune space` says what may be chosen, and where nothing may, why."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

import few_ops
import problem_sizes as sizes
import samples
from tuner.cli import app
from tuner.constraints import enumerate_space, read_smtlib

pytestmark = pytest.mark.compiler


def run_space(text: str, folder: Path, *options: str) -> str:
    path = folder / "model.mlir"
    path.write_text(text)
    result = CliRunner().invoke(app, ["space", str(path), *options], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_knobs_domains_and_solutions_are_printed(tmp_path: Path) -> None:
    said = run_space(samples.matmul(96, 128, 64), tmp_path)
    assert "contraction m96 n128 k64 f32" in said
    assert "space: cpu-double-tiling-contraction (tuner.spaces.cpu.contraction)" in said
    assert "distribution[m]: {1, 2, 3, 4, " in said
    assert "peel: {0, 1}, in solutions {0}" in said
    assert "solutions: " in said


def test_spaces_are_written_for_solvers(tmp_path: Path) -> None:
    said = run_space(samples.matmul(96, 128, 64), tmp_path, "--smtlib", str(tmp_path / "texts"))
    (path,) = (tmp_path / "texts").iterdir()
    assert said.splitlines()[-1] == str(path)
    assert path.name == "matmul_dispatch_0_matmul_96x128x64_f32.smt2"
    count = re.search(r"solutions: ([\d,]+) of", said)
    assert count is not None
    pool = enumerate_space(read_smtlib(path.read_text()))
    assert f"{len(pool):,}" == count[1]


def test_a_dispatch_without_a_space_says_why(tmp_path: Path) -> None:
    said = run_space(samples.open_matmul(64, 64), tmp_path)
    assert "no space: " in said
    assert "sizes are open" in said


def test_an_op_on_single_numbers_leaves_nothing_to_choose(tmp_path: Path) -> None:
    said = run_space(
        """
func.func @scalar(%a: tensor<f32>, %b: tensor<f32>) -> tensor<f32> {
  %e = tensor.empty() : tensor<f32>
  %c = linalg.generic {indexing_maps = [affine_map<() -> ()>, affine_map<() -> ()>, affine_map<() -> ()>],
    iterator_types = []} ins(%a, %b : tensor<f32>, tensor<f32>) outs(%e : tensor<f32>) {
  ^bb0(%x: f32, %y: f32, %z: f32):
    %s = arith.addf %x, %y : f32
    linalg.yield %s : f32
  } -> tensor<f32>
  return %c : tensor<f32>
}
""",
        tmp_path,
    )
    assert "no space on cpu serves such a problem" in said


def test_a_space_that_cannot_be_built_says_why(tmp_path: Path) -> None:
    flag = "--iree-dispatch-creation-enable-fuse-padding-into-linalg-consumer-ops"
    said = run_space(few_ops.MODELS["padded chain"], tmp_path, "--target", "cuda:sm_80", "--", flag)
    assert "not tunable: gpu-convolution: IREE's compiler dies of tiles of threads" in said


def test_a_space_can_be_named_and_several_printed_as_one(tmp_path: Path) -> None:
    text = sizes.product((64, 128, 256), "f16")
    alone = [
        solutions(run_space(text, tmp_path, "--target", "rocm:gfx942", "--space", name))
        for name in ("gpu-contraction", "gpu-contraction-vectors")
    ]
    both = run_space(text, tmp_path, "--target", "rocm:gfx942", "--space", "gpu-contraction+gpu-contraction-vectors")
    assert "  space: {0, 1}" in both
    assert solutions(both) == sum(alone)
    other = run_space(text, tmp_path, "--target", "rocm:gfx942", "--space", "gpu-matvec")
    assert "none of the spaces gpu-matvec on rocm serves such a problem" in other


def solutions(said: str) -> int:
    """How many solutions are printed."""
    (found,) = re.findall(r"solutions: ([\d,]+) of", said)
    return int(found.replace(",", ""))
