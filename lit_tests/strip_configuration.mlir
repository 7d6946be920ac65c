// RUN: %for_release %s | tuner-opt --split-input-file --pass-pipeline='builtin.module(iree-tuner-strip-configuration)' | filecheck %s

// A configured dispatch, as the compiler leaves it. Configuration stands on the
// function and on two of its ops; all three are cleared. The mark and the
// identities are no configuration: a new one is aimed at them, so they stay.

// CHECK-LABEL: func.func @matmul
// CHECK-NOT:   translation_info
// CHECK-NOT:   lowering_config
// CHECK:       linalg.fill {iree_tuner.op = "matmul#1"} ins
// CHECK-NOT:   lowering_config
// CHECK:       linalg.matmul {iree_tuner.dispatch = "matmul", root_op{{[ =}]}}
// CHECK-NOT:   lowering_config
func.func @matmul(%a: tensor<64x32xf32>, %b: tensor<32x128xf32>) -> tensor<64x128xf32>
    attributes {translation_info = #iree_codegen.translation_info<pipeline = @CPU_PIPELINE@>} {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<64x128xf32>
  %init = linalg.fill {iree_tuner.op = "matmul#1",
      lowering_config = #iree_cpu.lowering_config<vector_common_parallel = [8, 16]>}
    ins(%zero : f32) outs(%empty : tensor<64x128xf32>) -> tensor<64x128xf32>
  %0 = linalg.matmul {iree_tuner.dispatch = "matmul", root_op = @ROOT_OP@,
      lowering_config = #iree_cpu.lowering_config<distribution = [32, 32, 0], vector_common_parallel = [8, 16, 0], vector_reduction = [0, 0, 4]>}
    ins(%a, %b : tensor<64x32xf32>, tensor<32x128xf32>) outs(%init : tensor<64x128xf32>) -> tensor<64x128xf32>
  return %0 : tensor<64x128xf32>
}

// -----

// What a tuning spec leaves on an op: both halves of the configuration at once.

// CHECK-LABEL: func.func @annotated_by_a_spec
// CHECK:       linalg.matmul
// CHECK-NOT:   compilation_info
func.func @annotated_by_a_spec(%a: tensor<64x32xf32>, %b: tensor<32x128xf32>, %c: tensor<64x128xf32>) -> tensor<64x128xf32> {
  %0 = linalg.matmul {compilation_info = #iree_codegen.compilation_info<
      lowering_config = #iree_cpu.lowering_config<distribution = [32, 32, 0]>,
      translation_info = #iree_codegen.translation_info<pipeline = @CPU_PIPELINE@>>}
    ins(%a, %b : tensor<64x32xf32>, tensor<32x128xf32>) outs(%c : tensor<64x128xf32>) -> tensor<64x128xf32>
  return %0 : tensor<64x128xf32>
}

// -----

// Ops beside linalg's contractions carry configuration too: softmax, pack,
// unpack and pad do.

// CHECK-LABEL: func.func @other_ops
// CHECK-NOT:   lowering_config
// CHECK:       linalg.softmax
// CHECK-NOT:   lowering_config
// CHECK:       linalg.pack
// CHECK-NOT:   lowering_config
// CHECK:       linalg.unpack
// CHECK-NOT:   lowering_config
// CHECK:       tensor.pad
// CHECK-NOT:   lowering_config
// CHECK:       return
func.func @other_ops(%a: tensor<4x128xf32>, %b: tensor<4x128xf32>, %p: tensor<1x8x4x16xf32>, %zero: f32)
    -> (tensor<4x128xf32>, tensor<4x128xf32>, tensor<6x128xf32>) {
  %s = linalg.softmax {lowering_config = #iree_cpu.lowering_config<distribution = [1, 0]>}
    dimension(1) ins(%a : tensor<4x128xf32>) outs(%b : tensor<4x128xf32>) -> tensor<4x128xf32>
  %pack = linalg.pack %s inner_dims_pos = [0, 1] inner_tiles = [4, 16] into %p
    {lowering_config = #iree_cpu.lowering_config<distribution = [1, 1]>} : tensor<4x128xf32> -> tensor<1x8x4x16xf32>
  %unpack = linalg.unpack %pack inner_dims_pos = [0, 1] inner_tiles = [4, 16] into %b
    {lowering_config = #iree_cpu.lowering_config<distribution = [4, 16]>} : tensor<1x8x4x16xf32> -> tensor<4x128xf32>
  %pad = tensor.pad %a low[1, 0] high[1, 0] {
  ^bb0(%i: index, %j: index):
    tensor.yield %zero : f32
  } {lowering_config = #iree_cpu.lowering_config<distribution = [1, 128]>} : tensor<4x128xf32> to tensor<6x128xf32>
  return %s, %unpack, %pad : tensor<4x128xf32>, tensor<4x128xf32>, tensor<6x128xf32>
}
