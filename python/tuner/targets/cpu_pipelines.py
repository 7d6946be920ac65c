# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The pipelines of llvm-cpu: IREE's, by their names, and lists of its passes, by names of ours."""

from __future__ import annotations

FOLDED_DOUBLE_TILING = "FoldedDoubleTiling"
"""DoubleTilingExpert, except that loops of one iteration are folded away before vectors are made.

IREE vectorizes no op whose map adds two loops, as a convolution's image does. If one of them has one iteration, folding
leaves the other alone. Fills are made generic first, so that they fold too and leave no buffer.
Source: the passes that IREE 3.13 runs by DoubleTilingExpert (`--mlir-print-ir-after-all`).
"""

MMT4D_WITHOUT_MICROKERNELS = "Mmt4dWithoutMicrokernels"
"""Mmt4dTilingExpert, except that products are not replaced by calls of microkernels.

`--iree-llvmcpu-enable-ukernels=none` does that for a whole model.
Source: the passes that IREE 3.13 runs with this flag (`--mlir-print-ir-after-all`).
"""

MMT4D_BY_PARTS = "Mmt4dByParts"
"""Mmt4dTilingExpert, except that a workgroup sums by parts: all of its tiles take one part of the sum, then the next.

A part of each operand stays in the first cache while it is used again. The workgroup's part of the output is kept on
the stack. The length of a part is the root op's `cache_reduction`.
Source: GotoBLAS's order of loops (Goto and van de Geijn, Anatomy of High-Performance Matrix Multiplication, 2008).
"""

MMT4D_BY_PARTS_WITHOUT_MICROKERNELS = "Mmt4dByPartsWithoutMicrokernels"
"""The same, except that products are not replaced by calls of microkernels."""

INNER_TILED_BY_PARTS = "InnerTiledByParts"
"""The same for products of tiles of an instruction (iree_codegen.inner_tiled)."""

_TILE_AND_FUSE = (
    "iree-llvmcpu-tile-and-fuse-producer-consumer"
    "{{anchor-on-root-op={root} only-fuse-producer-input-operands={inputs} tiling-level={level}}}"
)
_TILE_PARTS = _TILE_AND_FUSE.format(root="true", inputs="true", level="cache_reduction")
_TILE_VECTORS = _TILE_AND_FUSE.format(root="true", inputs="false", level="vector_common_parallel")
_TILE_SUMS = _TILE_AND_FUSE.format(root="true", inputs="true", level="vector_reduction")
_FUSED_PADS = ("iree-codegen-fuse-tensor-pad-with-consumer", "iree-codegen-concretize-pad-result-shape")
_DISTRIBUTE = (
    "iree-codegen-tile-and-distribute-to-workgroups-using-forall-op",
    "iree-codegen-bufferize-dispatch-tensor-load-store",
    "iree-codegen-combine-result-layout-transformation{scope=dispatch}",
    "iree-codegen-config-tracking-canonicalize",
    "cse",
    *_FUSED_PADS,
    "iree-codegen-propagate-dispatch-size-bounds",
)
_VECTORIZE = (
    "iree-codegen-generic-vectorization{enable-cleanup=true enable-vector-masking=true vectorize-copies=true}",
    "iree-codegen-optimize-tensor-insert-extract-slices",
    "canonicalize",
    "cse",
    "iree-llvmcpu-verify-vector-size-legality",
)
# A pipeline that IREE registers. The passes that it consists of would allocate on the heap.
_BUFFERIZE = ("iree-codegen-llvmcpu-bufferization-pipeline",)
_LOWER_VECTORS = (
    "canonicalize",
    "iree-codegen-vector-transfer-lowering{enable-scalable-lowerings=true}",
    "iree-llvmcpu-vector-transpose-lowering",
    "canonicalize",
    "iree-llvmcpu-vector-shape-cast-lowering",
)
_FOLDED_DOUBLE_TILING = (
    *_DISTRIBUTE,
    _TILE_VECTORS,
    *_FUSED_PADS,
    _TILE_SUMS,
    *_FUSED_PADS,
    "iree-codegen-forall-to-for",
    "linalg-generalize-named-ops",
    "linalg-fold-unit-extent-dims{use-rank-reducing-slices=true}",
    "canonicalize",
    "cse",
    "iree-codegen-vectorize-tensor-pad",
    *_VECTORIZE,
    "iree-codegen-optimize-vector-transfer{flatten=true redundant-hoisting=true}",
    *_BUFFERIZE,
    "iree-codegen-propagate-dispatch-size-bounds",
    "iree-codegen-remove-single-iteration-loop",
    "iree-codegen-drop-vector-unit-dims",
    "iree-llvmcpu-virtual-vector-lowering{split-transfers=shuffle}",
    *_LOWER_VECTORS,
)
# What fills a workgroup's part of the output, and what takes it, cannot be fused with a loop over parts of the sum.
_BY_PARTS = (_TILE_PARTS, _TILE_VECTORS, "iree-llvmcpu-tile{skip-root-op=true tiling-level=vector_common_parallel}")
_CALL_MICROKERNELS = (
    "iree-codegen-cpu-prepare-ukernels",
    "iree-codegen-cpu-lower-to-ukernels{skip-intermediate-roundings=true}",
)


def _mmt4d(*tile: str, of_vectors: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Mmt4dTilingExpert with other passes that tile, and some more before vectors are lowered."""
    return (
        *_DISTRIBUTE,
        *tile,
        _TILE_SUMS,
        _TILE_AND_FUSE.format(root="false", inputs="false", level="vector_inner_parallel"),
        "iree-codegen-forall-to-for",
        "iree-llvmcpu-tile-to-vector-size",
        *_VECTORIZE,
        "canonicalize",
        "cse",
        *_BUFFERIZE,
        "iree-llvmcpu-mmt4d-vector-lowering{vector-contract-custom-kernels=false}",
        "iree-codegen-drop-vector-unit-dims",
        *of_vectors,
        "iree-llvmcpu-virtual-vector-lowering{split-transfers=linalg-copy}",
        *_LOWER_VECTORS,
    )


_PASSES = {
    FOLDED_DOUBLE_TILING: _FOLDED_DOUBLE_TILING,
    MMT4D_WITHOUT_MICROKERNELS: _mmt4d(_TILE_VECTORS),
    MMT4D_BY_PARTS: _mmt4d(*_BY_PARTS, *_CALL_MICROKERNELS),
    MMT4D_BY_PARTS_WITHOUT_MICROKERNELS: _mmt4d(*_BY_PARTS),
    INNER_TILED_BY_PARTS: _mmt4d(*_BY_PARTS, of_vectors=("iree-codegen-hoist-inner-tiled-acc-reshapes",)),
}


def pipeline_attribute(name: str) -> str:
    """The pipeline of that name as IREE's attribute, printed."""
    passes = _PASSES.get(name)
    return f"#iree_cpu.pipeline<{name}>" if passes is None else f'#iree_codegen.pass_pipeline<"{",".join(passes)}">'
