// REQUIRES: pass-lists
// RUN: not tuner-opt %S/inputs/product.mlir --pass-pipeline='builtin.module(iree-tuner-warpgroup-products-4)' 2>&1 | filecheck %s --check-prefix=NARROW
// RUN: sed 's/upper_bound 128/upper_bound 64/' %S/inputs/product_transposed.mlir > %t.mlir
// RUN: not tuner-opt %t.mlir --pass-pipeline='builtin.module(iree-tuner-warpgroup-products-4)' 2>&1 | filecheck %s --check-prefix=FEW

// B's 16 columns lie side by side: a line has 64 elements.
// NARROW: error: warpgroups cannot compute the products: a buffer has no whole lines of 64 elements
// FEW: error: warpgroups cannot compute the products: the subgroups are no multiple of four
