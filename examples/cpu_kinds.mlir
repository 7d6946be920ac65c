func.func @conv(%a: tensor<1x58x58x64xf32>, %b: tensor<3x3x64x64xf32>) -> tensor<1x56x56x64xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<1x56x56x64xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32>
  %c = linalg.conv_2d_nhwc_hwcf {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>} ins(%a, %b : tensor<1x58x58x64xf32>, tensor<3x3x64x64xf32>) outs(%init : tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32>
  return %c : tensor<1x56x56x64xf32>
}
func.func @conv2(%a: tensor<2x30x30x64xf32>, %b: tensor<3x3x64x64xf32>) -> tensor<2x28x28x64xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<2x28x28x64xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x28x28x64xf32>) -> tensor<2x28x28x64xf32>
  %c = linalg.conv_2d_nhwc_hwcf {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>} ins(%a, %b : tensor<2x30x30x64xf32>, tensor<3x3x64x64xf32>) outs(%init : tensor<2x28x28x64xf32>) -> tensor<2x28x28x64xf32>
  return %c : tensor<2x28x28x64xf32>
}
func.func @nchw(%a: tensor<1x64x58x58xf32>, %b: tensor<64x64x3x3xf32>) -> tensor<1x64x56x56xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<1x64x56x56xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<1x64x56x56xf32>) -> tensor<1x64x56x56xf32>
  %c = linalg.conv_2d_nchw_fchw {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>} ins(%a, %b : tensor<1x64x58x58xf32>, tensor<64x64x3x3xf32>) outs(%init : tensor<1x64x56x56xf32>) -> tensor<1x64x56x56xf32>
  return %c : tensor<1x64x56x56xf32>
}
func.func @dw(%a: tensor<1x58x58x64xf32>, %b: tensor<3x3x64xf32>) -> tensor<1x56x56x64xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<1x56x56x64xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32>
  %c = linalg.depthwise_conv_2d_nhwc_hwc {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>} ins(%a, %b : tensor<1x58x58x64xf32>, tensor<3x3x64xf32>) outs(%init : tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32>
  return %c : tensor<1x56x56x64xf32>
}
func.func @softmax(%a: tensor<128x1000xf32>) -> tensor<128x1000xf32> {
  %e = tensor.empty() : tensor<128x1000xf32>
  %c = linalg.softmax dimension(1) ins(%a : tensor<128x1000xf32>) outs(%e : tensor<128x1000xf32>) -> tensor<128x1000xf32>
  return %c : tensor<128x1000xf32>
}
func.func @rowsum(%a: tensor<512x1024xf32>) -> tensor<512xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<512xf32>
  %i = linalg.fill ins(%zero : f32) outs(%e : tensor<512xf32>) -> tensor<512xf32>
  %c = linalg.reduce ins(%a : tensor<512x1024xf32>) outs(%i : tensor<512xf32>) dimensions = [1]
    (%in: f32, %acc: f32) { %s = arith.addf %in, %acc : f32
      linalg.yield %s : f32 }
  return %c : tensor<512xf32>
}
func.func @gelu(%a: tensor<384x1024xf32>, %b: tensor<384x1024xf32>) -> tensor<384x1024xf32> {
  %x = arith.addf %a, %b : tensor<384x1024xf32>
  %y = math.tanh %x : tensor<384x1024xf32>
  return %y : tensor<384x1024xf32>
}
func.func @transpose(%a: tensor<384x1024xf32>) -> tensor<1024x384xf32> {
  %e = tensor.empty() : tensor<1024x384xf32>
  %c = linalg.transpose ins(%a : tensor<384x1024xf32>) outs(%e : tensor<1024x384xf32>) permutation = [1, 0]
  return %c : tensor<1024x384xf32>
}
