# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Problems without a model, from the command line to one spec."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import samples
from commands import assert_fails, here, iree_tune
from tuner.specs.read import read_spec

MIOPEN = """\
# Three convolutions, the first one twice and the last one backward.
MIOpenDriver conv -n 2 -c 16 -H 8 -W 8 -k 32 -y 3 -x 3 -p 1 -q 1 --in_layout NHWC --fil_layout NHWC --out_layout NHWC
MIOpenDriver conv -n 2 -c 16 -H 8 -W 8 -k 32 -y 3 -x 3 -p 1 -q 1 --in_layout NHWC --fil_layout NHWC --out_layout NHWC
MIOpenDriver conv -n 1 -c 8 -H 9 -W 9 -k 16 -y 3 -x 3 -u 2 -v 2 -F 1
MIOpenDriver conv -n 2 -c 8 -H 9 -W 9 -k 16 -y 3 -x 3 -u 2 -v 2 -F 4
"""


@pytest.mark.runs
def test_problems_are_tuned_into_one_spec(tmp_path: Path) -> None:
    problems = ("--problem", "matmul 101x103x211 f32", "--problem", "conv 1x8x8x16->32 3x3 f32")
    options = ("-o", "spec.mlir", "--trials", "2", "--run-dir", "run", "--", samples.NO_PEELING)
    done = iree_tune("run", *problems, *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert [dispatch["problem"].split()[0] for dispatch in result["dispatches"]] == ["contraction", "convolution"]
    assert all(dispatch["evaluations"] == 3 for dispatch in result["dispatches"])
    assert result["flags"] == []
    assert read_spec(tmp_path / "spec.mlir").moment == "early"
    (made,) = (tmp_path / ".iree-tuner" / "problems").iterdir()
    assert made.read_text() == "matmul 101x103x211 f32\nconv 1x8x8x16->32 3x3 f32\n"


@pytest.mark.runs
def test_a_list_of_commands_of_miopen_is_a_model(tmp_path: Path) -> None:
    (tmp_path / "convs.txt").write_text(MIOPEN)
    done = iree_tune("run", "convs.txt", "-o", "spec.mlir", "--trials", "2", "--run-dir", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    tuned = [dispatch for dispatch in result["dispatches"] if dispatch["evaluations"]]
    assert len(tuned) == 3
    assert {dispatch["problem"].split()[0] for dispatch in tuned} == {"convolution"}


@pytest.mark.compiler
@pytest.mark.gpu
def test_every_kind_has_a_space_on_an_amd_gpu(tmp_path: Path) -> None:
    (tmp_path / "all.txt").write_text(
        "matmul 512x4096x1024 f16\nbatch_matmul 8x512x512x256 bf16 transposed\n"
        "conv 2x32x32x128->256 3x3 f16 stride 2\nconv 2x32x32x128->256 3x3 f16 groups 2 nchw_fchw\n"
        "convfp16 -n 16 -c 64 -H 28 -W 28 -k 128 -p 1 -q 1 -F 2\n"
        "convfp16 -n 16 -c 64 -H 28 -W 28 -k 128 -p 1 -q 1 -F 4\n"
        "attention 20x1024x1024x64 f16 masked\n"
    )
    done = iree_tune("space", "all.txt", "--target", "rocm:gfx942", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for space, count in (("gpu-contraction", 2), ("gpu-convolution", 4), ("gpu-attention-amd", 1)):
        assert done.stdout.count(space) == count


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("run",), "Missing argument 'MODEL'"),
        (("run", "model.mlir", "--problem", "matmul 8x8x8 f32"), "--problem takes the place of MODEL; leave out model"),
        (("run", "--problem", "matmul 8x8 f32"), "'8x8' is not the sizes"),
        (("run", "bad.txt"), "bad.txt:1: 'hello' is no problem"),
    ],
)
def test_what_cannot_be_tuned_is_one_sentence(
    words: tuple[str, ...],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.txt").write_text("hello\n")
    assert_fails(here(*words, output=capsys), 2, says)
