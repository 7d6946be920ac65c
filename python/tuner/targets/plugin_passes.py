# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The plugin's passes that lists of passes name; docs/passes.md says what each does."""

from __future__ import annotations

import re

_PREFIX = "iree-tuner-"
_WARPGROUPS, _WARPGROUPS_CHIP = f"{_PREFIX}warpgroup-products", "sm_90"

HOIST = "iree-loop-invariant-code-motion"
ALLOCATE_ON_STACK = f"{_PREFIX}allocate-on-stack"
"""Without it IREE's bufferization as a pass allocates a thread's own buffers on a heap."""
COPY_ASYNCHRONOUSLY = (f"{_PREFIX}copy-asynchronously", HOIST)
"""IREE's pass for it fails on some products that other ops are fused with, and leaves alone vectors of three
dimensions, which batches have."""
LOAD_MATRICES = f"{_PREFIX}load-matrices"
ORDER_WORKGROUPS = f"{_PREFIX}order-workgroups"
PREFETCH_MATRICES = f"{_PREFIX}prefetch-matrices"


def pipeline_copies(stages: int) -> str:
    """The pass that lets copies run ahead, with so many buffers."""
    return f"{_PREFIX}pipeline-copies-{stages}"


def warpgroup_products(stages: int) -> str:
    """The pass that computes products by warpgroups, with so many buffers."""
    return f"{_WARPGROUPS}-{stages}"


def needs_plugin(text: str) -> bool:
    """Whether printed attributes, such as a compilation info or a whole spec, name passes of our plugin.

    Text that does is parsed only if the passes are registered.
    """
    return re.search(f'pass_pipeline<"[^"]*{_PREFIX}', text) is not None


def only_chip(text: str) -> str:
    """The one chip that runs what printed attributes make, as NVIDIA's tools name it; "" if others do."""
    return _WARPGROUPS_CHIP if _WARPGROUPS in text else ""
