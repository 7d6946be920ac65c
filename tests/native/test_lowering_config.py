# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""CPU lowering configurations, taken apart and put together."""

from __future__ import annotations

import pytest
from iree.compiler import ir

from tuner import native
from tuner.native import TilingLevel


def test_reads_what_the_compiler_writes(module: ir.Module) -> None:
    matmul = native.configured_ops(module)[1]
    assert native.read_cpu_lowering_config(matmul.attributes["lowering_config"]) == {
        "distribution": TilingLevel((32, 32, 0)),
        "vector_common_parallel": TilingLevel((8, 16, 0)),
        "vector_reduction": TilingLevel((0, 0, 4)),
    }


@pytest.mark.parametrize(
    "levels",
    [
        {},
        {"distribution": TilingLevel(())},
        {"distribution": TilingLevel((64, 32, 0), interchange=(1, 0, 2))},
        {"vector_common_parallel": TilingLevel((4, 8, 0), scalable=(False, True, False))},
        {name: TilingLevel((i + 1, 0)) for i, name in enumerate(native.CPU_TILING_LEVELS)},
    ],
)
def test_round_trip(context: ir.Context, levels: dict[str, TilingLevel]) -> None:
    attribute = native.cpu_lowering_config(levels, context)
    assert native.read_cpu_lowering_config(attribute) == levels
    assert ir.Attribute.parse(str(attribute), context) == attribute


def test_unknown_level_is_refused(context: ir.Context) -> None:
    with pytest.raises(ValueError, match="unknown tiling level 'distributoin'"):
        native.cpu_lowering_config({"distributoin": TilingLevel((1,))}, context)
    misspelled = ir.Attribute.parse("#iree_cpu.lowering_config<distributoin = [1]>", context)
    with pytest.raises(ValueError, match="unknown tiling level 'distributoin'"):
        native.read_cpu_lowering_config(misspelled)


def test_bad_levels_are_refused() -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        TilingLevel((4, -1))
    with pytest.raises(ValueError, match="no permutation"):
        TilingLevel((4, 4), interchange=(0, 2))
    with pytest.raises(ValueError, match="scalable flags"):
        TilingLevel((4, 4), scalable=(True,))


def test_another_attribute_is_refused(context: ir.Context) -> None:
    with pytest.raises(ValueError, match=r"not an #iree_cpu\.lowering_config"):
        native.read_cpu_lowering_config(ir.Attribute.parse("42 : i32", context))


def test_translation_info(module: ir.Module) -> None:
    info = native.translation_info(module.body.operations[0])
    assert info is not None
    assert "DoubleTilingExpert" in str(info.pipeline)
    assert info.workgroup_size == ()
    assert info.subgroup_size is None
    assert info.configuration is None
