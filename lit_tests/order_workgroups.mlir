// REQUIRES: pass-lists
// RUN: tuner-opt %s --pass-pipeline='builtin.module(iree-tuner-order-workgroups)' | filecheck %s

// The loop of columns, the last, changes slowest, whatever the number of loops of rows. A loop of threads stays.

// CHECK-LABEL: func.func @product
// CHECK: scf.forall
// CHECK: } {mapping = [#gpu.thread<linear_dim_1>, #gpu.thread<linear_dim_0>]}
// CHECK: } {mapping = [#iree_codegen.workgroup_mapping<x>, #iree_codegen.workgroup_mapping<y>]}
func.func @product(%out: tensor<512x4096xf32>) -> tensor<512x4096xf32> {
  %made = scf.forall (%i, %j) = (0, 0) to (512, 4096) step (128, 256) shared_outs(%o = %out) -> (tensor<512x4096xf32>) {
    scf.forall (%a, %b) in (4, 32) {
    } {mapping = [#gpu.thread<linear_dim_1>, #gpu.thread<linear_dim_0>]}
    scf.forall.in_parallel {
    }
  } {mapping = [#iree_codegen.workgroup_mapping<y>, #iree_codegen.workgroup_mapping<x>]}
  return %made : tensor<512x4096xf32>
}

// CHECK-LABEL: func.func @images
// CHECK: } {mapping = [#iree_codegen.workgroup_mapping<y>, #iree_codegen.workgroup_mapping<x>, #iree_codegen.workgroup_mapping<z>]}
func.func @images() {
  scf.forall (%h, %w, %f) = (0, 0, 0) to (64, 64, 512) step (1, 64, 128) {
  } {mapping = [#iree_codegen.workgroup_mapping<z>, #iree_codegen.workgroup_mapping<y>, #iree_codegen.workgroup_mapping<x>]}
  return
}
