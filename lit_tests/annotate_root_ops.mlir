// RUN: %for_release %s | tuner-opt --split-input-file --pass-pipeline='builtin.module(iree-tuner-annotate-root-ops)' | filecheck %s
// RUN: %for_release %s | tuner-opt --split-input-file --pass-pipeline='builtin.module(iree-tuner-annotate-root-ops,iree-tuner-annotate-root-ops)' | filecheck %s

// Two ops are configured. The matmul's configuration distributes the work over
// workgroups, so it is the root and carries the dispatch's identity; the fill is
// the dispatch's op number 1.

// CHECK-LABEL: func.func @cpu
// CHECK:       linalg.fill
// CHECK-SAME:    iree_tuner.op = "cpu#1"
// CHECK-NOT:     root_op
// CHECK:       linalg.matmul
// CHECK-SAME:    iree_tuner.dispatch = "cpu"
// CHECK-SAME:    root_op
func.func @cpu(%a: tensor<64x32xf32>, %b: tensor<32x128xf32>, %empty: tensor<64x128xf32>) -> tensor<64x128xf32>
    attributes {translation_info = #iree_codegen.translation_info<pipeline = @CPU_PIPELINE@>} {
  %zero = arith.constant 0.0 : f32
  %init = linalg.fill {lowering_config = #iree_cpu.lowering_config<vector_common_parallel = [8, 16]>}
    ins(%zero : f32) outs(%empty : tensor<64x128xf32>) -> tensor<64x128xf32>
  %0 = linalg.matmul {lowering_config = #iree_cpu.lowering_config<distribution = [32, 32, 0], vector_common_parallel = [8, 16, 0]>}
    ins(%a, %b : tensor<64x32xf32>, tensor<32x128xf32>) outs(%init : tensor<64x128xf32>) -> tensor<64x128xf32>
  return %0 : tensor<64x128xf32>
}

// -----

// On a GPU the level that distributes the work is named workgroup.

// CHECK-LABEL: func.func @gpu
// CHECK:       linalg.fill
// CHECK-SAME:    iree_tuner.op = "gpu#1"
// CHECK:       linalg.matmul
// CHECK-SAME:    iree_tuner.dispatch = "gpu"
// CHECK-SAME:    root_op
func.func @gpu(%a: tensor<64x32xf32>, %b: tensor<32x128xf32>, %empty: tensor<64x128xf32>) -> tensor<64x128xf32>
    attributes {translation_info = #iree_codegen.translation_info<pipeline = @GPU_PIPELINE@ workgroup_size = [64, 1, 1] subgroup_size = 64>} {
  %zero = arith.constant 0.0 : f32
  %init = linalg.fill {lowering_config = #iree_gpu.lowering_config<{thread = [4, 4]}>}
    ins(%zero : f32) outs(%empty : tensor<64x128xf32>) -> tensor<64x128xf32>
  %0 = linalg.matmul {lowering_config = #iree_gpu.lowering_config<{reduction = [0, 0, 4], workgroup = [32, 32, 0]}>}
    ins(%a, %b : tensor<64x32xf32>, tensor<32x128xf32>) outs(%init : tensor<64x128xf32>) -> tensor<64x128xf32>
  return %0 : tensor<64x128xf32>
}

// -----

// The compiler's own mark decides, whatever the configurations say.

// CHECK-LABEL: func.func @marked_by_the_compiler
// CHECK:       linalg.fill
// CHECK-SAME:    iree_tuner.dispatch = "marked_by_the_compiler"
// CHECK-SAME:    root_op
// CHECK:       linalg.matmul
// CHECK-SAME:    iree_tuner.op = "marked_by_the_compiler#1"
// CHECK-NOT:     root_op
// CHECK:       return
func.func @marked_by_the_compiler(%a: tensor<64x32xf32>, %b: tensor<32x128xf32>, %empty: tensor<64x128xf32>) -> tensor<64x128xf32> {
  %zero = arith.constant 0.0 : f32
  %init = linalg.fill {lowering_config = #iree_cpu.lowering_config<vector_common_parallel = [8, 16]>, root_op = @ROOT_OP@}
    ins(%zero : f32) outs(%empty : tensor<64x128xf32>) -> tensor<64x128xf32>
  %0 = linalg.matmul {lowering_config = #iree_cpu.lowering_config<distribution = [32, 32, 0]>}
    ins(%a, %b : tensor<64x32xf32>, tensor<32x128xf32>) outs(%init : tensor<64x128xf32>) -> tensor<64x128xf32>
  return %0 : tensor<64x128xf32>
}

// -----

// Two functions of one name, as the variants of an executable have: the symbol
// path tells them apart.

// CHECK:      module @first
// CHECK:      iree_tuner.dispatch = "first::same"
// CHECK:      module @second
// CHECK:      iree_tuner.dispatch = "second::same"
module @first {
  func.func @same(%x: f32, %c: tensor<64xf32>) -> tensor<64xf32> {
    %0 = linalg.fill {lowering_config = #iree_cpu.lowering_config<distribution = [32]>}
      ins(%x : f32) outs(%c : tensor<64xf32>) -> tensor<64xf32>
    return %0 : tensor<64xf32>
  }
}
module @second {
  func.func @same(%x: f32, %c: tensor<64xf32>) -> tensor<64xf32> {
    %0 = linalg.fill {lowering_config = #iree_cpu.lowering_config<distribution = [32]>}
      ins(%x : f32) outs(%c : tensor<64xf32>) -> tensor<64xf32>
    return %0 : tensor<64xf32>
  }
}

// -----

// Two ops distribute the work and neither feeds the other: two roots, each with
// a name of its own.

// CHECK-LABEL: func.func @two_roots
// CHECK:       linalg.fill
// CHECK-SAME:    iree_tuner.dispatch = "two_roots"
// CHECK-SAME:    root_op
// CHECK:       linalg.fill
// CHECK-SAME:    iree_tuner.dispatch = "two_roots@1"
// CHECK-SAME:    root_op
func.func @two_roots(%x: f32, %c: tensor<64xf32>) -> (tensor<64xf32>, tensor<64xf32>) {
  %0 = linalg.fill {lowering_config = #iree_cpu.lowering_config<distribution = [32]>}
    ins(%x : f32) outs(%c : tensor<64xf32>) -> tensor<64xf32>
  %1 = linalg.fill {lowering_config = #iree_cpu.lowering_config<distribution = [16]>}
    ins(%x : f32) outs(%c : tensor<64xf32>) -> tensor<64xf32>
  return %0, %1 : tensor<64xf32>, tensor<64xf32>
}
