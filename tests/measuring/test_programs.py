# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A function of a model is called with inputs of its declared types."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from tuner.errors import MeasurementError
from tuner.measuring import FunctionProgram
from tuner.measuring.dispatch_data import dtype_of
from tuner.model.model import Model
from tuner.targets import Allocator
from tuner.targets.cpu import CpuTarget

FUNCTION = """
func.func @mine(%x: tensor<3x4x{type}>, %y: tensor<{type}>) -> tensor<3x4x{type}> {{
  return %x : tensor<3x4x{type}>
}}
"""


@pytest.mark.parametrize("element", ["f32", "f16", "bf16", "f8E4M3FN", "f8E5M2", "i8", "i64"])
def test_a_function_gets_what_it_declares(tmp_path: Path, element: str) -> None:
    source, binary = tmp_path / "mine.mlir", tmp_path / "mine.vmfb"
    source.write_text(FUNCTION.format(type=element))
    Model.open(source, CpuTarget().compile_flags).compile_or_reject(binary)
    program = FunctionProgram(binary, "mine").load("local-sync")
    program.fill(0)
    program.run(1)
    (output,) = program.outputs()
    assert (output.shape, output.dtype) == ((3, 4), np.dtype(dtype_of(element)))
    assert np.unique(output.astype(np.float64)).size > 1


SUM = """
func.func @sum(%x: tensor<64x64xf32>) -> tensor<64xf32> {
  %zero = arith.constant 0.0 : f32
  %row = tensor.empty() : tensor<64xf32>
  %init = linalg.fill ins(%zero : f32) outs(%row : tensor<64xf32>) -> tensor<64xf32>
  %sum = linalg.reduce ins(%x : tensor<64x64xf32>) outs(%init : tensor<64xf32>) dimensions = [0]
    (%a: f32, %b: f32) { %c = arith.addf %a, %b : f32  linalg.yield %c : f32 }
  return %sum : tensor<64xf32>
}
"""


def test_a_function_computes_the_same_with_the_caching_allocator(tmp_path: Path) -> None:
    """Each program has an allocator of its own, which must outlive its buffers."""
    source, binary = tmp_path / "sum.mlir", tmp_path / "sum.vmfb"
    source.write_text(SUM)
    Model.open(source, CpuTarget().compile_flags).compile_or_reject(binary)
    outputs = []
    for number in range(20):
        allocator: Allocator = "caching" if number else "default"
        program = FunctionProgram(binary, "sum", allocator).load("local-sync")
        program.fill(0)
        program.run(2)
        outputs += program.outputs()
    assert all(np.array_equal(output, outputs[0]) for output in outputs[1:])


def test_an_allocator_that_the_device_does_not_know_is_a_failure_to_load(tmp_path: Path) -> None:
    source, binary = tmp_path / "sum.mlir", tmp_path / "sum.vmfb"
    source.write_text(SUM)
    Model.open(source, CpuTarget().compile_flags).compile_or_reject(binary)
    unknown = cast(Any, "hoarding")
    with pytest.raises(
        MeasurementError, match=r"cannot be loaded on local-sync with the hoarding allocator: .*hoarding"
    ):
        FunctionProgram(binary, "sum", unknown).load("local-sync")
