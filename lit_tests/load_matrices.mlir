// REQUIRES: pass-lists
// RUN: tuner-opt %S/inputs/product.mlir --pass-pipeline='builtin.module(iree-tuner-load-matrices,canonicalize,cse)' | filecheck %s
// RUN: tuner-opt %S/inputs/product_transposed.mlir --pass-pipeline='builtin.module(iree-tuner-load-matrices,canonicalize,cse)' | filecheck %s --check-prefix=TRANSPOSED

// Each of four instructions along the sums takes one 16x16 tile of A and two 16x8 tiles of B: one load of four matrices
// each. B's columns lie apart in memory, so its matrices are transposed when they are loaded.

// CHECK-LABEL: func.func @product
// CHECK: scf.for
// CHECK-NOT: vector.transfer_read
// CHECK: nvgpu.ldmatrix {{.*}} numTiles = 4 transpose = false : {{.*}} -> vector<4x2xf16>
// CHECK: [[B:%.+]] = nvgpu.ldmatrix {{.*}} numTiles = 4 transpose = true : {{.*}} -> vector<4x2xf16>
// CHECK: vector.extract_strided_slice [[B]] offsets = [0, 0], sizes = [2, 2]
// CHECK: nvgpu.mma.sync
// CHECK: vector.extract_strided_slice [[B]] offsets = [2, 0], sizes = [2, 2]
// CHECK: nvgpu.mma.sync
// CHECK-NOT: vector.transfer_read
// CHECK: scf.yield

// TRANSPOSED-LABEL: func.func @product
// TRANSPOSED-NOT: transpose = true
// TRANSPOSED: scf.yield
