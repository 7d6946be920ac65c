# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""IREE's pipeline TileAndFuse as a list of its passes and ours, so that the feeding of matrix instructions is a choice.

Source: the passes that IREE 3.12 and 3.13 run by TileAndFuse for sm_80 and gfx942 (`--mlir-print-ir-after-all`).
With the built-in's padding the list makes the same code, byte for byte (tests/targets/test_gpu_pipelines.py). IREE
parses a list for a module, which refuses passes that know functions alone. Those that are left out for it change no
product.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tuner.dispatch import Feeding
from tuner.targets.plugin_passes import (
    ALLOCATE_ON_STACK,
    COPY_ASYNCHRONOUSLY,
    HOIST,
    LOAD_MATRICES,
    ORDER_WORKGROUPS,
    PREFETCH_MATRICES,
    pipeline_copies,
    warpgroup_products,
)
from tuner.targets.vector_distribute import vector_distribute

TILE_AND_FUSE, VECTOR_DISTRIBUTE = "TileAndFuse", "VectorDistribute"
DERIVED_FOR = "3.12 or 3.13"
"""The releases of IREE whose passes are listed."""

_CLEAN = ("canonicalize", "cse")
_CLEAN_CONFIGURED = ("iree-codegen-config-tracking-canonicalize", "cse")
_FOLD_VIEWS = ("iree-codegen-fold-memref-alias-ops", *_CLEAN)
_HOIST_ALLOCATIONS = "iree-codegen-hoist-statically-bound-allocations"
_FOLD_SLICES = "iree-codegen-optimize-tensor-insert-extract-slices{fold-identity-slices=true}"
_NORMALIZE = "iree-codegen-normalize-loop-bounds{normalize-for=false normalize-forall=true}"
_EXPAND_TILES = ("iree-gpu-expand-undistributed-inner-tiles", "iree-codegen-propagate-reshapes-by-expansion")
_TO_PRODUCT = ("iree-codegen-gpu-pad-convs", "iree-codegen-convolution-to-igemm")
_TILE = "iree-codegen-gpu-apply-tiling-level{{tiling-level={level} fuse-consumers={fuses} normalize-loops={normal}}}"
_TO_WORKGROUPS = (
    "iree-convert-accgemm-to-gemm",
    "iree-codegen-tile-and-distribute-to-workgroups-using-forall-op",
)
_DISTRIBUTE = (
    *_CLEAN_CONFIGURED,
    "iree-codegen-lower-tensor-ukernels",
    "iree-codegen-lowering-config-interpreter",
    *_CLEAN_CONFIGURED,
    "iree-codegen-gpu-pad-operands",
    "iree-codegen-gpu-promote-matmul-operands",
    "iree-codegen-gpu-tile-and-convert-conv-to-matmul",
    "iree-codegen-gpu-pack-to-intrinsics",
    "iree-codegen-decompose-boundary-pack-unpack-ops",
    *_EXPAND_TILES,
)
_AFTER_SUMS = (
    *_CLEAN_CONFIGURED,
    "iree-codegen-gpu-convert-to-coalesced-dma",
    "iree-codegen-decompose-pack-unpack-ops{tile-outer-to-one=false use-only-reshapes=true}",
    *_EXPAND_TILES,
    *_CLEAN_CONFIGURED,
)
_AFTER_THREADS = (
    *_CLEAN_CONFIGURED,
    _TILE.format(level="subgroup", fuses="false", normal="false"),
    "iree-gpu-distribute-inner-tiled-to-lanes",
    "iree-codegen-lower-bitcode-ukernels",
    _NORMALIZE,
    *_CLEAN_CONFIGURED,
    HOIST,
    "iree-codegen-gpu-bubble-resource-casts",
    _FOLD_SLICES,
    "iree-codegen-gpu-fuse-and-hoist-parallel-loops",
    "iree-codegen-combine-source-layout-transformation",
    "iree-codegen-combine-result-layout-transformation{scope=workgroup}",
    "iree-codegen-gpu-greedily-distribute-to-threads",
    "iree-codegen-tile-large-tensors",
    *_CLEAN,
    "iree-codegen-propagate-dispatch-size-bounds",
    HOIST,
    "iree-codegen-gpu-combine-value-semantic-barriers",
)
_VECTORIZE = (
    "iree-codegen-decompose-convolution-to-lower-dim-ops",
    *_CLEAN,
    "iree-codegen-materialize-vector-tile-sizes",
    "iree-codegen-generic-vectorization{vectorize-copies=false enable-cleanup=false fold-cast-into-contract=true"
    " enable-vector-masking=true vectorize-map-store=true}",
    "iree-linalg-ext-decompose-im2col",
    *_CLEAN,
    _FOLD_SLICES,
    *_CLEAN,
    "iree-codegen-materialize-vector-masking{decompose-masks=false}",
    "iree-codegen-cleanup-buffer-alloc-view",
    "iree-codegen-gpu-combine-value-semantic-barriers",
)
_PLACE_IN_MEMORY = (
    "iree-eliminate-empty-tensors",
    "empty-tensor-to-alloc-tensor",
    "iree-codegen-gpu-infer-memory-space",
    "iree-codegen-gpu-bubble-resource-casts",
    "iree-codegen-gpu-alloc-private-memory-for-dps-ops",
)
_BUFFERIZE = (
    "iree-codegen-iree-comprehensive-bufferize",
    ALLOCATE_ON_STACK,
    "iree-codegen-inject-assume-alignment",
    "resolve-shaped-type-result-dims",
    "iree-codegen-canonicalize",
    "cse",
    "iree-codegen-canonicalize",
    "iree-codegen-cleanup-buffer-alloc-view",
    *_CLEAN,
)
_DISTRIBUTE_COPIES = (
    "iree-linalg-ext-decompose-map-store",
    "iree-codegen-gpu-distribute-copy-using-forall",
    _NORMALIZE,
    "iree-codegen-gpu-verify-distribution",
    "iree-codegen-gpu-distribute-forall",
    "iree-codegen-vectorize-memref-copy",
    "iree-gpu-unroll-to-intrinsics",
    *_CLEAN,
)
_TRANSPOSE_LOADS = ("iree-rocdl-load-to-transpose-load",)
_LOWER_OPS = (
    "iree-codegen-flatten-swizzle-hint-allocs",
    "iree-codegen-propagate-dispatch-size-bounds",
    "iree-gpu-lower-ops",
    "iree-codegen-unroll-annotated-loops",
    HOIST,
)
_ABSORB_HINTS = ("iree-codegen-absorb-swizzle-hint-to-alloc",)
_SPLIT_LOADS = (
    "iree-codegen-fission-transfer-ops-in-control-flow{fission-multi-trip=false}",
    "iree-codegen-remove-single-iteration-loop",
)
_FINISH = (*_FOLD_VIEWS, "iree-codegen-optimize-vector-transfer", _HOIST_ALLOCATIONS, *_CLEAN)


@dataclass(frozen=True, slots=True)
class Form:
    """What a list depends on beside the feeding.

    `of_convolution`: for one that becomes a product first.
    `prefetched`: for AMD's GPUs the stages that are prefetched into registers (0: none); None: for NVIDIA's.
    """

    of_convolution: bool = False
    prefetched: int | None = None


_PRODUCT = Form()


def tile_and_fuse(feeding: Feeding, form: Form = _PRODUCT) -> tuple[str, ...]:
    """The passes of TileAndFuse with this feeding, in order."""
    normal = "true" if form.of_convolution else "false"
    passes = [
        *(_TO_PRODUCT if form.of_convolution else _TO_PRODUCT[:1]),
        *_TO_WORKGROUPS,
        *((ORDER_WORKGROUPS,) if feeding.along_columns else ()),
        *_DISTRIBUTE,
        _TILE.format(level="reduction", fuses="true", normal=normal),
        *_AFTER_SUMS,
        _TILE.format(level="thread", fuses="false", normal=normal),
        *_AFTER_THREADS,
        *_VECTORIZE,
        *_PLACE_IN_MEMORY,
        *_BUFFERIZE,
        *_DISTRIBUTE_COPIES,
        *(() if form.prefetched is None else _TRANSPOSE_LOADS),
        *_LOWER_OPS,
    ]
    if feeding.padding_bits:
        passes.append(f"iree-codegen-gpu-reduce-bank-conflicts{{padding-bits={feeding.padding_bits}}}")
    passes.append(_HOIST_ALLOCATIONS)
    if form.prefetched is not None:
        passes += _prefetch(form.prefetched)
    if feeding.stages or feeding.matrix_loads:
        passes += _FOLD_VIEWS
    if feeding.stages:
        passes += COPY_ASYNCHRONOUSLY
    passes += _plugin_passes(feeding)
    return (*passes, *_FINISH)


def _prefetch(stages: int) -> tuple[str, ...]:
    if not stages:
        return _ABSORB_HINTS
    return (*_ABSORB_HINTS, *_SPLIT_LOADS, f"iree-llvmgpu-prefetch-shared-memory{{num-stages={stages}}}")


def _plugin_passes(feeding: Feeding) -> Iterator[str]:
    if feeding.warpgroups:
        yield from (warpgroup_products(feeding.stages), *_FOLD_VIEWS, HOIST)
        return
    if feeding.matrix_loads:
        yield LOAD_MATRICES
    if feeding.stages:
        yield from (pipeline_copies(feeding.stages), *_FOLD_VIEWS, HOIST)
    if feeding.reads_ahead:
        yield PREFETCH_MATRICES


def pipeline_attribute(name: str, feeding: Feeding, form: Form = _PRODUCT) -> str:
    """The pipeline of that name with this feeding as IREE's attribute, printed; see `tile_and_fuse`.

    Raises ValueError for a pipeline that has no choice of feeding.
    """
    if name == TILE_AND_FUSE:
        passes = tile_and_fuse(feeding, form)
    elif name == VECTOR_DISTRIBUTE:
        passes = vector_distribute(feeding)
    else:
        raise ValueError(f"{name} has no choice of feeding")
    return f'#iree_codegen.pass_pipeline<"{",".join(passes)}">'
