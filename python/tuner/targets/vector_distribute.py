# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""IREE's pipeline VectorDistribute as a list of its passes and ours, for attention.

Source: the passes that IREE 3.13 runs by VectorDistribute for sm_80 (`--mlir-print-ir-after-all`). With the built-in's
padding the list makes the same PTX, byte for byte (tests/targets/test_gpu_pipelines.py). Two passes are left out, which
a list cannot name; they change nothing in attention: `affine-loop-coalescing` and `fold-tensor-subset-ops`.
"""

from __future__ import annotations

from tuner.dispatch import Feeding
from tuner.targets.plugin_passes import COPY_ASYNCHRONOUSLY, HOIST, LOAD_MATRICES, pipeline_copies

_CLEAN = ("canonicalize", "cse")
_CLEAN_CONFIGURED = ("iree-codegen-config-tracking-canonicalize", "cse")
_TILE = "iree-codegen-gpu-apply-tiling-level{{allow-zero-slices=true fuse-consumers=true tiling-level={level}}}"
_TILED = (
    "iree-codegen-tile-and-distribute-to-workgroups-using-forall-op",
    *_CLEAN_CONFIGURED,
    *_CLEAN_CONFIGURED,
    "iree-codegen-gpu-promote-matmul-operands{skip-operand-promotion=true}",
    _TILE.format(level="reduction"),
    *_CLEAN_CONFIGURED,
    "iree-codegen-gpu-apply-padding-level{tiling-level=partial_reduction}",
    "iree-codegen-gpu-pack-partial-reductions",
    _TILE.format(level="partial_reduction"),
    *_CLEAN_CONFIGURED,
    "resolve-shaped-type-result-dims",
    "affine-simplify-min-max",
    "reify-result-shapes",
    *_CLEAN_CONFIGURED,
    *_CLEAN_CONFIGURED,
    _TILE.format(level="serial"),
    *_CLEAN_CONFIGURED,
    "iree-linalg-ext-decompose-attention{use-exp2=true}",
    *_CLEAN_CONFIGURED,
    "iree-codegen-gpu-tile-and-convert-conv-to-matmul",
    "iree-codegen-gpu-decompose-horizontally-fused-gemms",
    "iree-llvmgpu-configure-tensor-layouts",
    "iree-codegen-gpu-pack-to-intrinsics",
    HOIST,
    *_CLEAN,
    "iree-codegen-optimize-tensor-insert-extract-slices{fold-identity-slices=false}",
    "iree-codegen-decompose-convolution-to-lower-dim-ops",
    *_CLEAN,
)
_VECTORIZED = (
    "iree-codegen-materialize-vector-tile-sizes",
    "iree-codegen-generic-vectorization{enable-cleanup=false enable-vector-masking=true fold-cast-into-contract=true"
    " generate-contract=true use-configured-vector-sizes=true vectorize-copies=true vectorize-map-store=true}",
    "iree-linalg-ext-decompose-im2col{unroll=true}",
    *_CLEAN,
    "iree-codegen-optimize-tensor-insert-extract-slices{fold-identity-slices=false}",
    *_CLEAN,
    "iree-codegen-materialize-vector-masking{decompose-masks=true}",
    "iree-codegen-gpu-vector-alloc",
    *_CLEAN,
    "iree-codegen-gpu-combine-value-semantic-barriers",
)
_PLACED = (
    "iree-eliminate-empty-tensors",
    "empty-tensor-to-alloc-tensor",
    "iree-codegen-gpu-infer-memory-space",
    "iree-rocdl-configure-buffer-instructions",
    "iree-codegen-gpu-bubble-resource-casts",
    "iree-codegen-gpu-alloc-private-memory-for-dps-ops",
    "iree-codegen-iree-comprehensive-bufferize",
    "iree-codegen-inject-assume-alignment",
    "resolve-shaped-type-result-dims",
    "iree-codegen-canonicalize",
    "cse",
    "iree-codegen-canonicalize",
    "iree-codegen-cleanup-buffer-alloc-view",
    "iree-rocdl-buffer-instructions-optimization",
    *_CLEAN,
    "iree-codegen-amdgpu-lower-coalesced-dma-to-gather-lds",
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
# Copies are made by threads whose number along y is 0, which all are.
_ALL_COPY = ("iree-codegen-propagate-dispatch-size-bounds", "iree-util-optimize-int-arithmetic", *_CLEAN)
_FOLD_VIEWS = ("iree-codegen-fold-memref-alias-ops", "cse", *_CLEAN)


def vector_distribute(feeding: Feeding) -> tuple[str, ...]:
    """The passes of VectorDistribute with this feeding, in order."""
    passes = [*_TILED, *_VECTORIZED, *_PLACED, *_DISTRIBUTED]
    if feeding.stages:
        passes += _ALL_COPY
    if feeding.padding_bits:
        passes.append(f"iree-codegen-gpu-reduce-bank-conflicts{{padding-bits={feeding.padding_bits}}}")
    passes += _FOLD_VIEWS
    if feeding.stages:
        passes += COPY_ASYNCHRONOUSLY
    if feeding.matrix_loads:
        passes += (LOAD_MATRICES, *_CLEAN)
    if feeding.stages:
        passes += (pipeline_copies(feeding.stages), *_FOLD_VIEWS, HOIST)
    return tuple(passes)
