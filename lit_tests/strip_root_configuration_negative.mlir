// RUN: %for_release %s | tuner-opt --verify-diagnostics --pass-pipeline='builtin.module(iree-tuner-strip-root-configuration)'

// Without a mark nothing says which configuration is the root's.

// expected-error @+1 {{'unmarked' has configured ops but no root op; run iree-tuner-annotate-root-ops before this pass}}
func.func @unmarked(%x: f32, %c: tensor<64xf32>) -> tensor<64xf32>
    attributes {translation_info = #iree_codegen.translation_info<pipeline = @CPU_PIPELINE@>} {
  %0 = linalg.fill {lowering_config = #iree_cpu.lowering_config<distribution = [32]>}
    ins(%x : f32) outs(%c : tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}
