// RUN: %for_release %s | tuner-opt --pass-pipeline='builtin.module(iree-tuner-strip-configuration)' | filecheck %s
// RUN: %for_release %s | tuner-opt --pass-pipeline='builtin.module(iree-tuner-strip-configuration,iree-tuner-strip-configuration)' | filecheck %s
// RUN: %for_release %s | not tuner-opt --iree-tuner-strip-configuration 2>&1 | filecheck %s --check-prefix=FLAG

// What is no configuration stays as it was, once or twice through the pass: an
// op's own attributes, and other discardable ones, those with similar names
// included.

// CHECK:      func.func @unconfigured
// CHECK-SAME: translation_information = 1
// CHECK:      arith.addf
// CHECK-SAME: fastmath<fast>
// CHECK-SAME: lowering_config_of_mine = "kept"
// CHECK:      linalg.matmul
// CHECK-SAME: root_op

// A plugin's passes have no flag of their own; they are named in a pipeline.

// FLAG: iree-tuner-strip-configuration

func.func @unconfigured(%x: f32, %a: tensor<64x32xf32>, %b: tensor<32x128xf32>, %c: tensor<64x128xf32>) -> (f32, tensor<64x128xf32>)
    attributes {translation_information = 1 : i32} {
  %y = arith.addf %x, %x fastmath<fast> {lowering_config_of_mine = "kept"} : f32
  %0 = linalg.matmul {root_op = @ROOT_OP@}
    ins(%a, %b : tensor<64x32xf32>, tensor<32x128xf32>) outs(%c : tensor<64x128xf32>) -> tensor<64x128xf32>
  return %y, %0 : f32, tensor<64x128xf32>
}
