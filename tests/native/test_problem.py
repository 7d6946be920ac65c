# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a root op computes: loops, operands, indexing maps."""

from __future__ import annotations

from iree.compiler import ir

from tuner import native

OPS = """
func.func @ops(%a: tensor<64x32xf32>, %b: tensor<32x?xf32>, %c: tensor<64x?xf32>,
    %i: tensor<1x16x16x4xf32>, %w: tensor<3x3x4x8xf32>, %o: tensor<1x14x14x8xf32>,
    %s: tensor<4x128xf32>) -> (tensor<64x?xf32>, tensor<1x14x14x8xf32>, tensor<4x128xf32>) {
  %0 = linalg.matmul ins(%a, %b : tensor<64x32xf32>, tensor<32x?xf32>)
    outs(%c : tensor<64x?xf32>) -> tensor<64x?xf32>
  %1 = linalg.conv_2d_nhwc_hwcf ins(%i, %w : tensor<1x16x16x4xf32>, tensor<3x3x4x8xf32>)
    outs(%o : tensor<1x14x14x8xf32>) -> tensor<1x14x14x8xf32>
  %2 = linalg.softmax dimension(1) ins(%s : tensor<4x128xf32>) outs(%s : tensor<4x128xf32>)
    -> tensor<4x128xf32>
  return %0, %1, %2 : tensor<64x?xf32>, tensor<1x14x14x8xf32>, tensor<4x128xf32>
}
"""


def test_problem_of_each_kind(context: ir.Context) -> None:
    module = ir.Module.parse(OPS, context)
    block = module.body.operations[0].regions[0].blocks[0]
    matmul, conv, softmax = (native.problem(op) for op in list(block.operations)[:3])

    assert matmul.name == "linalg.matmul"
    assert matmul.loop_sizes == (64, None, 32)
    assert matmul.parallel == (True, True, False)
    assert [str(t) for t in matmul.operand_types] == [
        "tensor<64x32xf32>",
        "tensor<32x?xf32>",
        "tensor<64x?xf32>",
    ]
    assert [str(m) for m in matmul.indexing_maps] == [
        "(d0, d1, d2) -> (d0, d2)",
        "(d0, d1, d2) -> (d2, d1)",
        "(d0, d1, d2) -> (d0, d1)",
    ]

    assert conv.loop_sizes == (1, 14, 14, 8, 3, 3, 4)
    assert conv.parallel == (True, True, True, True, False, False, False)
    assert [str(t) for t in conv.result_types] == ["tensor<1x14x14x8xf32>"]

    assert softmax.name == "linalg.softmax"
    assert softmax.indexing_maps == ()
    assert softmax.loop_sizes == ()
    assert [str(t) for t in softmax.operand_types] == ["tensor<4x128xf32>"] * 2


def test_problem_of_an_annotated_root(module: ir.Module) -> None:
    native.annotate_root_ops(module)
    root = native.find_root_ops(module)[0]
    assert native.problem(root.operation).loop_sizes == (64, 128, 32)
