// C = A * B in f32, 1024 x 512 times 512 x 768: the default is near its best.
func.func @matmul(%a: tensor<1024x512xf32>, %b: tensor<512x768xf32>) -> tensor<1024x768xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<1024x768xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<1024x768xf32>) -> tensor<1024x768xf32>
  %c = linalg.matmul ins(%a, %b : tensor<1024x512xf32>, tensor<512x768xf32>)
                     outs(%init : tensor<1024x768xf32>) -> tensor<1024x768xf32>
  return %c : tensor<1024x768xf32>
}
