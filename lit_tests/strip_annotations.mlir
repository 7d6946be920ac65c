// RUN: %for_release %s | tuner-opt --pass-pipeline='builtin.module(iree-tuner-strip-annotations)' | filecheck %s

// Configuration, mark, identity and number all go. A 'root_op' that is no mark
// is somebody else's, and stays.

// CHECK-LABEL: func.func @dispatch
// CHECK-NOT:   translation_info
// CHECK:       linalg.fill ins
// CHECK:       linalg.matmul ins
// CHECK:       linalg.fill {root_op = "mine"} ins
func.func @dispatch(%a: tensor<64x32xf32>, %b: tensor<32x128xf32>, %empty: tensor<64x128xf32>) -> (tensor<64x128xf32>, tensor<64x128xf32>)
    attributes {translation_info = #iree_codegen.translation_info<pipeline = @CPU_PIPELINE@>} {
  %zero = arith.constant 0.0 : f32
  %init = linalg.fill {iree_tuner.op = "dispatch#1", lowering_config = #iree_cpu.lowering_config<vector_common_parallel = [8, 16]>}
    ins(%zero : f32) outs(%empty : tensor<64x128xf32>) -> tensor<64x128xf32>
  %0 = linalg.matmul {iree_tuner.dispatch = "dispatch", lowering_config = #iree_cpu.lowering_config<distribution = [32, 32, 0]>, root_op = @ROOT_OP@}
    ins(%a, %b : tensor<64x32xf32>, tensor<32x128xf32>) outs(%init : tensor<64x128xf32>) -> tensor<64x128xf32>
  %1 = linalg.fill {root_op = "mine"}
    ins(%zero : f32) outs(%empty : tensor<64x128xf32>) -> tensor<64x128xf32>
  return %0, %1 : tensor<64x128xf32>, tensor<64x128xf32>
}
