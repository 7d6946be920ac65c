// REQUIRES: pass-lists
// RUN: not tuner-opt %s --pass-pipeline='builtin.module(iree-tuner-order-workgroups)' 2>&1 | filecheck %s

// Workgroups along one loop alone have no other order.

// CHECK: error: no loop of workgroups along rows and columns
func.func @line() {
  scf.forall (%i) = (0) to (512) step (64) {
  } {mapping = [#iree_codegen.workgroup_mapping<x>]}
  return
}
