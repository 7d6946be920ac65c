// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Five kinds of dispatch in one module: matmul, a convolution of batch 1, softmax, a
// reduction and attention.

func.func @matmul(%a: tensor<128x256xf32>, %b: tensor<256x192xf32>) -> tensor<128x192xf32> {
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<128x192xf32>
  %i = linalg.fill ins(%z : f32) outs(%e : tensor<128x192xf32>) -> tensor<128x192xf32>
  %r = linalg.matmul ins(%a, %b : tensor<128x256xf32>, tensor<256x192xf32>) outs(%i : tensor<128x192xf32>) -> tensor<128x192xf32>
  return %r : tensor<128x192xf32>
}
func.func @conv(%i: tensor<1x30x30x16xf32>, %w: tensor<3x3x16x32xf32>) -> tensor<1x28x28x32xf32> {
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x28x28x32xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<1x28x28x32xf32>) -> tensor<1x28x28x32xf32>
  %r = linalg.conv_2d_nhwc_hwcf ins(%i, %w : tensor<1x30x30x16xf32>, tensor<3x3x16x32xf32>) outs(%f : tensor<1x28x28x32xf32>) -> tensor<1x28x28x32xf32>
  return %r : tensor<1x28x28x32xf32>
}
func.func @softmax(%a: tensor<64x512xf32>) -> tensor<64x512xf32> {
  %e = tensor.empty() : tensor<64x512xf32>
  %r = linalg.softmax dimension(1) ins(%a : tensor<64x512xf32>) outs(%e : tensor<64x512xf32>) -> tensor<64x512xf32>
  return %r : tensor<64x512xf32>
}
func.func @reduction(%a: tensor<256x1024xf32>) -> tensor<256xf32> {
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<256xf32>
  %i = linalg.fill ins(%z : f32) outs(%e : tensor<256xf32>) -> tensor<256xf32>
  %r = linalg.reduce {arith.addf} ins(%a : tensor<256x1024xf32>) outs(%i : tensor<256xf32>) dimensions = [1]
  return %r : tensor<256xf32>
}
func.func @attention(%q: tensor<2x64x32xf32>, %k: tensor<2x64x32xf32>, %v: tensor<2x64x32xf32>) -> tensor<2x64x32xf32> {
  %scale = arith.constant 0.125 : f32
  %e = tensor.empty() : tensor<2x64x32xf32>
  %r = "iree_linalg_ext.attention"(%q, %k, %v, %scale, %e) <{
      indexing_maps = [affine_map<(b, m, n, k, l) -> (b, m, k)>, affine_map<(b, m, n, k, l) -> (b, l, k)>,
                       affine_map<(b, m, n, k, l) -> (b, l, n)>, affine_map<(b, m, n, k, l) -> ()>,
                       affine_map<(b, m, n, k, l) -> (b, m, n)>],
      operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 1>}> ({
    ^bb0(%s: f32):
      iree_linalg_ext.yield %s : f32
    }) : (tensor<2x64x32xf32>, tensor<2x64x32xf32>, tensor<2x64x32xf32>, f32, tensor<2x64x32xf32>) -> tensor<2x64x32xf32>
  return %r : tensor<2x64x32xf32>
}
