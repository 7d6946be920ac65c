# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Calling a binding many times leaves nothing behind."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable

import pytest
from iree.compiler import ir

from tuner import native

CALLS, ROUNDS = 500, 4
WARM_UP = 50
# A leak takes one block or more a call, in every round. Python's own caches take some in one round or another.
TOLERATED_BLOCKS = 100

Call = Callable[[ir.Module], object]

CALLS_BY_NAME: dict[str, Call] = {
    "annotate_root_ops": native.annotate_root_ops,
    "find_root_ops": native.find_root_ops,
    "configured_ops": native.configured_ops,
    "problem": lambda m: native.problem(native.configured_ops(m)[1]),
    "translation_info": lambda m: native.translation_info(m.body.operations[0]),
    "read_cpu_lowering_config": lambda m: native.read_cpu_lowering_config(_config(m)),
    "cpu_lowering_config": lambda m: native.cpu_lowering_config(
        {"distribution": native.TilingLevel((8, 8))}, m.context
    ),
    "gpu_lowering_config": lambda m: native.gpu_lowering_config(
        native.GPULoweringConfig({"workgroup": (8, 8)}, promote_operands=(0,)), m.context
    ),
    "pipeline": lambda m: native.pipeline("cpu", "DoubleTilingExpert", m.context),
    "pipeline_options": lambda m: native.read_pipeline_options(
        native.pipeline_options(native.PipelineOptions(2, True, False, "none"), m.context)
    ),
    "mma_intrinsic": lambda m: native.mma_intrinsic("MFMA_F32_16x16x16_F16", m.context),
    "a ValueError": lambda m: _fails(ValueError, lambda: native.gpu_target(_config(m))),
    "a TypeError": lambda _: _fails(TypeError, lambda: native._core.root_op_mark_set("x")),
    "a PassError": lambda m: _fails(native.PassError, lambda: native.strip_root_configuration(m)),
}


def _config(module: ir.Module) -> ir.Attribute:
    return native.configured_ops(module)[1].attributes["lowering_config"]


def _fails(error: type[Exception], call: Callable[[], object]) -> None:
    try:
        call()
    except error:
        return
    raise AssertionError(f"no {error.__name__}")


@pytest.mark.parametrize("name", list(CALLS_BY_NAME))
def test_blocks_do_not_grow(module: ir.Module, name: str) -> None:
    call = CALLS_BY_NAME[name]
    for _ in range(WARM_UP):
        call(module)
    assert any(blocks_left(call, module) < TOLERATED_BLOCKS for _ in range(ROUNDS))


def test_a_leak_is_found(module: ir.Module) -> None:
    kept: list[object] = []
    assert blocks_left(lambda _: kept.append(object()), module) >= CALLS


def blocks_left(call: Call, module: ir.Module) -> int:
    """The blocks of memory that `CALLS` calls leave."""
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(CALLS):
        call(module)
    gc.collect()
    return sys.getallocatedblocks() - before


def test_objects_that_cross_keep_their_count(context: ir.Context) -> None:
    """A capsule that is taken and given back leaves the object's count as it was."""
    attribute = ir.Attribute.parse("#iree_cpu.lowering_config<distribution = [8]>", context)
    before = sys.getrefcount(attribute), sys.getrefcount(context)
    results = [native.read_cpu_lowering_config(attribute) for _ in range(100)]
    assert len(results) == 100
    assert (sys.getrefcount(attribute), sys.getrefcount(context)) == before
