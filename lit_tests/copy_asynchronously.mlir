// REQUIRES: pass-lists
// RUN: tuner-opt %s --pass-pipeline='builtin.module(iree-tuner-copy-asynchronously)' | filecheck %s

// Two copies with a barrier between them become one group, which is waited for in front of the barrier behind them. What
// masks, moves 2 bytes, or is used by something else too stays as it is.

// CHECK-LABEL: func.func @copies
// CHECK: nvgpu.device_async_copy %arg0[%arg3, %c0], %arg2[%arg3, %c0], 8 bypassL1
// CHECK-NOT: gpu.barrier
// CHECK: nvgpu.device_async_copy %arg1[%c0, %arg3], %arg2[%c0, %c0], 4 :
// CHECK: [[GROUP:%.+]] = nvgpu.device_async_create_group
// CHECK: nvgpu.device_async_wait [[GROUP]]
// CHECK: gpu.barrier
// CHECK: vector.transfer_read %arg2
func.func @copies(%a: memref<64x64xf16>, %b: memref<64x64xf16>, %s: memref<64x64xf16, #gpu.address_space<workgroup>>,
                  %i: index) -> vector<2xf16> {
  %c0 = arith.constant 0 : index
  %p = arith.constant 0.0 : f16
  %0 = vector.transfer_read %a[%i, %c0], %p {in_bounds = [true, true]} : memref<64x64xf16>, vector<1x8xf16>
  vector.transfer_write %0, %s[%i, %c0] {in_bounds = [true, true]}
    : vector<1x8xf16>, memref<64x64xf16, #gpu.address_space<workgroup>>
  gpu.barrier
  %1 = vector.transfer_read %b[%c0, %i], %p {in_bounds = [true]} : memref<64x64xf16>, vector<4xf16>
  vector.transfer_write %1, %s[%c0, %c0] {in_bounds = [true]}
    : vector<4xf16>, memref<64x64xf16, #gpu.address_space<workgroup>>
  gpu.barrier
  %2 = vector.transfer_read %s[%c0, %i], %p {in_bounds = [true]}
    : memref<64x64xf16, #gpu.address_space<workgroup>>, vector<2xf16>
  return %2 : vector<2xf16>
}

// CHECK-LABEL: func.func @others
// CHECK-COUNT-3: vector.transfer_write
// CHECK: nvgpu.device_async_copy
// CHECK-NOT: nvgpu.device_async_copy
func.func @others(%a: memref<64x64xf16>, %s: memref<64x64xf16, #gpu.address_space<workgroup>>, %i: index)
    -> vector<8xf16> {
  %c0 = arith.constant 0 : index
  %p = arith.constant 0.0 : f16
  %0 = vector.transfer_read %a[%i, %c0], %p : memref<64x64xf16>, vector<8xf16>
  vector.transfer_write %0, %s[%i, %c0] {in_bounds = [true]}
    : vector<8xf16>, memref<64x64xf16, #gpu.address_space<workgroup>>
  %1 = vector.transfer_read %a[%i, %c0], %p {in_bounds = [true]} : memref<64x64xf16>, vector<1xf16>
  vector.transfer_write %1, %s[%i, %c0] {in_bounds = [true]}
    : vector<1xf16>, memref<64x64xf16, #gpu.address_space<workgroup>>
  %2 = vector.transfer_read %a[%i, %i], %p {in_bounds = [true]} : memref<64x64xf16>, vector<8xf16>
  vector.transfer_write %2, %s[%i, %c0] {in_bounds = [true]}
    : vector<8xf16>, memref<64x64xf16, #gpu.address_space<workgroup>>
  %3 = vector.transfer_read %a[%c0, %c0], %p {in_bounds = [true]} : memref<64x64xf16>, vector<8xf16>
  vector.transfer_write %3, %s[%c0, %c0] {in_bounds = [true]}
    : vector<8xf16>, memref<64x64xf16, #gpu.address_space<workgroup>>
  return %2 : vector<8xf16>
}
