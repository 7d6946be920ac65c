// RUN: %for_release %s | tuner-opt --pass-pipeline='builtin.module(iree-tuner-annotate-root-ops,iree-tuner-strip-root-configuration)' | filecheck %s

// The function and the root lose their configuration; the fill keeps its own,
// which the dispatch needs when only the root is configured anew.

// CHECK:       #[[CONFIG:.*]] = #iree_cpu.lowering_config<vector_common_parallel = [8, 16]>
// CHECK-LABEL: func.func @dispatch
// CHECK-NOT:   translation_info
// CHECK:       linalg.fill
// CHECK-SAME:    lowering_config = #[[CONFIG]]}
// CHECK:       linalg.matmul
// CHECK-SAME:    iree_tuner.dispatch = "dispatch"
// CHECK-NOT:   lowering_config
func.func @dispatch(%a: tensor<64x32xf32>, %b: tensor<32x128xf32>, %empty: tensor<64x128xf32>) -> tensor<64x128xf32>
    attributes {translation_info = #iree_codegen.translation_info<pipeline = @CPU_PIPELINE@>} {
  %zero = arith.constant 0.0 : f32
  %init = linalg.fill {lowering_config = #iree_cpu.lowering_config<vector_common_parallel = [8, 16]>}
    ins(%zero : f32) outs(%empty : tensor<64x128xf32>) -> tensor<64x128xf32>
  %0 = linalg.matmul {lowering_config = #iree_cpu.lowering_config<distribution = [32, 32, 0]>}
    ins(%a, %b : tensor<64x32xf32>, tensor<32x128xf32>) outs(%init : tensor<64x128xf32>) -> tensor<64x128xf32>
  return %0 : tensor<64x128xf32>
}
