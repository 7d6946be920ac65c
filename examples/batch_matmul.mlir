// Twelve independent products in f32, as in an attention layer.
func.func @batch_matmul(%a: tensor<12x384x64xf32>, %b: tensor<12x64x384xf32>) -> tensor<12x384x384xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<12x384x384xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<12x384x384xf32>) -> tensor<12x384x384xf32>
  %c = linalg.batch_matmul ins(%a, %b : tensor<12x384x64xf32>, tensor<12x64x384xf32>)
                           outs(%init : tensor<12x384x384xf32>) -> tensor<12x384x384xf32>
  return %c : tensor<12x384x384xf32>
}
