# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A function of a model is called with inputs of its declared types."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tuner.measuring import FunctionProgram
from tuner.measuring.dispatch_data import dtype_of
from tuner.model.model import Model
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
