# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The pipelines of llvm-cpu: IREE's, by their names, and lists of its passes, by names of ours."""

from __future__ import annotations

FOLDED_DOUBLE_TILING = "FoldedDoubleTiling"
"""DoubleTilingExpert, except that loops of one iteration are folded away before vectors are made.

IREE vectorizes no op whose map adds two loops, as a convolution's image does. If one of them has one iteration, folding
leaves the other alone. Fills are made generic first, so that they fold too and no buffer remains on the heap.
Source: the passes that IREE 3.13 runs by DoubleTilingExpert (`--mlir-print-ir-after-all`).
"""

_TILE_AND_FUSE = (
    "iree-llvmcpu-tile-and-fuse-producer-consumer"
    "{{anchor-on-root-op=true only-fuse-producer-input-operands={inputs} tiling-level={level}}}"
)
_FUSED_PADS = ("iree-codegen-fuse-tensor-pad-with-consumer", "iree-codegen-concretize-pad-result-shape")
_FOLDED_DOUBLE_TILING = (
    "iree-codegen-tile-and-distribute-to-workgroups-using-forall-op",
    "iree-codegen-bufferize-dispatch-tensor-load-store",
    "iree-codegen-combine-result-layout-transformation{scope=dispatch}",
    "iree-codegen-config-tracking-canonicalize",
    "cse",
    *_FUSED_PADS,
    "iree-codegen-propagate-dispatch-size-bounds",
    _TILE_AND_FUSE.format(inputs="false", level="vector_common_parallel"),
    *_FUSED_PADS,
    _TILE_AND_FUSE.format(inputs="true", level="vector_reduction"),
    *_FUSED_PADS,
    "iree-codegen-forall-to-for",
    "linalg-generalize-named-ops",
    "linalg-fold-unit-extent-dims{use-rank-reducing-slices=true}",
    "canonicalize",
    "cse",
    "iree-codegen-vectorize-tensor-pad",
    "iree-codegen-generic-vectorization{enable-cleanup=true enable-vector-masking=true vectorize-copies=true}",
    "iree-codegen-optimize-tensor-insert-extract-slices",
    "canonicalize",
    "cse",
    "iree-llvmcpu-verify-vector-size-legality",
    "iree-codegen-optimize-vector-transfer{flatten=true redundant-hoisting=true}",
    "iree-eliminate-empty-tensors",
    "empty-tensor-to-alloc-tensor",
    "iree-codegen-iree-comprehensive-bufferize",
    "iree-codegen-inject-assume-alignment",
    "resolve-shaped-type-result-dims",
    "iree-codegen-canonicalize",
    "cse",
    "iree-codegen-canonicalize",
    "iree-codegen-cleanup-buffer-alloc-view",
    "iree-codegen-propagate-dispatch-size-bounds",
    "iree-codegen-remove-single-iteration-loop",
    "iree-codegen-drop-vector-unit-dims",
    "iree-llvmcpu-virtual-vector-lowering{split-transfers=shuffle}",
    "canonicalize",
    "iree-codegen-vector-transfer-lowering{enable-scalable-lowerings=true}",
    "iree-llvmcpu-vector-transpose-lowering",
    "canonicalize",
    "iree-llvmcpu-vector-shape-cast-lowering",
)
_PASSES = {FOLDED_DOUBLE_TILING: _FOLDED_DOUBLE_TILING}


def pipeline_attribute(name: str) -> str:
    """The pipeline of that name as IREE's attribute, printed."""
    passes = _PASSES.get(name)
    return f"#iree_cpu.pipeline<{name}>" if passes is None else f'#iree_codegen.pass_pipeline<"{",".join(passes)}">'
