# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Dispatches as the compiler configures them, in the spelling of the release under test."""

from __future__ import annotations

from release_under_test import RELEASE

_PIPELINE = "#iree_cpu.pipeline<DoubleTilingExpert>" if RELEASE >= (3, 12) else "CPUDoubleTilingExpert"

DISPATCH = """
func.func @{name}(%a: tensor<64x32xf32>, %b: tensor<32x128xf32>, %e: tensor<64x128xf32>)
    -> tensor<64x128xf32> attributes {{
      translation_info = #iree_codegen.translation_info<pipeline = {pipeline}>}} {{
  %zero = arith.constant 0.0 : f32
  %init = linalg.fill {{
      lowering_config = #iree_cpu.lowering_config<vector_common_parallel = [8, 16]>}}
    ins(%zero : f32) outs(%e : tensor<64x128xf32>) -> tensor<64x128xf32>
  %0 = linalg.matmul {{lowering_config = #iree_cpu.lowering_config<
        distribution = [32, 32, 0], vector_common_parallel = [8, 16, 0],
        vector_reduction = [0, 0, 4]>}}
    ins(%a, %b : tensor<64x32xf32>, tensor<32x128xf32>)
    outs(%init : tensor<64x128xf32>) -> tensor<64x128xf32>
  return %0 : tensor<64x128xf32>
}}
"""


def dispatch_text(*names: str) -> str:
    """A module of configured matmul dispatches, one function for each name."""
    return "\n".join(DISPATCH.format(name=name, pipeline=_PIPELINE) for name in names)
