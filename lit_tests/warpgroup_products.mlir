// REQUIRES: pass-lists
// RUN: tuner-opt %S/inputs/product_transposed.mlir --pass-pipeline='builtin.module(iree-tuner-warpgroup-products-4,canonicalize,cse)' | filecheck %s

// Four buffers in the layout that wgmma reads, two groups of copies before the loop. A step computes four products of
// 64x16 by 16 sums for the four subgroups together, and waits for those of the step before.

// CHECK-LABEL: func.func @product
// CHECK: memref.alloc() alignment = 1024 : memref<4x1024xf16, #gpu.address_space<workgroup>>
// CHECK: memref.alloc() alignment = 1024 : memref<4x4096xf16, #gpu.address_space<workgroup>>
// CHECK: arith.xori
// CHECK: nvgpu.device_async_create_group
// CHECK: nvgpu.device_async_create_group
// CHECK: scf.for
// CHECK: nvgpu.device_async_wait {{.*}} numGroups = 1
// CHECK: llvm.inline_asm has_side_effects "fence.proxy.async.shared::cta;"
// CHECK: gpu.barrier
// CHECK: llvm.inline_asm has_side_effects "wgmma.fence.sync.aligned;"
// CHECK-COUNT-4: wgmma.mma_async.sync.aligned.m64n16k16.f32.f16.f16
// CHECK: llvm.inline_asm has_side_effects "wgmma.commit_group.sync.aligned;"
// CHECK: nvgpu.device_async_copy
// CHECK: nvgpu.device_async_create_group
// CHECK: llvm.inline_asm has_side_effects "wgmma.wait_group.sync.aligned 1;"
// CHECK: scf.yield
// CHECK: llvm.inline_asm has_side_effects "wgmma.wait_group.sync.aligned 0;"
// CHECK-NOT: nvgpu.mma.sync
