// RUN: %for_release %s | tuner-opt --split-input-file --pass-pipeline='builtin.module(iree-tuner-strip-configuration)' | filecheck %s

// Attention is configured thrice: the op itself, and the two matmuls that it
// becomes, whose attributes wait in decomposition_config. All of it goes.

// CHECK-LABEL: func.func @attention
// CHECK:       iree_linalg_ext.attention
// CHECK-NOT:   config
// CHECK:       return
func.func @attention(%q: tensor<20x4096x16xf16>, %k: tensor<20x1024x16xf16>, %v: tensor<20x1024x64xf16>, %scale: f16, %o: tensor<20x4096x64xf16>) -> tensor<20x4096x64xf16> {
  %0 = "iree_linalg_ext.attention"(%q, %k, %v, %scale, %o) <{
      decomposition_config = {
        pv_attrs = {attention_pv_matmul, lowering_config = #iree_gpu.lowering_config<{promote_operands = [1]}>},
        qk_attrs = {attention_qk_matmul, lowering_config = #iree_gpu.lowering_config<{promote_operands = [0, 1]}>},
        use_exp2 = true},
      indexing_maps = [affine_map<(b, m, n, k, l) -> (b, m, k)>, affine_map<(b, m, n, k, l) -> (b, l, k)>,
                       affine_map<(b, m, n, k, l) -> (b, l, n)>, affine_map<(b, m, n, k, l) -> ()>,
                       affine_map<(b, m, n, k, l) -> (b, m, n)>],
      operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 1>}> ({
    ^bb0(%score: f32):
      iree_linalg_ext.yield %score : f32
    }) {lowering_config = #iree_gpu.lowering_config<{reduction = [0, 0, 0, 0, 64], workgroup = [1, 64, 0, 0, 0]}>}
    : (tensor<20x4096x16xf16>, tensor<20x1024x16xf16>, tensor<20x1024x64xf16>, f16, tensor<20x4096x64xf16>) -> tensor<20x4096x64xf16>
  return %0 : tensor<20x4096x64xf16>
}
