// REQUIRES: pass-lists
// RUN: sed -e 's/by (4, 2)/by (4, 4)/' -e 's/iree_codegen.index_hint %5#1(.*)/affine.apply affine_map<()[s0] -> (s0 * 2)>()[%5#1]/;s/^\( *%6 = affine.apply .*\) : index$/\1/' %S/inputs/product.mlir > %t.mlir
// RUN: not tuner-opt %t.mlir --pass-pipeline='builtin.module(iree-tuner-load-matrices)' 2>&1 | filecheck %s

// A lane's pairs of elements lie four apart along the sums, and two apart across them: rows and columns have holes.

// CHECK: error: no operand of a matrix instruction lies in shared memory as ldmatrix takes it
