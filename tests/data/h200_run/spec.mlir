// A tuning spec made by iree-tuner 0.1.0 with iree-compile 3.13.0.
// Device: sm_80. Elsewhere it may be slower than the default.
// Flags: --iree-hal-target-device=cuda --iree-cuda-target=sm_80
// A spec is code that the compiler runs: load only those that you trust.
module @iree_tuner_spec attributes { transform.with_named_sequence, iree_tuner.certificate = "{\"schema\":\"iree-tuner-certificate/6\",\"name\":\"model\",\"problem\":null,\"configuration\":null,\"moment\":null,\"accepted\":true,\"circumstances\":{\"target\":\"cuda\",\"processor\":\"sm_80\",\"features\":[],\"device\":\"cuda\",\"threads\":1,\"allocator\":\"default\",\"compiler_version\":\"3.13.0\",\"runtime_version\":\"3.13.0\",\"tuner_version\":\"0.1.0\",\"flags\":[\"--iree-hal-target-device=cuda\",\"--iree-cuda-target=sm_80\"]},\"baseline_s\":[0.00018188307272737347],\"candidate_s\":[0.00015371381818187217],\"ratio\":{\"value\":1.1909600497277193,\"low\":1.1542935401232544,\"high\":1.202362598122878},\"verified\":{\"seeds\":[4],\"tolerance\":{\"largest\":0.011036677551269532,\"rms\":0.011036677551269532,\"changed\":0.0},\"max_error\":0.0,\"runs\":1,\"races\":null}}" } {

  transform.named_sequence @__kernel_config(%root: !transform.any_op {transform.readonly})
      -> !transform.any_op attributes { iree_codegen.tuning_spec_entrypoint } {
    transform.yield %root : !transform.any_op
  }
}
