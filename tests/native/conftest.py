# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Fixtures of the native layer's tests."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from iree.compiler import ir
from release_under_test import RELEASE

_PIPELINE = "#iree_cpu.pipeline<DoubleTilingExpert>" if RELEASE >= (3, 12) else "CPUDoubleTilingExpert"

DISPATCH = """
func.func @{name}(%a: tensor<64x32xf32>, %b: tensor<32x128xf32>, %e: tensor<64x128xf32>)
    -> tensor<64x128xf32> attributes {{
      translation_info = #iree_codegen.translation_info<pipeline = {pipeline}>}} {{
  %zero = arith.constant 0.0 : f32
  %init = linalg.fill {{
      lowering_config = #iree_cpu.lowering_config<vector_common_parallel = [8, 16]>}}
    ins(%zero : f32) outs(%e : tensor<64x128xf32>) -> tensor<64x128xf32>
  %0 = linalg.matmul {{lowering_config = #iree_cpu.lowering_config<
        distribution = [32, 32, 0], vector_common_parallel = [8, 16, 0],
        vector_reduction = [0, 0, 4]>}}
    ins(%a, %b : tensor<64x32xf32>, tensor<32x128xf32>)
    outs(%init : tensor<64x128xf32>) -> tensor<64x128xf32>
  return %0 : tensor<64x128xf32>
}}
"""


def dispatch_text(*names: str) -> str:
    """A module of configured matmul dispatches, one function for each name."""
    return "\n".join(DISPATCH.format(name=name, pipeline=_PIPELINE) for name in names)


class LeakCheck:
    """After each test the contexts that it made are gone, and with them all they hold.

    An operation, attribute or type that somebody still counts keeps its context alive. pytest
    holds a test's fixtures until the test is over, so what one test left is found when the
    next one starts, or when the session ends; the report names the test that left it.
    """

    def __init__(self) -> None:
        self.known = 0
        self.last = "no test"

    def check(self) -> None:
        gc.collect()
        live = ir.Context._get_live_count()
        left, self.known = live - self.known, live
        if left > 0:
            pytest.fail(f"{self.last} left {left} contexts alive")


_leak_check = LeakCheck()


@pytest.fixture(autouse=True)
def no_leaked_context(request: pytest.FixtureRequest) -> None:
    _leak_check.check()
    _leak_check.last = request.node.nodeid


def pytest_sessionfinish() -> None:
    _leak_check.check()


@pytest.fixture
def context() -> Iterator[ir.Context]:
    with ir.Context() as created:
        yield created


@pytest.fixture
def module(context: ir.Context) -> ir.Module:
    """Two configured matmul dispatches, `first` and `second`."""
    return ir.Module.parse(dispatch_text("first", "second"), context)
