func.func @pool(%a: tensor<1x56x56x64xf32>) -> tensor<1x28x28x64xf32> {
  %m = arith.constant 0xFF800000 : f32
  %w = tensor.empty() : tensor<2x2xf32>
  %e = tensor.empty() : tensor<1x28x28x64xf32>
  %i = linalg.fill ins(%m : f32) outs(%e : tensor<1x28x28x64xf32>) -> tensor<1x28x28x64xf32>
  %c = linalg.pooling_nhwc_max {dilations = dense<1> : vector<2xi64>, strides = dense<2> : vector<2xi64>} ins(%a, %w : tensor<1x56x56x64xf32>, tensor<2x2xf32>) outs(%i : tensor<1x28x28x64xf32>) -> tensor<1x28x28x64xf32>
  return %c : tensor<1x28x28x64xf32>
}
func.func @grouped(%a: tensor<2x16x16x4x8xf32>, %b: tensor<4x3x3x8x8xf32>) -> tensor<2x14x14x4x8xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<2x14x14x4x8xf32>
  %i = linalg.fill ins(%zero : f32) outs(%e : tensor<2x14x14x4x8xf32>) -> tensor<2x14x14x4x8xf32>
  %c = linalg.generic {indexing_maps = [affine_map<(n,y,x,g,o,p,q,k)->(n,y+p,x+q,g,k)>, affine_map<(n,y,x,g,o,p,q,k)->(g,p,q,k,o)>, affine_map<(n,y,x,g,o,p,q,k)->(n,y,x,g,o)>], iterator_types=["parallel","parallel","parallel","parallel","parallel","reduction","reduction","reduction"]} ins(%a,%b: tensor<2x16x16x4x8xf32>, tensor<4x3x3x8x8xf32>) outs(%i: tensor<2x14x14x4x8xf32>) {
  ^bb0(%x: f32, %y: f32, %z: f32):
    %m = arith.mulf %x, %y : f32
    %s = arith.addf %z, %m : f32
    linalg.yield %s : f32
  } -> tensor<2x14x14x4x8xf32>
  return %c : tensor<2x14x14x4x8xf32>
}
func.func @layernorm(%a: tensor<128x768xf32>) -> tensor<128x768xf32> {
  %zero = arith.constant 0.0 : f32
  %n = arith.constant 768.0 : f32
  %e1 = tensor.empty() : tensor<128xf32>
  %e2 = tensor.empty() : tensor<128x768xf32>
  %i = linalg.fill ins(%zero : f32) outs(%e1 : tensor<128xf32>) -> tensor<128xf32>
  %s = linalg.generic {indexing_maps=[affine_map<(a,b)->(a,b)>,affine_map<(a,b)->(a)>], iterator_types=["parallel","reduction"]} ins(%a: tensor<128x768xf32>) outs(%i: tensor<128xf32>) {
  ^bb0(%x: f32, %y: f32):
    %t = arith.addf %x, %y : f32
    linalg.yield %t : f32 } -> tensor<128xf32>
  %v = linalg.generic {indexing_maps=[affine_map<(a,b)->(a,b)>,affine_map<(a,b)->(a)>,affine_map<(a,b)->(a)>], iterator_types=["parallel","reduction"]} ins(%a,%s: tensor<128x768xf32>,tensor<128xf32>) outs(%i: tensor<128xf32>) {
  ^bb0(%x: f32, %m: f32, %y: f32):
    %d = arith.divf %m, %n : f32
    %c = arith.subf %x, %d : f32
    %q = arith.mulf %c, %c : f32
    %t = arith.addf %q, %y : f32
    linalg.yield %t : f32 } -> tensor<128xf32>
  %o = linalg.generic {indexing_maps=[affine_map<(a,b)->(a,b)>,affine_map<(a,b)->(a)>,affine_map<(a,b)->(a)>,affine_map<(a,b)->(a,b)>], iterator_types=["parallel","parallel"]} ins(%a,%s,%v: tensor<128x768xf32>,tensor<128xf32>,tensor<128xf32>) outs(%e2: tensor<128x768xf32>) {
  ^bb0(%x: f32, %m: f32, %w: f32, %y: f32):
    %d = arith.divf %m, %n : f32
    %c = arith.subf %x, %d : f32
    %r = math.rsqrt %w : f32
    %t = arith.mulf %c, %r : f32
    linalg.yield %t : f32 } -> tensor<128x768xf32>
  return %o : tensor<128x768xf32>
}
func.func @colsum(%a: tensor<512x1024xf32>) -> tensor<1024xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1024xf32>
  %i = linalg.fill ins(%zero : f32) outs(%e : tensor<1024xf32>) -> tensor<1024xf32>
  %c = linalg.reduce ins(%a : tensor<512x1024xf32>) outs(%i : tensor<1024xf32>) dimensions = [0]
    (%in: f32, %acc: f32) { %s = arith.addf %in, %acc : f32
      linalg.yield %s : f32 }
  return %c : tensor<1024xf32>
}
func.func @sumall(%a: tensor<5000xf32>) -> tensor<f32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<f32>
  %i = linalg.fill ins(%zero : f32) outs(%e : tensor<f32>) -> tensor<f32>
  %c = linalg.reduce ins(%a : tensor<5000xf32>) outs(%i : tensor<f32>) dimensions = [0]
    (%in: f32, %acc: f32) { %s = arith.addf %in, %acc : f32
      linalg.yield %s : f32 }
  return %c : tensor<f32>
}
func.func @cast(%a: tensor<100x7xi8>) -> tensor<7x100xf32> {
  %e = tensor.empty() : tensor<7x100xf32>
  %o = linalg.generic {indexing_maps=[affine_map<(a,b)->(b,a)>,affine_map<(a,b)->(a,b)>], iterator_types=["parallel","parallel"]} ins(%a: tensor<100x7xi8>) outs(%e: tensor<7x100xf32>) {
  ^bb0(%x: i8, %y: f32):
    %t = arith.sitofp %x : i8 to f32
    linalg.yield %t : f32 } -> tensor<7x100xf32>
  return %o : tensor<7x100xf32>
}
