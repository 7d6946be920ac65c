# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The compiler's own constraints are read, solved, widened and turned back into its attributes."""

from __future__ import annotations

from pathlib import Path

import pytest

from emitted_constraints import emit_constraints, materialize
from emitted_space import CompilerEmitted, EmittedConstraints, emitted_space, widened
from places import EXAMPLES
from samples import elementwise
from tuner.constraints import enumerate_space, explain_empty
from tuner.dispatch import Loop, Operand, Problem
from tuner.errors import ToolError
from tuner.targets import Limits

GFX942 = ("--iree-hal-target-device=hip", "--iree-rocm-target=gfx942")
SM_80 = ("--iree-hal-target-device=cuda", "--iree-cuda-target=sm_80")
NO_PROBLEM = Problem("none", (), ())
NO_LIMITS = Limits(vector_bytes=0, threads=1)

MATMUL = """
func.func @matmul(%a: tensor<256x512xf16>, %b: tensor<512x1024xf16>) -> tensor<256x1024xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<256x1024xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<256x1024xf32>) -> tensor<256x1024xf32>
  %c = linalg.matmul ins(%a, %b : tensor<256x512xf16>, tensor<512x1024xf16>)
                     outs(%init : tensor<256x1024xf32>) -> tensor<256x1024xf32>
  return %c : tensor<256x1024xf32>
}
"""
BATCH = """
func.func @batch(%a: tensor<4x256x512xf16>, %b: tensor<4x512x256xf16>) -> tensor<4x256x256xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<4x256x256xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<4x256x256xf32>) -> tensor<4x256x256xf32>
  %c = linalg.batch_matmul ins(%a, %b : tensor<4x256x512xf16>, tensor<4x512x256xf16>)
                           outs(%init : tensor<4x256x256xf32>) -> tensor<4x256x256xf32>
  return %c : tensor<4x256x256xf32>
}
"""


def emit(text: str, flags: tuple[str, ...], folder: Path) -> tuple[EmittedConstraints, ...]:
    path = folder / "model.mlir"
    path.write_text(text)
    return emit_constraints(path, flags, folder)


@pytest.mark.parametrize("flags", [GFX942, SM_80], ids=["gfx942", "sm_80"])
def test_a_matmul_has_a_space_for_each_pipeline(flags: tuple[str, ...], tmp_path: Path) -> None:
    sets = emit(MATMUL, flags, tmp_path)
    assert [emitted.pipeline for emitted in sets] == ["TileAndFuse", "VectorDistribute"]
    for emitted in sets:
        space = emitted_space(emitted)
        assert {knob.name for knob in space.knobs} >= set(emitted.knobs)
        assert not any(knob.name.startswith("problem_dim") for knob in space.knobs)
        pool = enumerate_space(space)
        assert len(pool) > 50
        point = pool.point(len(pool) // 2)
        info = materialize(emitted, point).attributes["compilation_info"]
        assert f"workgroup = [{point['wg_0']}, {point['wg_1']}, 0]" in info
        assert f"workgroup_size = [{point['wg_size_x']}, 1, 1]" in info


def test_rules_speak_the_compilers_words(tmp_path: Path) -> None:
    emitted, _ = emit(MATMUL, GFX942, tmp_path)
    space = emitted_space(emitted)
    names = [rule.name for rule in space.rules]
    assert "shared memory must fit in workgroup memory" in names
    tiny = type(space)(space.knobs, (*space.rules, type(space.rules[0])("tiny", space.knobs[0].var < 8)))
    assert "tiny" in explain_empty(tiny)


def test_widening_only_adds_solutions(tmp_path: Path) -> None:
    emitted, _ = emit(MATMUL, GFX942, tmp_path)
    builder = CompilerEmitted("rocm", None, widened(emitted), materialize, stages=(0, 2, 3), occupancy=(0, 2))
    narrow = enumerate_space(emitted_space(emitted))
    wide = enumerate_space(builder.build(NO_PROBLEM, NO_LIMITS))
    assert len(wide) == len(narrow) * 2 * 3 * 2
    names = [knob.name for knob in narrow.knobs]
    columns = [[knob.name for knob in wide.knobs].index(name) for name in names]
    assert {tuple(row) for row in narrow.rows.tolist()} <= {tuple(row) for row in wide.rows[:, columns].tolist()}
    info = builder.configuration(NO_PROBLEM, wide.point(len(wide) - 1)).attributes["compilation_info"]
    assert "no_reduce_shared_memory_bank_conflicts = true" in info
    assert "prefetch_num_stages = 3" in info
    assert '"amdgpu-waves-per-eu" = "2"' in info


def test_attention_brings_its_decomposition(tmp_path: Path) -> None:
    path = EXAMPLES / "gpu_attention_4096_f16.mlir"
    (emitted,) = emit_constraints(path, GFX942, tmp_path)
    pool = enumerate_space(emitted_space(emitted))
    assert len(pool) == 162
    attributes = materialize(emitted, pool.point(0)).attributes
    assert attributes.keys() == {"compilation_info", "decomposition_config"}
    assert "qk_attrs" in attributes["decomposition_config"]


def test_attention_keeps_to_shared_memory_and_to_its_intrinsic(tmp_path: Path) -> None:
    """Compiling all 162 of the compiler's solutions on gfx942 left 114: these."""
    path = EXAMPLES / "gpu_attention_4096_f16.mlir"
    (emitted,) = emit_constraints(path, GFX942, tmp_path)
    builder = CompilerEmitted("rocm", None, emitted, materialize)
    pool = enumerate_space(builder.build(NO_PROBLEM, NO_LIMITS))
    assert len(pool) == 114
    points = [pool.point(row) for row in range(len(pool))]
    assert all(point["red_k2"] >= 32 for point in points if point["qk_mma_idx"] >= 2)
    assert max(point["m_tile"] * point["red_k2"] for point in points if point["pv_mma_idx"] == 0) == 64 * 128


def test_a_convolutions_promoted_tiles_spread_evenly_over_threads(tmp_path: Path) -> None:
    """Compiling all 184 of the compiler's solutions on gfx942 left 73, of which the rule keeps 72 and nothing else."""
    path = EXAMPLES / "gpu_conv_32x32x1280_f16.mlir"
    *_, emitted = emit_constraints(path, GFX942, tmp_path)
    assert emitted.pipeline == "VectorDistribute"
    roles: tuple[tuple[str, int], ...] = (
        ("batch", 2),
        ("image", 32),
        ("image", 32),
        ("channel", 1280),
        ("window", 3),
        ("window", 3),
        ("k", 1280),
    )
    operands = tuple(Operand("f16", "", loops) for loops in ((0, -1, -1, 6), (4, 5, 6, 3), (0, 1, 2, 3)))
    problem = Problem("convolution", tuple(Loop(extent, role) for role, extent in roles), operands)
    builder = CompilerEmitted("rocm", problem, emitted, materialize)
    pool = enumerate_space(builder.build(problem, NO_LIMITS))
    assert len(enumerate_space(emitted_space(emitted))) == 184
    assert len(pool) == 72


def test_a_crash_of_the_compiler_is_an_error_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"crashed \(signal \d+\)"):
        emit(BATCH, GFX942, tmp_path)


def test_where_the_compiler_states_nothing_there_is_nothing(tmp_path: Path) -> None:
    assert emit(elementwise(4096), GFX942, tmp_path) == ()


def test_a_model_that_does_not_compile_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="cannot state its constraints"):
        emit("func.func @broken(", GFX942, tmp_path)


def test_an_assignment_with_a_knob_out_of_range_is_refused(tmp_path: Path) -> None:
    emitted, _ = emit(MATMUL, GFX942, tmp_path)
    point = enumerate_space(emitted_space(emitted)).point(0)
    with pytest.raises(ToolError, match="mma_idx"):
        materialize(emitted, {**point, "mma_idx": 99})
