# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A small product of two matrices: compiled for a device, run there and compared with numpy's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tuner.errors import ToolError
from tuner.measuring import FunctionProgram, ProgramSource, Runner, Tolerance, Verification
from tuner.measuring.dispatch_data import Array, model_inputs
from tuner.measuring.programs import LoadedProgram
from tuner.toolchain.tools import run_tool

SIZE = 64
FUNCTION = "product"
_MATRIX = f"tensor<{SIZE}x{SIZE}xf32>"
MODULE = f"""
func.func @{FUNCTION}(%a: {_MATRIX}, %b: {_MATRIX}) -> {_MATRIX} {{
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : {_MATRIX}
  %init = linalg.fill ins(%zero : f32) outs(%empty : {_MATRIX}) -> {_MATRIX}
  %c = linalg.matmul ins(%a, %b : {_MATRIX}, {_MATRIX}) outs(%init : {_MATRIX}) -> {_MATRIX}
  return %c : {_MATRIX}
}}
"""
_COMPILE_TIMEOUT_S, _RUN_TIMEOUT_S = 120.0, 60.0
# 1e-5 of the typical size of a sum of SIZE products of numbers in [-1, 1).
_TOLERANCE = Tolerance(largest=1e-5 * SIZE**0.5, rms=1e-5 * SIZE**0.5)
_SEED = 0


@dataclass(frozen=True, slots=True)
class NumpyProduct:
    """The product as numpy computes it on the host, in double precision."""

    def load(self, device_uri: str) -> LoadedProgram:
        del device_uri
        return _LoadedNumpyProduct()


class _LoadedNumpyProduct:
    def fill(self, seed: int) -> None:
        self._inputs = model_inputs([((SIZE, SIZE), "f32")] * 2, seed)

    def run(self, times: int) -> None:
        for _ in range(times):
            a, b = (matrix.astype(np.float64) for matrix in self._inputs)
            self._product = (a @ b).astype(np.float32)

    def outputs(self) -> list[Array]:
        return [self._product]


def compile_product(flags: Sequence[str], scratch: Path, *, module: str = MODULE) -> FunctionProgram:
    """Compiles the product with the flags of a target. Raises ToolError if iree-compile refuses it."""
    source, binary = scratch / "product.mlir", scratch / "product.vmfb"
    source.write_text(module)
    result = run_tool(
        "iree-compile", [str(source), *flags, "-o", str(binary)], timeout_s=_COMPILE_TIMEOUT_S, scratch=scratch
    )
    if result.exit_code != 0:
        raise ToolError(f"iree-compile does not compile a matrix product ({result.first_error})")
    return FunctionProgram(binary, FUNCTION)


def verify_product(runner: Runner, product: ProgramSource) -> Verification:
    """Runs the product on the runner's device and compares its result with numpy's. Raises MeasurementError."""
    runner.load("numpy", NumpyProduct())
    runner.reference("numpy", _SEED, timeout_s=_RUN_TIMEOUT_S)
    runner.load(FUNCTION, product, timeout_s=_RUN_TIMEOUT_S)
    verification, _ = runner.check(FUNCTION, _SEED, [_TOLERANCE], timeout_s=_RUN_TIMEOUT_S)
    return verification
