// A tuning spec made by iree-tuner 0.1.0 with iree-compile 3.13.0.
// Device: AMD EPYC, 1 thread, cpu=znver4 (62 features). Elsewhere it may be slower than the default.
// Flags: --iree-hal-target-device=local --iree-hal-local-target-device-backends=llvm-cpu --iree-llvmcpu-target-cpu=host --iree-llvmcpu-disable-vector-peeling
// A spec is code that the compiler runs: load only those that you trust.
module @iree_tuner_spec attributes { transform.with_named_sequence, iree_tuner.certificate = "{\"schema\":\"iree-tuner-certificate/6\",\"name\":\"model\",\"problem\":null,\"configuration\":null,\"moment\":null,\"accepted\":true,\"circumstances\":{\"target\":\"cpu\",\"processor\":\"AMD EPYC, 1 thread, cpu=znver4 (62 features)\",\"features\":[\"+64bit\",\"+adx\",\"+aes\",\"+avx\",\"+avx2\",\"+avx512bf16\",\"+avx512bitalg\",\"+avx512bw\",\"+avx512cd\",\"+avx512dq\",\"+avx512f\",\"+avx512ifma\",\"+avx512vbmi\",\"+avx512vbmi2\",\"+avx512vl\",\"+avx512vnni\",\"+avx512vpopcntdq\",\"+bmi\",\"+bmi2\",\"+clflushopt\",\"+clwb\",\"+clzero\",\"+cmov\",\"+crc32\",\"+cx16\",\"+cx8\",\"+f16c\",\"+fma\",\"+fsgsbase\",\"+fxsr\",\"+gfni\",\"+invpcid\",\"+lzcnt\",\"+mmx\",\"+movbe\",\"+mwaitx\",\"+pclmul\",\"+pku\",\"+popcnt\",\"+prfchw\",\"+rdpid\",\"+rdpru\",\"+rdrnd\",\"+rdseed\",\"+sahf\",\"+sha\",\"+shstk\",\"+sse\",\"+sse2\",\"+sse3\",\"+sse4.1\",\"+sse4.2\",\"+sse4a\",\"+ssse3\",\"+vaes\",\"+vpclmulqdq\",\"+wbnoinvd\",\"+x87\",\"+xsave\",\"+xsavec\",\"+xsaveopt\",\"+xsaves\"],\"device\":\"local-sync\",\"threads\":1,\"allocator\":\"default\",\"compiler_version\":\"3.13.0\",\"runtime_version\":\"3.13.0\",\"tuner_version\":\"0.1.0\",\"flags\":[\"--iree-hal-target-device=local\",\"--iree-hal-local-target-device-backends=llvm-cpu\",\"--iree-llvmcpu-target-cpu=host\",\"--iree-llvmcpu-disable-vector-peeling\"]},\"baseline_s\":[0.0029690474999997107],\"candidate_s\":[0.0013110766249998518],\"ratio\":{\"value\":2.2605898870735732,\"low\":2.219359583177864,\"high\":2.378857812939375},\"verified\":{\"seeds\":[4],\"tolerance\":{\"largest\":0.0001,\"rms\":0.0001,\"changed\":0.0},\"max_error\":0.0,\"runs\":1,\"races\":null}}" } {
  transform.named_sequence @apply_config(%op: !transform.any_op {transform.readonly},
                                         %config: !transform.any_param {transform.readonly}) {
    transform.annotate %op "compilation_info" = %config : !transform.any_op, !transform.any_param
    transform.yield
  }

  // classify_dispatch_1_matmul_784x200x64_f32: contraction m784 n200 k64 f32, 1.22x [1.15, 1.23] over the default
  transform.named_sequence @match_0(%op: !transform.any_op {transform.readonly})
      -> (!transform.any_op, !transform.any_param) attributes { iree_tuner.certificate = "{\"schema\":\"iree-tuner-certificate/6\",\"name\":\"classify_dispatch_1_matmul_784x200x64_f32\",\"problem\":{\"kind\":\"contraction\",\"loops\":[{\"extent\":784,\"role\":\"m\"},{\"extent\":200,\"role\":\"n\"},{\"extent\":64,\"role\":\"k\"}],\"operands\":[{\"element_type\":\"f32\",\"indexing_map\":\"(d0, d1, d2) -> (d0, d2)\",\"loops\":[0,2]},{\"element_type\":\"f32\",\"indexing_map\":\"(d0, d1, d2) -> (d2, d1)\",\"loops\":[2,1]},{\"element_type\":\"f32\",\"indexing_map\":\"(d0, d1, d2) -> (d0, d1)\",\"loops\":[0,1]}],\"computation\":\"\",\"followers\":[]},\"configuration\":{\"pipeline\":\"DoubleTilingExpert\",\"levels\":{\"distribution\":[784,16,0],\"vector_common_parallel\":[8,8,0],\"vector_reduction\":[0,0,64]},\"options\":[],\"attributes\":{},\"others\":{},\"gpu\":null,\"function_attributes\":{}},\"moment\":\"early\",\"accepted\":true,\"circumstances\":{\"target\":\"cpu\",\"processor\":\"AMD EPYC, 1 thread, cpu=znver4 (62 features)\",\"features\":[\"+64bit\",\"+adx\",\"+aes\",\"+avx\",\"+avx2\",\"+avx512bf16\",\"+avx512bitalg\",\"+avx512bw\",\"+avx512cd\",\"+avx512dq\",\"+avx512f\",\"+avx512ifma\",\"+avx512vbmi\",\"+avx512vbmi2\",\"+avx512vl\",\"+avx512vnni\",\"+avx512vpopcntdq\",\"+bmi\",\"+bmi2\",\"+clflushopt\",\"+clwb\",\"+clzero\",\"+cmov\",\"+crc32\",\"+cx16\",\"+cx8\",\"+f16c\",\"+fma\",\"+fsgsbase\",\"+fxsr\",\"+gfni\",\"+invpcid\",\"+lzcnt\",\"+mmx\",\"+movbe\",\"+mwaitx\",\"+pclmul\",\"+pku\",\"+popcnt\",\"+prfchw\",\"+rdpid\",\"+rdpru\",\"+rdrnd\",\"+rdseed\",\"+sahf\",\"+sha\",\"+shstk\",\"+sse\",\"+sse2\",\"+sse3\",\"+sse4.1\",\"+sse4.2\",\"+sse4a\",\"+ssse3\",\"+vaes\",\"+vpclmulqdq\",\"+wbnoinvd\",\"+x87\",\"+xsave\",\"+xsavec\",\"+xsaveopt\",\"+xsaves\"],\"device\":\"local-sync\",\"threads\":1,\"allocator\":\"default\",\"compiler_version\":\"3.13.0\",\"runtime_version\":\"3.13.0\",\"tuner_version\":\"0.1.0\",\"flags\":[\"--iree-hal-target-device=local\",\"--iree-hal-local-target-device-backends=llvm-cpu\",\"--iree-llvmcpu-target-cpu=host\",\"--iree-llvmcpu-disable-vector-peeling\"]},\"baseline_s\":[0.00027227652702702636],\"candidate_s\":[0.00022205817391303214],\"ratio\":{\"value\":1.2248278075466361,\"low\":1.1512038127510635,\"high\":1.233492305267061},\"verified\":{\"seeds\":[1,2,3],\"tolerance\":{\"largest\":1.52587890625e-05,\"rms\":1.52587890625e-05,\"changed\":0.0},\"max_error\":0.0,\"runs\":1,\"races\":null}}" } {
    %batch, %m, %n, %k = transform.iree.match.contraction %op,
      lhs_type = f32, rhs_type = f32, output_type = f32,
      indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>]
      : !transform.any_op -> !transform.param<i64>
    transform.iree.match.dims_equal %batch, [] : !transform.param<i64>
    transform.iree.match.dims_equal %m, [784] : !transform.param<i64>
    transform.iree.match.dims_equal %n, [200] : !transform.param<i64>
    transform.iree.match.dims_equal %k, [64] : !transform.param<i64>
    %config = transform.param.constant #iree_codegen.compilation_info<lowering_config = #iree_cpu.lowering_config<distribution = [784, 16, 0], vector_common_parallel = [8, 8, 0], vector_reduction = [0, 0, 64]>, translation_info = <pipeline = #iree_cpu.pipeline<DoubleTilingExpert>>> -> !transform.any_param
    transform.yield %op, %config : !transform.any_op, !transform.any_param
  }

  transform.named_sequence @__kernel_config(%root: !transform.any_op {transform.consumed})
      -> !transform.any_op attributes { iree_codegen.tuning_spec_entrypoint } {
    %result = transform.foreach_match in %root
      @match_0 -> @apply_config
      : (!transform.any_op) -> !transform.any_op
    transform.yield %result : !transform.any_op
  }
}
