# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every choice for single ops: plain iree-compile applies it, the code becomes another, and computes the same."""

from __future__ import annotations

import re
from pathlib import Path

import iree.runtime
import numpy as np
import pytest

import op_samples
import samples
from op_samples import FURTHER, SUITED
from tuner import plugins
from tuner.model.model import Model, preprocessing_flag
from tuner.op_choices import GROUP, OpChoice, OpChoiceKind, flags_of
from tuner.op_choices.reading import read_ops
from tuner.op_choices.writing import preprocessing_spec
from tuner.targets.cpu import CpuTarget

pytestmark = pytest.mark.runs

# Relative to numbers around 1 and sums of some hundred products; Winograd's algorithm rounds more.
TOLERANCE, WINOGRAD_TOLERANCE = 1e-4, 5e-3


def opened(text: str, folder: Path, target: CpuTarget) -> Model:
    path = folder / "model.mlir"
    path.write_text(text)
    return Model.open(path, target.compile_flags)


def with_choices(model: Model, folder: Path, *choices: OpChoice) -> Model:
    spec = folder / "spec.preprocessing.mlir"
    spec.write_text(preprocessing_spec(choices))
    return model.with_flags(*flags_of(choices), preprocessing_flag(spec))


def compiled(model: Model, binary: Path) -> bytes:
    model.compile_or_reject(binary)
    return binary.read_bytes()


def output_of(binary: bytes) -> np.ndarray:
    config = iree.runtime.Config("local-sync")
    loaded = iree.runtime.load_vm_module(iree.runtime.VmModule.copy_buffer(config.vm_instance, binary), config)
    (name,) = (name for name in loaded.vm_module.function_names if not name.startswith("__"))
    declared = loaded.vm_module.lookup_function(name).reflection["iree.abi.declaration"]
    shapes = [part.split(">")[0].split("x")[:-1] for part in declared.split("tensor<")[1:-1]]
    random = np.random.default_rng(3)
    inputs = [random.standard_normal([int(size) for size in shape], dtype=np.float32) for shape in shapes]
    result: np.ndarray = loaded[name](*inputs).to_host()
    return result


def test_each_registered_kind_has_samples() -> None:
    assert {kind for kind, _ in SUITED} == set(plugins.names(GROUP))


@pytest.mark.parametrize(("kind", "value", "text"), [(*named, text) for named, text in SUITED.items()] + FURTHER)
def test_a_choice_is_applied_and_computes_the_same(
    kind: str, value: str, text: str, target: CpuTarget, tmp_path: Path
) -> None:
    model = opened(text, tmp_path, target)
    (op,) = read_ops(model, tmp_path)
    found: OpChoiceKind = plugins.load(GROUP, kind)
    assert value in found.values(op)
    plain = compiled(model, tmp_path / "plain.vmfb")
    chosen = compiled(with_choices(model, tmp_path, OpChoice(kind, value, op)), tmp_path / "chosen.vmfb")
    assert chosen != plain
    tolerance = WINOGRAD_TOLERANCE if kind == "winograd" else TOLERANCE
    np.testing.assert_allclose(output_of(chosen), output_of(plain), atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize(
    ("image", "window", "strides"),
    [((8, 12), (3, 3), (2, 2)), ((7, 13), (5, 5), (2, 1)), ((9, 10), (3, 5), (1, 2)), ((8, 8), (2, 2), (3, 1))],
)
def test_depthwise_convolutions_of_any_stride(
    image: tuple[int, int], window: tuple[int, int], strides: tuple[int, int], target: CpuTarget, tmp_path: Path
) -> None:
    model = opened(op_samples.depthwise((1, 5, *image), (5, *window), strides), tmp_path, target)
    (op,) = read_ops(model, tmp_path)
    plain = compiled(model, tmp_path / "plain.vmfb")
    chosen = compiled(with_choices(model, tmp_path, OpChoice("depthwise", "slices", op)), tmp_path / "chosen.vmfb")
    np.testing.assert_allclose(output_of(chosen), output_of(plain), atol=TOLERANCE, rtol=TOLERANCE)


def test_a_choice_is_for_the_ops_of_its_types_alone(target: CpuTarget, tmp_path: Path) -> None:
    model = opened(samples.two_matmuls(16, 24, 40, 56), tmp_path, target)
    first, second = read_ops(model, tmp_path)
    assert first.steps_of_loops > second.steps_of_loops
    text = tmp_path / "marked.mlir"
    chosen = with_choices(model, tmp_path, OpChoice("data-tiling", "on", second))
    chosen.compile_or_reject(text, "--compile-to=preprocessing")
    lines = [line for line in text.read_text().splitlines() if "linalg.matmul" in line]
    assert [("iree.opt.data_tiling" in line) for line in lines] == [second.operands[1] in line for line in lines]
    assert len(lines) == 2


@pytest.mark.parametrize(
    "text",
    [
        op_samples.convolution((1, 24, 6, 10), (20, 24, 1, 1), strides=(2, 2)),
        op_samples.convolution((2, 24, 6, 10), (20, 24, 1, 1)),
        op_samples.depthwise((1, 5, 9, 11), (5, 3, 3), (2, 2)),
        op_samples.depthwise((1, 5, 9, 11), (5, 7, 7), (1, 1)),
        op_samples.channels_last((2, 6, 10, 24), 20, (1, 1)),
        op_samples.channels_last((1, 6, 10, 24), 20, (1, 1), order="fhwc"),
        # With the channels last the compiler's own code is faster.
        op_samples.channels_last((1, 9, 11, 6), 6, (3, 3), order="hwc"),
        op_samples.channels_last((1, 14, 14, 16), 16, (3, 3)),
        # The window is as large as the stride, yet the image is not spread over zeros.
        op_samples.convolution((1, 12, 13, 15), (5, 12, 2, 2)),
    ],
)
def test_an_op_of_another_form_has_no_such_choice(text: str, target: CpuTarget, tmp_path: Path) -> None:
    (op,) = read_ops(opened(text, tmp_path, target), tmp_path)
    assert [name for name in plugins.names(GROUP) if plugins.load(GROUP, name).values(op)] == []


def test_equal_ops_are_one_and_dynamic_ones_none(target: CpuTarget, tmp_path: Path) -> None:
    twice = opened(samples.two_matmuls(24, 24, 24, 24), tmp_path, target)
    (op,) = read_ops(twice, tmp_path)
    assert (op.count, op.steps_of_loops) == (2, 2 * 24**3)
    assert op.label.endswith("2 times")
    dynamic = samples.matmul(24, 24, 24).replace("24x24", "?x24").replace("tensor.empty()", "tensor.empty(%d)")
    dynamic = dynamic.replace(
        "  %empty",
        "  %zero_place = arith.constant 0 : index\n  %d = tensor.dim %a, %zero_place : tensor<?x24xf32>\n  %empty",
    )
    dynamic = dynamic.replace("%b: tensor<?x24xf32>", "%b: tensor<24x24xf32>")
    dynamic = dynamic.replace("tensor<?x24xf32>, tensor<?x24xf32>)", "tensor<?x24xf32>, tensor<24x24xf32>)")
    assert read_ops(opened(dynamic, tmp_path, target), tmp_path) == ()


def test_strides_of_one_need_not_be_written(target: CpuTarget, tmp_path: Path) -> None:
    text = op_samples.convolution((1, 24, 6, 10), (20, 24, 1, 1))
    bare = re.sub(r"\{dilations = .*?strides = .*?\}", "", text)
    assert bare != text
    (op,) = read_ops(opened(bare, tmp_path, target), tmp_path)
    assert (op.strides, op.dilations) == ((1, 1), (1, 1))
    assert "product" in plugins.load(GROUP, "pointwise").values(op)
