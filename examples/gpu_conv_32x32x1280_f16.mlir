func.func @conv(%a: tensor<2x34x34x1280xf16>, %b: tensor<3x3x1280x1280xf16>) -> tensor<2x32x32x1280xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<2x32x32x1280xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x32x32x1280xf32>) -> tensor<2x32x32x1280xf32>
  %c = linalg.conv_2d_nhwc_hwcf {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>} ins(%a, %b : tensor<2x34x34x1280xf16>, tensor<3x3x1280x1280xf16>) outs(%init : tensor<2x32x32x1280xf32>) -> tensor<2x32x32x1280xf32>
  return %c : tensor<2x32x32x1280xf32>
}
