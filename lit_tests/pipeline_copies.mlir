// REQUIRES: pass-lists
// RUN: tuner-opt %S/inputs/product.mlir --pass-pipeline='builtin.module(iree-tuner-pipeline-copies-3)' | filecheck %s

// Three buffers, two groups of copies before the loop, and one barrier in a step of it.

// CHECK-LABEL: func.func @product
// CHECK: memref.alloc() : memref<3x64x16xf16, #gpu.address_space<workgroup>>
// CHECK: memref.alloc() : memref<3x64x64xf16, #gpu.address_space<workgroup>>
// CHECK: gpu.barrier
// CHECK: nvgpu.device_async_create_group
// CHECK: nvgpu.device_async_create_group
// CHECK: scf.for
// CHECK: nvgpu.device_async_wait {{.*}} numGroups = 1
// CHECK: gpu.barrier
// CHECK: [[IS_STEP:%.+]] = arith.cmpi slt
// CHECK: [[READ:%.+]] = arith.select [[IS_STEP]]
// CHECK: nvgpu.device_async_copy {{.*}}, 8, [[READ]] bypassL1
// CHECK: nvgpu.device_async_create_group
// CHECK: [[HERE:%.+]] = affine.apply
// CHECK: memref.subview {{.*}}{{\[}}{{%.+}}, 0, 0] [1, 64, 64] [1, 1, 1]
// CHECK-NOT: gpu.barrier
// CHECK: vector.transfer_read
// CHECK-NOT: gpu.barrier
// CHECK: scf.yield
// CHECK-NOT: memref.dealloc
