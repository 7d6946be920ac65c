# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the compiler refuses of a model on the host CPU with some flags, and the flags with which it does not.

All were tried with iree-compile 3.13 for AVX-512, on a text-detection and a text-recognition model. To lift the limit
on vectors (`--iree-llvmcpu-fail-on-large-vector=0`) is no repair: such a dispatch is unrolled to 38,000 lines of code,
exceeds the limit on the stack by then, and does not compile in 400 s if that is lifted as well.
"""

from __future__ import annotations

from tuner.model_flags.repair import Repair

_STACK = r"exceeded stack allocation limit of \d+ bytes for function\. Got (\d+) bytes"
# Bytes. A thread of IREE's local-task device has a stack of 128 KiB (iree-run-module --help: task_worker_stack_size).
# What the runtime itself needs of it comes on top, so a quarter stays free.
_MOST_STACK = 96 * 1024

REPAIRS = (
    # A pack behind a data-tiled product is not tiled, so its vectors are as large as the product's workgroup tile. The
    # smallest tile also takes the shortest time to compile (a product 25600x48x48: 10 s at 64 KiB, 2.8 s at 16 KiB).
    Repair(
        pattern="operations with large vector sizes",
        flags=("--iree-llvmcpu-matmul-tile-bytes=16384",),
        reason="a dispatch has vectors that are too large",
    ),
    # The code stays the same, only the check is lifted.
    Repair(
        pattern=_STACK,
        flags=("--iree-llvmcpu-stack-allocation-limit=131072",),
        reason="a dispatch needs more than 32 KiB of stack",
        at_most=_MOST_STACK,
    ),
    Repair(
        pattern=_STACK,
        flags=("--iree-llvmcpu-vector-pproc-strategy=none",),
        reason="a dispatch needs more stack than a thread has",
    ),
)
