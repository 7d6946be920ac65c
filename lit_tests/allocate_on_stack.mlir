// REQUIRES: pass-lists
// RUN: tuner-opt %s --pass-pipeline='builtin.module(iree-tuner-allocate-on-stack)' | filecheck %s

// A thread's own buffer goes on its stack, and is not freed. A workgroup's stays what it is.

// CHECK-LABEL: func.func @own
// CHECK: %[[OWN:.+]] = memref.alloca() : memref<2x4xf32, #gpu.address_space<private>>
// CHECK: %[[SHARED:.+]] = memref.alloc() : memref<64xf32, #gpu.address_space<workgroup>>
// CHECK: memref.store %{{.+}}, %[[OWN]]
// CHECK-NOT: memref.dealloc %[[OWN]]
// CHECK: memref.dealloc %[[SHARED]]
func.func @own(%i: index, %v: f32) {
  %own = memref.alloc() : memref<2x4xf32, #gpu.address_space<private>>
  %shared = memref.alloc() : memref<64xf32, #gpu.address_space<workgroup>>
  memref.store %v, %own[%i, %i] : memref<2x4xf32, #gpu.address_space<private>>
  memref.store %v, %shared[%i] : memref<64xf32, #gpu.address_space<workgroup>>
  memref.dealloc %own : memref<2x4xf32, #gpu.address_space<private>>
  memref.dealloc %shared : memref<64xf32, #gpu.address_space<workgroup>>
  return
}
