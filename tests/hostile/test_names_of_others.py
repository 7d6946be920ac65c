# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Functions, modules and graphs of any name are extracted, tuned and checked."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import samples
from extraction import extract_text
from fuzz_readers import ESCAPE
from tuner.check.check import check_specs
from tuner.check.options import CheckOptions
from tuner.check.verdicts import Verdict
from tuner.dispatch import plain_name
from tuner.dispatches.extract import extract, read_model_configurations
from tuner.events import nobody
from tuner.model.model import Model
from tuner.model.shapes import Shapes
from tuner.targets.cpu import CpuTarget
from tuner.tuning.result import TuneResult


def named(symbol: str) -> str:
    """A product whose function has this name, as MLIR writes it."""
    return samples.matmul(101, 211, 103).replace("@matmul(", f'@"{symbol}"(')


# As MLIR writes them, and as they are.
NAMES = {
    "a/b": "a/b",
    "../up": "../up",
    "n" * 300: "n" * 300,
    r"q\22uoted": 'q"uoted',
    "[red]é<b>": "[red]é<b>",
    r"new\0Aline": "new\nline",
    r"\1B]0;title\07": ESCAPE,
    r"back\\slash": r"back\slash",
    "@at": "@at",
}


@pytest.mark.parametrize("name", NAMES)
def test_dispatches_of_functions_of_any_name_are_extracted(name: str, tmp_path: Path, target: CpuTarget) -> None:
    extracted = extract_text(named(name), tmp_path, target)
    (dispatch,) = extracted.dispatches
    assert dispatch.program is not None
    assert plain_name(dispatch.name) == dispatch.name
    assert extracted.functions == (NAMES[name],)
    plain = extract_text(samples.matmul(101, 211, 103), tmp_path, target).dispatches[0]
    assert (dispatch.problem, dispatch.default, dispatch.runs) == (plain.problem, plain.default, plain.runs)
    assert read_model_configurations(tmp_path / "configured.mlir") == {plain.name: plain.default}


@pytest.mark.parametrize("name", ["main graph$async_dispatch_0", "_f-x.y[z]<b>'%:@", "n" * 150])
def test_names_that_work_as_they_are_stay(name: str) -> None:
    assert plain_name(name) == name


@given(st.text(min_size=1), st.text(min_size=1))
def test_plain_names_are_names_of_files_and_tell_symbols_apart(one: str, other: str) -> None:
    plain = plain_name(one)
    assert plain_name(plain) == plain
    assert Path("folder", plain).name == plain
    assert len(plain) <= 150
    assert (plain == plain_name(other)) == (one == other)


def test_modules_of_any_name_are_extracted(tmp_path: Path, target: CpuTarget) -> None:
    text = f'module @"m/{"x" * 300}" {{ {samples.matmul(32, 32, 32)} }}'
    extracted = extract_text(text, tmp_path, target)
    assert [each.name for each in extracted.dispatches] == ["matmul_dispatch_0_matmul_32x32x32_f32"]
    assert extracted.functions == ("matmul",)


def test_graphs_of_any_name_are_extracted(tmp_path: Path, target: CpuTarget) -> None:
    onnx = pytest.importorskip("onnx")
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [32, 32]) for name in ("x", "y")]
    node = onnx.helper.make_node("MatMul", ["x", "x"], ["y"])
    graph = onnx.helper.make_graph([node], "torch/jit", ends[:1], ends[1:])
    path = tmp_path / "model.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)]), str(path))
    model = Model.open(path, target.compile_flags).imported(Shapes(), tmp_path)
    extracted = extract(model, target, tmp_path)
    assert extracted.functions == ("torch/jit",)
    assert [each.program is not None for each in extracted.dispatches] == [True]


def test_a_function_with_a_slash_is_tuned_and_checked(delivered: tuple[TuneResult, Path], tmp_path: Path) -> None:
    result, spec = delivered
    assert result.function == "a/b"
    assert result.dispatches[0].winner is not None
    assert result.model is not None
    options = CheckOptions(flags=(samples.NO_PEELING,), function="a/b", run_dir=tmp_path / "check")
    report = check_specs(spec.with_name("model.mlir"), [spec], options, nobody)
    assert [each.verdict for each in report.entries] == [Verdict.HOLDS]
    assert report.passed
