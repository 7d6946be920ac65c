// As network.mlir, with primes for the product too: the compiler's choices are many times slower than what is found for
// any of the three dispatches.
func.func @classify(%image: tensor<1x31x31x32xf32>, %filter: tensor<3x3x32x64xf32>, %weights: tensor<64x199xf32>)
    -> tensor<769x199xf32> {
  %zero = arith.constant 0.0 : f32
  %features_empty = tensor.empty() : tensor<1x29x29x64xf32>
  %features_init = linalg.fill ins(%zero : f32) outs(%features_empty : tensor<1x29x29x64xf32>) -> tensor<1x29x29x64xf32>
  %features = linalg.conv_2d_nhwc_hwcf {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}
    ins(%image, %filter : tensor<1x31x31x32xf32>, tensor<3x3x32x64xf32>)
    outs(%features_init : tensor<1x29x29x64xf32>) -> tensor<1x29x29x64xf32>
  %all_rows = tensor.collapse_shape %features [[0, 1, 2], [3]] : tensor<1x29x29x64xf32> into tensor<841x64xf32>
  %rows = tensor.extract_slice %all_rows [0, 0] [769, 64] [1, 1] : tensor<841x64xf32> to tensor<769x64xf32>
  %scores_empty = tensor.empty() : tensor<769x199xf32>
  %scores_init = linalg.fill ins(%zero : f32) outs(%scores_empty : tensor<769x199xf32>) -> tensor<769x199xf32>
  %scores = linalg.matmul ins(%rows, %weights : tensor<769x64xf32>, tensor<64x199xf32>)
    outs(%scores_init : tensor<769x199xf32>) -> tensor<769x199xf32>
  %classes_empty = tensor.empty() : tensor<769x199xf32>
  %classes = linalg.softmax dimension(1) ins(%scores : tensor<769x199xf32>)
    outs(%classes_empty : tensor<769x199xf32>) -> tensor<769x199xf32>
  return %classes : tensor<769x199xf32>
}
