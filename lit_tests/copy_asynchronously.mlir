// REQUIRES: pass-lists
// RUN: tuner-opt %s --pass-pipeline='builtin.module(iree-tuner-copy-asynchronously)' | filecheck %s

// Two copies with a barrier between them become one group, which is waited for in front of the barrier behind them. What
// may reach over the end of a row, moves 2 bytes, or is used by something else too stays as it is.

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

// A mask says how many elements are read; the rest become zeros. With several dimensions it must be within all of them.

// CHECK-LABEL: func.func @masked
// CHECK: %[[AT_LEAST:.+]] = arith.maxsi %arg2, %{{.+}} : index
// CHECK: %[[COUNT:.+]] = arith.minsi %[[AT_LEAST]], %{{.+}} : index
// CHECK: nvgpu.device_async_copy %arg0[%arg3, %{{.+}}], %arg1[%arg3, %{{.+}}], 8, %[[COUNT]] bypassL1
// CHECK: %[[WITHIN:.+]] = arith.minsi
// CHECK: %[[ROW:.+]] = arith.minsi
// CHECK: %[[OF_ROW:.+]] = arith.muli %[[WITHIN]], %[[ROW]] : index
// CHECK: nvgpu.device_async_copy %arg0[%{{.+}}, %{{.+}}], %arg1[%{{.+}}, %{{.+}}], 8, %[[OF_ROW]] bypassL1
func.func @masked(%a: memref<64x64xf16>, %s: memref<64x64xf16, #gpu.address_space<workgroup>>, %n: index, %i: index) {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  %p = arith.constant 0.0 : f16
  %some = vector.create_mask %n : vector<8xi1>
  %0 = vector.transfer_read %a[%i, %c0], %p, %some {in_bounds = [true]} : memref<64x64xf16>, vector<8xf16>
  vector.transfer_write %0, %s[%i, %c0] {in_bounds = [true]}
    : vector<8xf16>, memref<64x64xf16, #gpu.address_space<workgroup>>
  %row = vector.create_mask %n, %c8 : vector<1x8xi1>
  %1 = vector.transfer_read %a[%c0, %c0], %p, %row {in_bounds = [true, true]} : memref<64x64xf16>, vector<1x8xf16>
  vector.transfer_write %1, %s[%c0, %c0] {in_bounds = [true, true]}
    : vector<1x8xf16>, memref<64x64xf16, #gpu.address_space<workgroup>>
  return
}

// What is padded by something else than zeros, and a mask that counts nothing, stay as they are.

// CHECK-LABEL: func.func @other_masks
// CHECK-COUNT-2: vector.transfer_write
// CHECK: nvgpu.device_async_copy
func.func @other_masks(%a: memref<64x64xf16>, %s: memref<64x64xf16, #gpu.address_space<workgroup>>, %n: index,
                       %any: vector<8xi1>) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f16
  %one = arith.constant 1.0 : f16
  %some = vector.create_mask %n : vector<8xi1>
  %0 = vector.transfer_read %a[%n, %c0], %one, %some {in_bounds = [true]} : memref<64x64xf16>, vector<8xf16>
  vector.transfer_write %0, %s[%n, %c0] {in_bounds = [true]}
    : vector<8xf16>, memref<64x64xf16, #gpu.address_space<workgroup>>
  %1 = vector.transfer_read %a[%n, %c0], %zero, %any {in_bounds = [true]} : memref<64x64xf16>, vector<8xf16>
  vector.transfer_write %1, %s[%n, %c0] {in_bounds = [true]}
    : vector<8xf16>, memref<64x64xf16, #gpu.address_space<workgroup>>
  %2 = vector.transfer_read %a[%c0, %c0], %zero {in_bounds = [true]} : memref<64x64xf16>, vector<8xf16>
  vector.transfer_write %2, %s[%c0, %c0] {in_bounds = [true]}
    : vector<8xf16>, memref<64x64xf16, #gpu.address_space<workgroup>>
  return
}
