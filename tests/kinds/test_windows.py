# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Ops that read windows of an image without summing them: what is left of a convolution that became a product."""

from __future__ import annotations

import pytest
from iree.compiler import ir

from tuner import kinds
from tuner.toolchain.contexts import new_context
from tuner.toolchain.operations import ops_named

pytestmark = pytest.mark.compiler

WINDOWS = """
func.func @windows(%image: tensor<512x256xf32>, %scales: tensor<256xf32>, %out: tensor<256x5x508xf32>)
    -> tensor<256x5x508xf32> {
  %windows = linalg.generic {
    indexing_maps = [
      affine_map<(d0, d1, d2) -> (d1 + d2, d0)>,
      affine_map<(d0, d1, d2) -> (d0)>,
      affine_map<(d0, d1, d2) -> (d0, d1, d2)>
    ],
    iterator_types = ["parallel", "parallel", "parallel"]
  } ins(%image, %scales : tensor<512x256xf32>, tensor<256xf32>) outs(%out : tensor<256x5x508xf32>) {
  ^bb0(%in: f32, %scale: f32, %old: f32):
    %scaled = arith.mulf %in, %scale : f32
    linalg.yield %scaled : f32
  } -> tensor<256x5x508xf32>
  return %windows : tensor<256x5x508xf32>
}
"""


def test_windows_that_are_not_summed_are_no_convolution() -> None:
    with new_context():
        module = ir.Module.parse(WINDOWS).operation
        (windows,) = ops_named(module, "linalg.generic")
        assert kinds.find(windows) == ("elementwise", {0: "parallel", 1: "parallel", 2: "parallel"})
