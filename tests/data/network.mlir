// As examples/small_network.mlir, but for a picture of 29 x 29: no tile divides a prime, so that the compiler leaves
// something to be found for the convolution too. The product takes the first 784 rows.
func.func @classify(%image: tensor<1x31x31x32xf32>, %filter: tensor<3x3x32x64xf32>, %weights: tensor<64x200xf32>)
    -> tensor<784x200xf32> {
  %zero = arith.constant 0.0 : f32
  %features_empty = tensor.empty() : tensor<1x29x29x64xf32>
  %features_init = linalg.fill ins(%zero : f32) outs(%features_empty : tensor<1x29x29x64xf32>) -> tensor<1x29x29x64xf32>
  %features = linalg.conv_2d_nhwc_hwcf {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}
    ins(%image, %filter : tensor<1x31x31x32xf32>, tensor<3x3x32x64xf32>)
    outs(%features_init : tensor<1x29x29x64xf32>) -> tensor<1x29x29x64xf32>
  %all_rows = tensor.collapse_shape %features [[0, 1, 2], [3]] : tensor<1x29x29x64xf32> into tensor<841x64xf32>
  %rows = tensor.extract_slice %all_rows [0, 0] [784, 64] [1, 1] : tensor<841x64xf32> to tensor<784x64xf32>
  %scores_empty = tensor.empty() : tensor<784x200xf32>
  %scores_init = linalg.fill ins(%zero : f32) outs(%scores_empty : tensor<784x200xf32>) -> tensor<784x200xf32>
  %scores = linalg.matmul ins(%rows, %weights : tensor<784x64xf32>, tensor<64x200xf32>)
    outs(%scores_init : tensor<784x200xf32>) -> tensor<784x200xf32>
  %classes_empty = tensor.empty() : tensor<784x200xf32>
  %classes = linalg.softmax dimension(1) ins(%scores : tensor<784x200xf32>)
    outs(%classes_empty : tensor<784x200xf32>) -> tensor<784x200xf32>
  return %classes : tensor<784x200xf32>
}
