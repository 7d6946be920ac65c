# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Model files become files that iree-compile reads: ONNX with its sizes bound, MLIR in any dialect that IREE takes."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from iree.compiler import ir
from onnx import TensorProto, helper, numpy_helper

import tuner
from tuner.dispatches.extract import extract
from tuner.errors import InputError
from tuner.measuring import FunctionProgram
from tuner.model.frontends.onnx import bind_model, import_onnx
from tuner.model.model import Model, import_model
from tuner.model.shapes import Shapes
from tuner.targets.cpu import CpuTarget

pytestmark = pytest.mark.compiler

Size = int | str | None
_WEIGHTS = np.arange(12, dtype=np.float32).reshape(4, 3)


def tensor(name: str, sizes: Sequence[Size] | None, kind: int = TensorProto.FLOAT) -> Any:
    return helper.make_tensor_value_info(name, kind, sizes)


def save(
    path: Path,
    nodes: Sequence[Any],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    weights: Sequence[tuple[str, Any]] = (),
    opset: int = 18,
    **options: Any,
) -> Path:
    """An ONNX file of these parts."""
    initializers = [numpy_helper.from_array(value, name) for name, value in weights]
    graph = helper.make_graph(list(nodes), "main graph", list(inputs), list(outputs), initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.save(model, str(path), **options)
    return path


def product(path: Path, sizes: Sequence[Size] | None = ("rows", 4), **options: Any) -> Path:
    """y = -(x * w), x of `sizes`."""
    nodes = [helper.make_node("MatMul", ["x", "w"], ["xw"]), helper.make_node("Neg", ["xw"], ["y"])]
    return save(path, nodes, [tensor("x", sizes)], [tensor("y", [None, 3])], [("w", _WEIGHTS)], **options)


def difference(path: Path, a: Sequence[Size], b: Sequence[Size], kind: int = TensorProto.FLOAT) -> Path:
    """y = a - b."""
    node = helper.make_node("Sub", ["a", "b"], ["y"])
    return save(path, [node], [tensor("a", a, kind), tensor("b", b, kind)], [tensor("y", None, kind)])


def import_text(path: Path, dims: Sequence[str] = (), inputs: Sequence[str] = ()) -> str:
    """The MLIR that a model is imported as."""
    with ir.Context():
        return str(ir.Module.parseFile(str(import_model(path, Shapes.parse(dims, inputs), path.parent))))


def signature(text: str) -> list[str]:
    """The shapes in the first function's type."""
    return re.findall(r"vtensor<\[([^]]*)\]", text[text.index("func.func") :].partition("attributes")[0])


def compiled(model: Model, folder: Path) -> Path:
    """A model compiled for this CPU."""
    binary = folder / "model.vmfb"
    model.with_flags(*CpuTarget().compile_flags).compile_or_reject(binary)
    return binary


def run(binary: Path, function: str) -> list[Any]:
    """What a compiled function makes of the data of seed 0."""
    program = FunctionProgram(binary, function).load("local-sync")
    program.fill(0)
    program.run(1)
    return program.outputs()


def test_named_sizes_are_bound_by_dim(tmp_path: Path) -> None:
    text = import_text(product(tmp_path / "model.onnx"), dims=["rows=5"])
    assert signature(text) == ["5,4", "5,3"]


def test_sizes_are_bound_by_input(tmp_path: Path) -> None:
    text = import_text(product(tmp_path / "model.onnx"), inputs=["7x4xf32"])
    assert signature(text) == ["7,4", "7,3"]


@pytest.mark.parametrize("size", [None, -1, "?"], ids=["nothing", "minus one", "question mark"])
def test_sizes_without_a_name_are_bound_by_input(tmp_path: Path, size: Size) -> None:
    assert signature(import_text(product(tmp_path / "model.onnx", [size, 4]), inputs=["7x4xf32"])) == ["7,4", "7,3"]


def test_sizes_that_share_a_placeholder_may_differ(tmp_path: Path) -> None:
    text = import_text(difference(tmp_path / "model.onnx", ["?", "?"], ["?", 1]), inputs=["2x3xf32", "2x1xf32"])
    assert signature(text) == ["2,3", "2,1", "2,3"]


def test_a_shape_that_is_not_stated_at_all_is_bound_by_input(tmp_path: Path) -> None:
    assert signature(import_text(product(tmp_path / "model.onnx", None), inputs=["2x4xf32"]))[0] == "2,4"


def test_names_with_odd_characters_are_bound(tmp_path: Path) -> None:
    path = product(tmp_path / "my model; v=1.onnx", ["2*rows = all", 4])
    assert signature(import_text(path, dims=["2*rows = all=6"]))[0] == "6,4"


def test_one_name_stands_for_the_size_everywhere(tmp_path: Path) -> None:
    path = difference(tmp_path / "model.onnx", ["batch", 3], ["batch", 3])
    assert signature(import_text(path, dims=["batch=2"])) == ["2,3", "2,3", "2,3"]


def test_a_model_of_static_shape_needs_nothing(tmp_path: Path) -> None:
    path = product(tmp_path / "model.onnx", [2, 4])
    before = path.read_bytes()
    assert signature(import_text(path)) == ["2,4", "2,3"]
    assert path.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["model.declared.mlirbc", "model.onnx"]


def test_weights_that_are_also_listed_as_inputs_are_no_inputs(tmp_path: Path) -> None:
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    inputs = [tensor("x", ["rows", 4]), tensor("w", [4, 3])]
    path = save(tmp_path / "model.onnx", [node], inputs, [tensor("y", ["rows", 3])], [("w", _WEIGHTS)])
    assert signature(import_text(path, inputs=["2x4xf32"])) == ["2,4", "2,3"]


def test_sizes_that_a_model_computes_are_worked_out(tmp_path: Path) -> None:
    """y = x + (0 … length - 1), the length read off x at run time: without folding, a tensor of open size."""
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "last"], ["length"]),
        helper.make_node("Range", ["zero", "length", "one"], ["places"]),
        helper.make_node("Cast", ["places"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["x", "numbers"], ["y"]),
    ]
    weights = [("last", np.array(1)), ("zero", np.array(0)), ("one", np.array(1))]
    path = save(tmp_path / "m.onnx", nodes, [tensor("x", [2, "length"])], [tensor("y", [2, "length"])], weights)
    text = import_text(path, dims=["length=200"])
    assert "?" not in text
    # Only what sizes are made of: the 200 numbers are still computed, not written down.
    assert "onnx.Range" in text


def test_an_old_model_is_converted(tmp_path: Path) -> None:
    """Up to version 12 the axes of Squeeze were an attribute, up to 17 those of ReduceMean."""
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Squeeze", ["mean"], ["y"], axes=[1]),
    ]
    path = save(tmp_path / "old.onnx", nodes, [tensor("x", ["rows", 4])], [tensor("y", ["rows"])], opset=11)
    model = Model.open(path, ()).imported(Shapes.parse(["rows=3"], []), tmp_path)
    (mean,) = run(compiled(model, tmp_path), "main graph")
    assert mean.shape == (3,)


def test_weights_in_a_file_of_their_own_are_found(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    path = product(elsewhere / "model.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
    model = Model.open(path, ()).imported(Shapes.parse(["rows=2"], []), tmp_path)
    (result,) = run(compiled(model, tmp_path), "main graph")
    embedded = Model.open(product(tmp_path / "whole.onnx"), ()).imported(Shapes.parse(["rows=2"], []), tmp_path)
    np.testing.assert_array_equal(result, run(compiled(embedded, tmp_path), "main graph")[0])
    assert result.any()


def test_weights_whose_file_is_gone_are_named(tmp_path: Path) -> None:
    path = product(tmp_path / "model.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(InputError, match=r"weights\.bin"):
        import_text(path, dims=["rows=2"])


@pytest.mark.parametrize(
    ("dims", "inputs", "message"),
    [
        ([], [], r"leaves sizes open: x \[rows, 4\]; bind them by --dim NAME=SIZE or --input SHAPE"),
        (["columns=2"], [], r"has no dimension named columns; it needs: x \[rows, 4\]"),
        ([], ["2x4xf32", "2x4xf32"], "has 1 inputs; give --input for each of them, not 2"),
        ([], ["4xf32"], "has 2 dimensions; 4xf32 has 1"),
        ([], ["2x5xf32"], "dimension 1 of input 'x' of .* is 4, not 5 as in 2x5xf32"),
        ([], ["2x4xi64"], "holds f32, not i64"),
        (["rows=3"], ["2x4xf32"], r"dimension 0 \(rows\) of input 'x' of .* is 3, not 2 as in 2x4xf32"),
    ],
)
def test_sizes_that_do_not_fit_are_told(tmp_path: Path, dims: list[str], inputs: list[str], message: str) -> None:
    path = product(tmp_path / "model.onnx")
    with pytest.raises(InputError, match=message):
        import_text(path, dims, inputs)
    assert [each.name for each in tmp_path.iterdir()] == ["model.onnx"]


def test_a_name_given_two_sizes_by_two_inputs_is_told(tmp_path: Path) -> None:
    path = difference(tmp_path / "model.onnx", ["batch", 3], ["batch", 3])
    with pytest.raises(InputError, match=r"dimension 0 \(batch\) of input 'b' of .* is 2, not 5"):
        import_text(path, inputs=["2x3xf32", "5x3xf32"])


def test_sizes_that_contradict_the_model_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="do not fit together with these sizes"):
        import_text(product(tmp_path / "model.onnx", ["rows", "columns"]), dims=["rows=2", "columns=5"])


def test_an_input_that_is_no_tensor_is_told(tmp_path: Path) -> None:
    sequence = helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, [2])
    node = helper.make_node("SequenceAt", ["x", "zero"], ["y"])
    path = save(tmp_path / "model.onnx", [node], [sequence], [tensor("y", [2])], [("zero", np.array(0))])
    with pytest.raises(InputError, match=r"input 'x' of .* is no tensor"):
        import_text(path)


def test_an_operator_that_iree_has_not_is_told(tmp_path: Path) -> None:
    path = product(tmp_path / "model.onnx", [2, 4])
    model = onnx.load(str(path))
    model.graph.node[1].op_type = "NoSuchOperator"
    onnx.save(model, str(path))
    with pytest.raises(InputError, match="NoSuchOperator"):
        import_text(path)
    assert [each.name for each in tmp_path.iterdir()] == ["model.onnx"]


@pytest.mark.parametrize(
    "content", [b"", b"no model at all", bytes(range(256)) * 4], ids=["empty", "words", "all bytes"]
)
def test_a_file_that_is_no_model_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(InputError, match="no ONNX model that can be read"):
        import_text(path)


def test_half_a_file_is_told(tmp_path: Path) -> None:
    path = product(tmp_path / "model.onnx", [2, 4])
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match="no ONNX model that can be read"):
        import_text(path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no model file"):
        import_text(tmp_path / "model.onnx")


def test_an_importer_that_does_not_end_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did not end within"):
        import_onnx(product(tmp_path / "model.onnx", [2, 4]), Shapes(), tmp_path / "model.mlir", timeout_s=0.01)
    assert [each.name for each in tmp_path.iterdir()] == ["model.onnx"]


def test_sizes_of_mlir_are_not_bound(tmp_path: Path) -> None:
    path = tmp_path / "model.mlir"
    path.write_text("")
    for shapes in (Shapes.parse(["rows=2"], []), Shapes.parse([], ["2x4xf32"])):
        with pytest.raises(InputError, match="bind sizes that ONNX, torch and JAX models leave open"):
            import_model(path, shapes, tmp_path)


@pytest.mark.parametrize("dim", ["rows", "rows=", "=4", "rows=0", "rows=-1", "rows=two", "rows=1.5", "rows=²"])
def test_a_dim_that_is_none_is_told(dim: str) -> None:
    with pytest.raises(InputError, match="--dim takes NAME=SIZE"):
        Shapes.parse([dim], [])


def test_a_dim_given_twice_is_told() -> None:
    assert Shapes.parse(["rows=2", "rows=2"], []).dims == {"rows": 2}
    with pytest.raises(InputError, match="gives rows twice, as 2 and as 3"):
        Shapes.parse(["rows=2", "rows=3"], [])


@pytest.mark.parametrize("shape", ["", "2x4", "x4xf32", "2x?xf32", "0x4xf32", "2 x 4 x f32", "tensor<2x4xf32>"])
def test_an_input_that_is_no_shape_is_told(shape: str) -> None:
    with pytest.raises(InputError, match="--input takes a shape such as"):
        Shapes.parse([], [shape])


def test_the_bound_model_computes_what_the_file_does(tmp_path: Path) -> None:
    from onnx.reference import ReferenceEvaluator

    path = product(tmp_path / "model.onnx")
    data = {"x": np.arange(8, dtype=np.float32).reshape(2, 4) - 4}
    (expected,) = ReferenceEvaluator(str(path)).run(None, data)
    (found,) = ReferenceEvaluator(bind_model(path, Shapes.parse(["rows=2"], []))).run(None, data)
    np.testing.assert_array_equal(found, expected)


_DIALECTS = {
    "linalg": """
func.func @double(%a: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %empty = tensor.empty() : tensor<4x8xf32>
  %b = linalg.map { arith.addf } ins(%a, %a : tensor<4x8xf32>, tensor<4x8xf32>) outs(%empty : tensor<4x8xf32>)
  return %b : tensor<4x8xf32>
}
""",
    "stablehlo": """
func.func @double(%a: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %b = stablehlo.add %a, %a : tensor<4x8xf32>
  return %b : tensor<4x8xf32>
}
""",
    "tosa": """
func.func @double(%a: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %b = tosa.add %a, %a : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %b : tensor<4x8xf32>
}
""",
    "torch": """
func.func @double(%a: !torch.vtensor<[4,8],f32>) -> !torch.vtensor<[4,8],f32> {
  %one = torch.constant.int 1
  %b = torch.aten.add.Tensor %a, %a, %one : !torch.vtensor<[4,8],f32>, !torch.vtensor<[4,8],f32>, !torch.int
      -> !torch.vtensor<[4,8],f32>
  return %b : !torch.vtensor<[4,8],f32>
}
""",
}


def as_text(path: Path, text: str) -> Path:
    path = path.with_suffix(".mlir")
    path.write_text(text)
    return path


def as_bytecode(path: Path, text: str) -> Path:
    from tuner.toolchain.tools import tool_path

    source, path = as_text(path, text), path.with_suffix(".mlirbc")
    subprocess.run([str(tool_path("iree-opt")), str(source), "--emit-bytecode", "-o", str(path)], check=True)
    return path


@pytest.mark.parametrize("write", [as_text, as_bytecode])
@pytest.mark.parametrize("dialect", _DIALECTS)
def test_every_dialect_that_iree_takes_is_taken(
    tmp_path: Path, dialect: str, write: Callable[[Path, str], Path]
) -> None:
    path = write(tmp_path / "model", _DIALECTS[dialect])
    model = Model.open(path, CpuTarget().compile_flags).imported(Shapes(), tmp_path)
    assert extract(model, CpuTarget(), tmp_path / "dispatches").functions == ("double",)
    (doubled,) = run(compiled(model, tmp_path), "double")
    (reference,) = run(compiled(Model.open(as_text(tmp_path / "linalg", _DIALECTS["linalg"]), ()), tmp_path), "double")
    np.testing.assert_array_equal(doubled, reference)
    assert doubled.shape == (4, 8)
    assert doubled.any()


def test_a_file_that_needs_no_declaration_is_taken_as_it_is(tmp_path: Path) -> None:
    own = _DIALECTS["torch"].replace("f32> {", "f32> attributes {iree.reflection = {mine = 1}} {", 1)
    open_size = _DIALECTS["torch"].replace("[4,8]", "[?,8]")
    for number, text in enumerate([_DIALECTS["stablehlo"], own, open_size, "no MLIR, but torch"]):
        path = as_text(tmp_path / f"model{number}", text)
        assert import_model(path, Shapes(), tmp_path) == path


@pytest.mark.runs
def test_an_onnx_model_is_tuned_and_proved_whole(tmp_path: Path) -> None:
    weights = np.random.default_rng(0).random((64, 48), dtype=np.float32)
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    output = [tensor("y", ["rows", 48])]
    path = save(tmp_path / "model.onnx", [node], [tensor("x", ["rows", 64])], output, [("w", weights)])
    result = tuner.tune(path, keep_flags=True, shapes=Shapes({"rows": 32}), trials=3, run_dir=tmp_path / "run")
    (tuned,) = result.dispatches
    assert tuned.dispatch.name.endswith("matmul_32x48x64_f32")
    assert result.model is None or result.model.verification.passed
