// REQUIRES: pass-lists
// RUN: tuner-opt %S/inputs/product.mlir --pass-pipeline='builtin.module(iree-tuner-load-matrices,iree-tuner-pipeline-copies-3,iree-tuner-prefetch-matrices,canonicalize,cse)' | filecheck %s

// The first matrices are read before the loop, which carries them. In it, a step of products is preceded by the reads of
// the next; the last one by the barrier and the first reads of the next tile. The five copies are spread.

// CHECK-LABEL: func.func @product
// CHECK: nvgpu.device_async_wait {{.*}} numGroups = 1
// CHECK: [[A:%.+]] = nvgpu.ldmatrix
// CHECK: [[B:%.+]] = nvgpu.ldmatrix
// CHECK: scf.for {{.*}} iter_args({{.*}} = {{.*}}, {{.*}} = {{.*}}, [[A0:%.+]] = [[A]], [[B0:%.+]] = [[B]])
// CHECK: nvgpu.ldmatrix
// CHECK: nvgpu.ldmatrix
// CHECK: nvgpu.device_async_copy
// CHECK: nvgpu.mma.sync([[A0]]
// CHECK: nvgpu.ldmatrix
// CHECK: nvgpu.device_async_copy
// CHECK: nvgpu.mma.sync
// CHECK: nvgpu.ldmatrix
// CHECK: nvgpu.device_async_copy
// CHECK: nvgpu.mma.sync
// CHECK: nvgpu.device_async_copy
// CHECK: nvgpu.device_async_copy
// CHECK: nvgpu.device_async_create_group
// CHECK: nvgpu.device_async_wait {{.*}} numGroups = 1
// CHECK: gpu.barrier
// CHECK: [[NEXT_A:%.+]] = nvgpu.ldmatrix
// CHECK: [[NEXT_B:%.+]] = nvgpu.ldmatrix
// CHECK: nvgpu.mma.sync
// CHECK: nvgpu.mma.sync
// CHECK: scf.yield {{.*}}, {{.*}}, [[NEXT_A]], [[NEXT_B]]
