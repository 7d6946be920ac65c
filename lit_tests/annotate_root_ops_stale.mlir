// RUN: %for_release %s | tuner-opt --split-input-file --pass-pipeline='builtin.module(iree-tuner-annotate-root-ops)' 2>/dev/null | filecheck %s

// Identities from before, which a copy or a rewrite has left where they no longer
// hold. Each goes; fuzzing found them surviving on functions and on dispatches
// without a root, where a spec would have hit them.

// CHECK-LABEL: func.func @no_root_any_more
// CHECK-NOT:   iree_tuner
// CHECK:       return
func.func @no_root_any_more(%x: f32, %c: tensor<64xf32>) -> tensor<64xf32> attributes {iree_tuner.dispatch = "old"} {
  %0 = linalg.fill {iree_tuner.dispatch = "no_root_any_more"} ins(%x : f32) outs(%c : tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}

// -----

// CHECK-LABEL: func.func @renamed
// CHECK:       linalg.fill {iree_tuner.op = "renamed#1"} ins
// CHECK:       linalg.fill {iree_tuner.dispatch = "renamed", root_op
func.func @renamed(%x: f32, %c: tensor<64xf32>) -> tensor<64xf32> {
  %0 = linalg.fill {iree_tuner.op = "former#7"} ins(%x : f32) outs(%c : tensor<64xf32>) -> tensor<64xf32>
  %1 = linalg.fill {iree_tuner.dispatch = "former", iree_tuner.op = "former#8", root_op = @ROOT_OP@}
    ins(%x : f32) outs(%0 : tensor<64xf32>) -> tensor<64xf32>
  return %1 : tensor<64xf32>
}
