# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Fixtures of the native layer's tests."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from iree.compiler import ir

from configured_dispatches import dispatch_text


class LeakCheck:
    """After each test the contexts that it made are gone, and with them all they hold.

    An operation, attribute or type that somebody still counts keeps its context alive. pytest
    holds a test's fixtures until the test is over, so what one test left is found when the
    next one of this folder starts; the report names the test that left it.
    """

    def __init__(self) -> None:
        self.known: int | None = None
        self.last = "no test"

    def check(self) -> None:
        live = ir.Context._get_live_count()
        # What only a cycle of references holds is no leak. Looking for cycles takes longer than most of these tests.
        if self.known is not None and live > self.known:
            gc.collect()
            live = ir.Context._get_live_count()
        left, self.known = live - (live if self.known is None else self.known), live
        if left > 0:
            pytest.fail(f"{self.last} left {left} contexts alive")


_leak_check = LeakCheck()


@pytest.fixture(autouse=True)
def no_leaked_context(request: pytest.FixtureRequest) -> None:
    _leak_check.check()
    _leak_check.last = request.node.nodeid


@pytest.fixture
def context() -> Iterator[ir.Context]:
    with ir.Context() as created:
        yield created


@pytest.fixture
def module(context: ir.Context) -> ir.Module:
    """Two configured matmul dispatches, `first` and `second`."""
    return ir.Module.parse(dispatch_text("first", "second"), context)
