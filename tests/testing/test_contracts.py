# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Everything that is registered keeps its contract, ours and others'."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from iree.compiler import ir

import samples
from places import DATA
from tuner import plugins, spaces
from tuner.dispatch import Problem
from tuner.kinds import GROUP as KINDS
from tuner.kinds import Kind
from tuner.report.formats import Format
from tuner.report.recorded_run import RecordedRun, read_run
from tuner.search import Strategy
from tuner.spaces import GROUP as SPACES
from tuner.spaces import SpaceBuilder
from tuner.targets import Target
from tuner.testing.contracts import FormatContract, KindContract, SpaceContract, StrategyContract, TargetContract
from tuner.testing.problems import PROBLEMS
from tuner.toolchain.contexts import new_context
from tuner.toolchain.operations import ops_named

# The names under which targets are chosen without their devices being asked for anything.
CHIPS = {"cuda": "sm_90", "rocm": "gfx942"}
# Its name is registered to refuse it with the reason.
REFUSED = "vulkan"


class TestStrategies(StrategyContract):
    @pytest.fixture(params=plugins.names("tuner.strategies"))
    def strategy(self, request: pytest.FixtureRequest) -> type[Strategy]:
        found: type[Strategy] = plugins.load("tuner.strategies", request.param)
        return found


class TestSpaces(SpaceContract):
    @pytest.fixture(params=plugins.names(SPACES))
    def space(self, request: pytest.FixtureRequest) -> SpaceBuilder:
        found: SpaceBuilder = plugins.load(SPACES, request.param)
        return found


CONVOLUTION = """
func.func @conv(%x: tensor<1x10x10x4xf32>, %w: tensor<3x3x4x8xf32>, %y: tensor<1x8x8x8xf32>) -> tensor<1x8x8x8xf32> {
  %0 = linalg.conv_2d_nhwc_hwcf ins(%x, %w : tensor<1x10x10x4xf32>, tensor<3x3x4x8xf32>)
    outs(%y : tensor<1x8x8x8xf32>) -> tensor<1x8x8x8xf32>
  return %0 : tensor<1x8x8x8xf32>
}
"""
TILES = """
#lhs = affine_map<(m, n, k) -> (m, k)>
#rhs = affine_map<(m, n, k) -> (n, k)>
#out = affine_map<(m, n, k) -> (m, n)>
func.func @tiles(%a: tensor<2x8x16x1xf32>, %b: tensor<4x8x16x1xf32>, %c: tensor<2x4x16x16xf32>)
    -> tensor<2x4x16x16xf32> {
  %0 = iree_codegen.inner_tiled ins(%a, %b) outs(%c) <
    indexing_maps = [#lhs, #rhs, #out],
    iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>,
                      #linalg.iterator_type<reduction>],
    kind = #iree_cpu.data_tiled_mma_layout<intrinsic = MMA_X86_AVX512_1x16x1_F32_F32, intrinsics_m = 16>,
    semantics = #iree_cpu.mma_semantics<>
  > : tensor<2x8x16x1xf32>, tensor<4x8x16x1xf32> into tensor<2x4x16x16xf32>
  return %0 : tensor<2x4x16x16xf32>
}
"""
# A module with an op of the kind, and the name of the op.
MODULES = {
    "contraction": (samples.matmul(8, 16, 32), "linalg.matmul"),
    "convolution": (CONVOLUTION, "linalg.conv_2d_nhwc_hwcf"),
    "inner-tiled": (TILES, "iree_codegen.inner_tiled"),
}


class TestKinds(KindContract):
    @pytest.fixture(params=MODULES)
    def name(self, request: pytest.FixtureRequest) -> str:
        found: str = request.param
        return found

    @pytest.fixture
    def kind(self, name: str) -> Kind:
        found: Kind = plugins.load(KINDS, name)
        return found

    @pytest.fixture
    def root_op(self, name: str) -> Iterator[ir.Operation]:
        with new_context():
            text, op = MODULES[name]
            # An op does not keep its module alive.
            module = ir.Module.parse(text)
            yield from ops_named(module.operation, op)

    @pytest.fixture
    def problem(self, name: str) -> Problem:
        return next(case for case in PROBLEMS["cpu"] if case.kind == name)


@pytest.mark.parametrize("target", PROBLEMS)
def test_every_problem_has_a_space(target: str) -> None:
    assert all(spaces.find(target, case) is not None for case in PROBLEMS[target])


class TestTargets(TargetContract):
    @pytest.fixture(params=sorted({*plugins.names("tuner.targets")} - {REFUSED}))
    def target(self, request: pytest.FixtureRequest) -> Target:
        choose = plugins.load("tuner.targets", request.param)
        found: Target = choose(chip=CHIPS.get(request.param, ""), threads=1, devices=())
        return found


class TestFormats(FormatContract):
    @pytest.fixture(params=plugins.names("tuner.formats"))
    def format_(self, request: pytest.FixtureRequest) -> Format:
        found: Format = plugins.load("tuner.formats", request.param)
        return found

    @pytest.fixture
    def run(self) -> RecordedRun:
        return read_run(DATA / "h200_run")
