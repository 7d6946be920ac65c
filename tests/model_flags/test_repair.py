# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which flags may help against what the compiler printed."""

from __future__ import annotations

from tuner.model_flags.cpu import FLAGS
from tuner.model_flags.cpu_repairs import REPAIRS
from tuner.model_flags.repair import next_repair

LARGE = "model.mlir:295:12: error: One or more operations with large vector sizes (32768 bytes) were found:"
STACK = (
    "model.mlir:642:12: error: 'func.func' op exceeded stack allocation limit of 32768 bytes for function. Got {} bytes"
)


def flags_against(output: str, *given: str) -> tuple[str, ...]:
    repair = next_repair(REPAIRS, output, given)
    return () if repair is None else repair.flags


def test_each_refusal_has_its_repair() -> None:
    assert flags_against(LARGE) == ("--iree-llvmcpu-matmul-tile-bytes=16384",)
    assert flags_against(STACK.format(70784)) == ("--iree-llvmcpu-stack-allocation-limit=131072",)
    assert flags_against("error: failed to legalize operation 'linalg.generic'") == ()


def test_the_largest_of_several_stacks_counts() -> None:
    """A thread's stack is 128 KiB."""
    both = STACK.format(70784) + "\n" + STACK.format(123904)
    assert flags_against(both) == ("--iree-llvmcpu-vector-pproc-strategy=none",)


def test_what_is_set_already_is_not_set_again() -> None:
    given = "--iree-llvmcpu-stack-allocation-limit=65536"
    assert flags_against(STACK.format(70784), given) == ("--iree-llvmcpu-vector-pproc-strategy=none",)
    assert flags_against(LARGE, "--iree-llvmcpu-matmul-tile-bytes=4096") == ()


def test_the_flags_of_repairs_may_be_chosen() -> None:
    """So specs with them are checked and taken back."""
    assert all(FLAGS.has(flag) for repair in FLAGS.repairs for flag in repair.flags)
    assert not FLAGS.has("--iree-llvmcpu-stack-allocation-limit=1")
