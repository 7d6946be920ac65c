# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""IREE's pipeline VectorDistribute as a list of its passes and ours, for attention on NVIDIA's GPUs.

Source: the passes that IREE 3.13 runs by VectorDistribute for sm_80 (`--mlir-print-ir-after-all`). With the built-in's
padding the list makes the same code, byte for byte (tests/targets/test_gpu_pipelines.py). Left out are passes that
know functions alone, and that change no attention: affine-loop-coalescing and fold-tensor-subset-ops.
"""

from __future__ import annotations

from tuner.dispatch import Feeding

_CLEAN = ("canonicalize", "cse")
_CLEAN_CONFIGURED = ("iree-codegen-config-tracking-canonicalize", "cse")
_TILE = "iree-codegen-gpu-apply-tiling-level{{tiling-level={}}}"
_FOLD_SLICES = "iree-codegen-optimize-tensor-insert-extract-slices{fold-identity-slices=false}"
_TILED = (
    "iree-codegen-tile-and-distribute-to-workgroups-using-forall-op",
    *_CLEAN_CONFIGURED,
    *_CLEAN_CONFIGURED,
    "iree-codegen-gpu-promote-matmul-operands{skip-operand-promotion=true}",
    _TILE.format("reduction"),
    *_CLEAN_CONFIGURED,
    "iree-codegen-gpu-apply-padding-level{tiling-level=partial_reduction}",
    "iree-codegen-gpu-pack-partial-reductions",
    _TILE.format("partial_reduction"),
    *_CLEAN_CONFIGURED,
    "resolve-shaped-type-result-dims",
    "affine-simplify-min-max",
    "reify-result-shapes",
    *_CLEAN_CONFIGURED,
    *_CLEAN_CONFIGURED,
    _TILE.format("serial"),
    *_CLEAN_CONFIGURED,
    "iree-linalg-ext-decompose-attention{use-exp2=true}",
    *_CLEAN_CONFIGURED,
)
_VECTORIZED = (
    "iree-codegen-gpu-tile-and-convert-conv-to-matmul",
    "iree-codegen-gpu-decompose-horizontally-fused-gemms",
    "iree-llvmgpu-configure-tensor-layouts",
    "iree-codegen-gpu-pack-to-intrinsics",
    "iree-loop-invariant-code-motion",
    *_CLEAN,
    _FOLD_SLICES,
    "iree-codegen-decompose-convolution-to-lower-dim-ops",
    *_CLEAN,
    "iree-codegen-materialize-vector-tile-sizes",
    "iree-codegen-generic-vectorization{vectorize-copies=true enable-cleanup=false fold-cast-into-contract=true"
    " enable-vector-masking=true vectorize-map-store=true}",
    "iree-linalg-ext-decompose-im2col",
    *_CLEAN,
    _FOLD_SLICES,
    *_CLEAN,
    "iree-codegen-materialize-vector-masking{decompose-masks=true}",
    "iree-codegen-gpu-vector-alloc",
    *_CLEAN,
    "iree-codegen-gpu-combine-value-semantic-barriers",
)
_BUFFERIZED = (
    "iree-eliminate-empty-tensors",
    "empty-tensor-to-alloc-tensor",
    "iree-codegen-gpu-infer-memory-space",
    "iree-codegen-gpu-bubble-resource-casts",
    "iree-codegen-gpu-alloc-private-memory-for-dps-ops",
    "iree-codegen-iree-comprehensive-bufferize",
    "iree-codegen-inject-assume-alignment",
    "resolve-shaped-type-result-dims",
    "iree-codegen-canonicalize",
    "cse",
    "iree-codegen-canonicalize",
    "iree-codegen-cleanup-buffer-alloc-view",
    *_CLEAN,
    *_CLEAN,
    "iree-codegen-hoist-statically-bound-allocations",
)
_DISTRIBUTED = (
    "iree-llvmgpu-vector-distribute",
    "iree-linalg-ext-decompose-map-store",
    "iree-codegen-hoist-inner-tiled-acc-reshapes",
    "iree-gpu-unroll-to-intrinsics",
    "iree-gpu-lower-ops",
    *_CLEAN,
)
_FOLD_VIEWS = ("iree-codegen-fold-memref-alias-ops", "cse", *_CLEAN)


def vector_distribute(feeding: Feeding) -> tuple[str, ...]:
    """The passes of VectorDistribute with this padding, and with matrix loads if it asks for them, in order."""
    passes = [*_TILED, *_VECTORIZED, *_BUFFERIZED, *_DISTRIBUTED]
    if feeding.padding_bits:
        passes.append(f"iree-codegen-gpu-reduce-bank-conflicts{{padding-bits={feeding.padding_bits}}}")
    passes += _FOLD_VIEWS
    if feeding.matrix_loads:
        passes += ("iree-tuner-load-matrices", *_CLEAN)
    return tuple(passes)
