// REQUIRES: pass-lists
// RUN: sed 's/^ *scf.yield/vector.store %cst_0, %alloc_2[%c0, %c0] : memref<2x2xf32, #gpu.address_space<workgroup>>, vector<2x2xf32>\n&/;s/^ *.thread_id_x = .*/&\n%alloc_2 = memref.alloc() : memref<2x2xf32, #gpu.address_space<workgroup>>/' %S/inputs/product.mlir > %t.written.mlir
// RUN: not tuner-opt %t.written.mlir --pass-pipeline='builtin.module(iree-tuner-pipeline-copies-3)' 2>&1 | filecheck %s --check-prefix=WRITTEN
// RUN: sed '/nvgpu.device_async_wait/d' %S/inputs/product.mlir > %t.waitless.mlir
// RUN: not tuner-opt %t.waitless.mlir --pass-pipeline='builtin.module(iree-tuner-pipeline-copies-3)' 2>&1 | filecheck %s --check-prefix=WAITLESS
// RUN: sed 's/to %c8 step/to %4#0 step/' %S/inputs/product.mlir > %t.dynamic.mlir
// RUN: not tuner-opt %t.dynamic.mlir --pass-pipeline='builtin.module(iree-tuner-pipeline-copies-3)' 2>&1 | filecheck %s --check-prefix=DYNAMIC
// RUN: not tuner-opt %s --pass-pipeline='builtin.module(iree-tuner-pipeline-copies-3)' 2>&1 | filecheck %s --check-prefix=NONE

// The barriers of a loop may serve what else is written in it.
// WRITTEN: error: copies cannot run ahead: shared memory is written in the loop by vector.store
// WAITLESS: error: copies cannot run ahead: no step of the loop waits for its copies
// DYNAMIC: error: copies cannot run ahead: the loop's bounds are not constant
// NONE: error: copies cannot run ahead: no loop has asynchronous copies

func.func @empty() {
  return
}
