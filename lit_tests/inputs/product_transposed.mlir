// A product of 64x128 and 128x16 in f16 by four subgroups, in two steps of 64 sums, as IREE 3.13's TileAndFuse makes it
// for sm_80 when its copies are asynchronous; B lies transposed, columns by sums.

func.func @product(%a: memref<64x128xf16>, %b: memref<16x128xf16>, %c: memref<64x16xf32>) {
  %cst = arith.constant dense<0.000000e+00> : vector<2x2x1x2xf32>
  %0 = ub.poison : f16
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %c0 = arith.constant 0 : index
  %cst_0 = arith.constant dense<0.000000e+00> : vector<2x2xf32>
  %alloc = memref.alloc() : memref<16x64xf16, #gpu.address_space<workgroup>>
  %alloc_1 = memref.alloc() : memref<64x64xf16, #gpu.address_space<workgroup>>
  %thread_id_x = gpu.thread_id x upper_bound 128
  scf.forall (%arg0) in (1) {
    %expand_shape = memref.expand_shape %c [[0, 1, 2], [3, 4]] output_shape [4, 2, 8, 2, 8] : memref<64x16xf32> into memref<4x2x8x2x8xf32>
    gpu.barrier memfence [#gpu.address_space<workgroup>]
    %4:2 = affine.delinearize_index %thread_id_x into (4, 32) : index, index
    %5:3 = affine.delinearize_index %4#1 into (8, 4) : index, index, index
    %6 = iree_codegen.index_hint %5#1(#iree_gpu.lane_constant<4>) : index
    %7 = iree_codegen.index_hint %5#2(#iree_gpu.lane_increment<4, aligned>) : index
    %8 = affine.linearize_index disjoint [%7, %c0] by (4, 2) : index
    %9:2 = affine.delinearize_index %thread_id_x into (16, 8) : index, index
    %10:2 = affine.delinearize_index %thread_id_x into (64, 8) : index, index
    %11 = affine.apply affine_map<()[s0] -> (s0 + 128)>()[%thread_id_x]
    %12:2 = affine.delinearize_index %11 into (64, 8) : index, index
    %13 = affine.apply affine_map<()[s0] -> (s0 + 256)>()[%thread_id_x]
    %14:2 = affine.delinearize_index %13 into (64, 8) : index, index
    %15 = affine.apply affine_map<()[s0] -> (s0 + 384)>()[%thread_id_x]
    %16:2 = affine.delinearize_index %15 into (64, 8) : index, index
    %expand_shape_2 = memref.expand_shape %alloc [[0, 1], [2, 3, 4]] output_shape [2, 8, 4, 2, 8] : memref<16x64xf16, #gpu.address_space<workgroup>> into memref<2x8x4x2x8xf16, #gpu.address_space<workgroup>>
    %expand_shape_3 = memref.expand_shape %alloc_1 [[0, 1, 2], [3, 4, 5]] output_shape [4, 2, 8, 4, 2, 8] : memref<64x64xf16, #gpu.address_space<workgroup>> into memref<4x2x8x4x2x8xf16, #gpu.address_space<workgroup>>
    %17 = affine.apply affine_map<()[s0] -> (s0 * 8)>()[%10#1]
    %18 = affine.apply affine_map<()[s0] -> (s0 * 8)>()[%12#1]
    %19 = affine.apply affine_map<()[s0] -> (s0 * 8)>()[%14#1]
    %20 = affine.apply affine_map<()[s0] -> (s0 * 8)>()[%16#1]
    %21 = affine.apply affine_map<()[s0] -> (s0 * 8)>()[%9#1]
    %22:2 = scf.for %arg1 = %c0 to %c8 step %c4 iter_args(%arg2 = %cst_0, %arg3 = %cst_0) -> (vector<2x2xf32>, vector<2x2xf32>) {
      gpu.barrier memfence [#gpu.address_space<workgroup>]
      %30 = affine.apply affine_map<(d0)[s0] -> (d0 * 16 + s0 * 8)>(%arg1)[%10#1]
      %31 = nvgpu.device_async_copy %a[%10#0, %30], %alloc_1[%10#0, %17], 8 : memref<64x128xf16> to memref<64x64xf16, #gpu.address_space<workgroup>>
      %32 = affine.apply affine_map<(d0)[s0] -> (d0 * 16 + s0 * 8)>(%arg1)[%12#1]
      %33 = nvgpu.device_async_copy %a[%12#0, %32], %alloc_1[%12#0, %18], 8 : memref<64x128xf16> to memref<64x64xf16, #gpu.address_space<workgroup>>
      %34 = affine.apply affine_map<(d0)[s0] -> (d0 * 16 + s0 * 8)>(%arg1)[%14#1]
      %35 = nvgpu.device_async_copy %a[%14#0, %34], %alloc_1[%14#0, %19], 8 : memref<64x128xf16> to memref<64x64xf16, #gpu.address_space<workgroup>>
      %36 = affine.apply affine_map<(d0)[s0] -> (d0 * 16 + s0 * 8)>(%arg1)[%16#1]
      %37 = nvgpu.device_async_copy %a[%16#0, %36], %alloc_1[%16#0, %20], 8 : memref<64x128xf16> to memref<64x64xf16, #gpu.address_space<workgroup>>
      %38 = affine.apply affine_map<(d0)[s0] -> (d0 * 16 + s0 * 8)>(%arg1)[%9#1]
      %39 = nvgpu.device_async_copy %b[%9#0, %38], %alloc[%9#0, %21], 8 : memref<16x128xf16> to memref<16x64xf16, #gpu.address_space<workgroup>>
      %40 = nvgpu.device_async_create_group %31, %33, %35, %37, %39
      nvgpu.device_async_wait %40
      gpu.barrier memfence [#gpu.address_space<workgroup>]
      %41 = vector.transfer_read %expand_shape_3[%4#0, %c0, %6, %c0, %c0, %8], %0 {in_bounds = [true, true, true, true, true], permutation_map = affine_map<(d0, d1, d2, d3, d4, d5) -> (d3, d1, d2, d4, d5)>} : memref<4x2x8x4x2x8xf16, #gpu.address_space<workgroup>>, vector<4x2x1x2x2xf16>
      %42 = vector.transfer_read %expand_shape_2[%c0, %6, %c0, %c0, %8], %0 {in_bounds = [true, true, true, true, true], permutation_map = affine_map<(d0, d1, d2, d3, d4) -> (d0, d2, d1, d3, d4)>} : memref<2x8x4x2x8xf16, #gpu.address_space<workgroup>>, vector<2x4x1x2x2xf16>
      %43 = vector.extract %41[0] : vector<2x1x2x2xf16> from vector<4x2x1x2x2xf16>
      %44 = vector.extract %42[0, 0] : vector<1x2x2xf16> from vector<2x4x1x2x2xf16>
      %45 = vector.shape_cast %44 : vector<1x2x2xf16> to vector<2x2xf16>
      %46 = vector.shape_cast %43 : vector<2x1x2x2xf16> to vector<2x2x2xf16>
      %47 = vector.transpose %46, [1, 0, 2] : vector<2x2x2xf16> to vector<2x2x2xf16>
      %48 = vector.shape_cast %47 : vector<2x2x2xf16> to vector<4x2xf16>
      %49 = nvgpu.mma.sync(%48, %45, %arg3) mmaShape = [16, 8, 16] : (vector<4x2xf16>, vector<2x2xf16>, vector<2x2xf32>) -> vector<2x2xf32>
      %50 = vector.extract %42[1, 0] : vector<1x2x2xf16> from vector<2x4x1x2x2xf16>
      %51 = vector.shape_cast %50 : vector<1x2x2xf16> to vector<2x2xf16>
      %52 = nvgpu.mma.sync(%48, %51, %arg2) mmaShape = [16, 8, 16] : (vector<4x2xf16>, vector<2x2xf16>, vector<2x2xf32>) -> vector<2x2xf32>
      %53 = vector.extract %41[1] : vector<2x1x2x2xf16> from vector<4x2x1x2x2xf16>
      %54 = vector.extract %42[0, 1] : vector<1x2x2xf16> from vector<2x4x1x2x2xf16>
      %55 = vector.shape_cast %54 : vector<1x2x2xf16> to vector<2x2xf16>
      %56 = vector.shape_cast %53 : vector<2x1x2x2xf16> to vector<2x2x2xf16>
      %57 = vector.transpose %56, [1, 0, 2] : vector<2x2x2xf16> to vector<2x2x2xf16>
      %58 = vector.shape_cast %57 : vector<2x2x2xf16> to vector<4x2xf16>
      %59 = nvgpu.mma.sync(%58, %55, %49) mmaShape = [16, 8, 16] : (vector<4x2xf16>, vector<2x2xf16>, vector<2x2xf32>) -> vector<2x2xf32>
      %60 = vector.extract %42[1, 1] : vector<1x2x2xf16> from vector<2x4x1x2x2xf16>
      %61 = vector.shape_cast %60 : vector<1x2x2xf16> to vector<2x2xf16>
      %62 = nvgpu.mma.sync(%58, %61, %52) mmaShape = [16, 8, 16] : (vector<4x2xf16>, vector<2x2xf16>, vector<2x2xf32>) -> vector<2x2xf32>
      %63 = vector.extract %41[2] : vector<2x1x2x2xf16> from vector<4x2x1x2x2xf16>
      %64 = vector.extract %42[0, 2] : vector<1x2x2xf16> from vector<2x4x1x2x2xf16>
      %65 = vector.shape_cast %64 : vector<1x2x2xf16> to vector<2x2xf16>
      %66 = vector.shape_cast %63 : vector<2x1x2x2xf16> to vector<2x2x2xf16>
      %67 = vector.transpose %66, [1, 0, 2] : vector<2x2x2xf16> to vector<2x2x2xf16>
      %68 = vector.shape_cast %67 : vector<2x2x2xf16> to vector<4x2xf16>
      %69 = nvgpu.mma.sync(%68, %65, %59) mmaShape = [16, 8, 16] : (vector<4x2xf16>, vector<2x2xf16>, vector<2x2xf32>) -> vector<2x2xf32>
      %70 = vector.extract %42[1, 2] : vector<1x2x2xf16> from vector<2x4x1x2x2xf16>
      %71 = vector.shape_cast %70 : vector<1x2x2xf16> to vector<2x2xf16>
      %72 = nvgpu.mma.sync(%68, %71, %62) mmaShape = [16, 8, 16] : (vector<4x2xf16>, vector<2x2xf16>, vector<2x2xf32>) -> vector<2x2xf32>
      %73 = vector.extract %41[3] : vector<2x1x2x2xf16> from vector<4x2x1x2x2xf16>
      %74 = vector.extract %42[0, 3] : vector<1x2x2xf16> from vector<2x4x1x2x2xf16>
      %75 = vector.shape_cast %74 : vector<1x2x2xf16> to vector<2x2xf16>
      %76 = vector.shape_cast %73 : vector<2x1x2x2xf16> to vector<2x2x2xf16>
      %77 = vector.transpose %76, [1, 0, 2] : vector<2x2x2xf16> to vector<2x2x2xf16>
      %78 = vector.shape_cast %77 : vector<2x2x2xf16> to vector<4x2xf16>
      %79 = nvgpu.mma.sync(%78, %75, %69) mmaShape = [16, 8, 16] : (vector<4x2xf16>, vector<2x2xf16>, vector<2x2xf32>) -> vector<2x2xf32>
      %80 = vector.extract %42[1, 3] : vector<1x2x2xf16> from vector<2x4x1x2x2xf16>
      %81 = vector.shape_cast %80 : vector<1x2x2xf16> to vector<2x2xf16>
      %82 = nvgpu.mma.sync(%78, %81, %72) mmaShape = [16, 8, 16] : (vector<4x2xf16>, vector<2x2xf16>, vector<2x2xf32>) -> vector<2x2xf32>
      scf.yield %82, %79 : vector<2x2xf32>, vector<2x2xf32>
    }
    %23 = vector.shape_cast %22#1 : vector<2x2xf32> to vector<2x1x2xf32>
    %24 = vector.insert_strided_slice %23, %cst offsets = [0, 0, 0, 0], strides = [1, 1, 1] : vector<2x1x2xf32> into vector<2x2x1x2xf32>
    %25 = vector.shape_cast %22#0 : vector<2x2xf32> to vector<2x1x2xf32>
    %26 = vector.insert_strided_slice %25, %24 offsets = [1, 0, 0, 0], strides = [1, 1, 1] : vector<2x1x2xf32> into vector<2x2x1x2xf32>
    %27 = vector.shape_cast %26 : vector<2x2x1x2xf32> to vector<1x2x2x1x2xf32>
    %28 = vector.transpose %27, [0, 2, 3, 1, 4] : vector<1x2x2x1x2xf32> to vector<1x2x1x2x2xf32>
    %29 = vector.shape_cast %28 : vector<1x2x1x2x2xf32> to vector<2x1x2x2xf32>
    vector.transfer_write %29, %expand_shape[%4#0, %c0, %6, %c0, %8] {in_bounds = [true, true, true, true]} : vector<2x1x2x2xf32>, memref<4x2x8x2x8xf32>
    gpu.barrier memfence [#gpu.address_space<workgroup>]
  } {mapping = [#iree_codegen.workgroup_mapping<x>]}
  memref.dealloc %alloc_1 : memref<64x64xf16, #gpu.address_space<workgroup>>
  memref.dealloc %alloc : memref<16x64xf16, #gpu.address_space<workgroup>>
  return
}
