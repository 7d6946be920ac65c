// REQUIRES: pass-lists
// RUN: not tuner-opt %s --pass-pipeline='builtin.module(iree-tuner-copy-asynchronously)' 2>&1 | filecheck %s

// Read from shared memory and written there: the hardware copies from global memory alone.

// CHECK: error: nothing is copied from global to shared memory by 4, 8 or 16 bytes at a time
func.func @inside(%s: memref<64x64xf16, #gpu.address_space<workgroup>>, %i: index) {
  %c0 = arith.constant 0 : index
  %p = arith.constant 0.0 : f16
  %0 = vector.transfer_read %s[%i, %c0], %p {in_bounds = [true]}
    : memref<64x64xf16, #gpu.address_space<workgroup>>, vector<8xf16>
  vector.transfer_write %0, %s[%c0, %c0] {in_bounds = [true]}
    : vector<8xf16>, memref<64x64xf16, #gpu.address_space<workgroup>>
  return
}
