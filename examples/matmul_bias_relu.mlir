// relu(A * B + bias) in f32, which IREE fuses into one dispatch.
#matrix = affine_map<(m, n) -> (m, n)>
#row = affine_map<(m, n) -> (n)>
func.func @matmul_bias_relu(%a: tensor<384x1024xf32>, %b: tensor<1024x3072xf32>, %bias: tensor<3072xf32>)
    -> tensor<384x3072xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<384x3072xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<384x3072xf32>) -> tensor<384x3072xf32>
  %c = linalg.matmul ins(%a, %b : tensor<384x1024xf32>, tensor<1024x3072xf32>)
                     outs(%init : tensor<384x3072xf32>) -> tensor<384x3072xf32>
  %d = linalg.generic {indexing_maps = [#matrix, #row, #matrix], iterator_types = ["parallel", "parallel"]}
      ins(%c, %bias : tensor<384x3072xf32>, tensor<3072xf32>) outs(%empty : tensor<384x3072xf32>) {
  ^bb0(%value: f32, %offset: f32, %unused: f32):
    %sum = arith.addf %value, %offset : f32
    %relu = arith.maximumf %sum, %zero : f32
    linalg.yield %relu : f32
  } -> tensor<384x3072xf32>
  return %d : tensor<384x3072xf32>
}
