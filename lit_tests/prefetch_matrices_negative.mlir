// REQUIRES: pass-lists
// RUN: not tuner-opt %S/inputs/product.mlir --pass-pipeline='builtin.module(iree-tuner-prefetch-matrices)' 2>&1 | filecheck %s --check-prefix=SYNCHRONOUS
// RUN: not tuner-opt %s --pass-pipeline='builtin.module(iree-tuner-prefetch-matrices)' 2>&1 | filecheck %s --check-prefix=NONE

// The loop of the input has two barriers: its copies do not run ahead yet.
// SYNCHRONOUS: error: operands cannot be read ahead: the loop holds gpu.barrier
// NONE: error: operands cannot be read ahead: no loop has matrix instructions

func.func @empty() {
  return
}
