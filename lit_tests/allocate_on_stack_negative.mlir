// REQUIRES: pass-lists
// RUN: tuner-opt %s --pass-pipeline='builtin.module(iree-tuner-allocate-on-stack)' | filecheck %s

// A buffer in no memory of its own, and one whose size only the run knows, stay where they are.

// CHECK-LABEL: func.func @others
// CHECK: memref.alloc() : memref<8xf32>
// CHECK: memref.alloc(%{{.+}}) : memref<?xf32, #gpu.address_space<private>>
// CHECK-NOT: memref.alloca
func.func @others(%n: index, %v: f32) {
  %host = memref.alloc() : memref<8xf32>
  %open = memref.alloc(%n) : memref<?xf32, #gpu.address_space<private>>
  memref.store %v, %host[%n] : memref<8xf32>
  memref.store %v, %open[%n] : memref<?xf32, #gpu.address_space<private>>
  return
}
