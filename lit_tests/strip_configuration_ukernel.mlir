// RUN: %for_release %s | tuner-opt --pass-pipeline='builtin.module(iree-tuner-strip-configuration)' | filecheck %s
// RUN: %for_release %s | not tuner-opt --pass-pipeline='builtin.module(iree-tuner-strip-everything)' 2>&1 | filecheck %s --check-prefix=UNKNOWN

// A microkernel that the compiler chose for an op is a configuration like any
// other.

// CHECK-LABEL: func.func @ukernel
// CHECK:       linalg.fill ins
func.func @ukernel(%x: f32, %c: tensor<64xf32>) -> tensor<64xf32> {
  %0 = linalg.fill {iree_codegen.ukernel = #iree_codegen.ukernel_descriptor<"fill", tensor>,
      lowering_config = #iree_cpu.lowering_config<distribution = [32]>}
    ins(%x : f32) outs(%c : tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}

// UNKNOWN: 'iree-tuner-strip-everything' does not refer to a registered pass
