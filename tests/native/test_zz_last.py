# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs last in this folder, so that the leak check looks at the test before it too."""

from __future__ import annotations

from iree.compiler import ir


def test_contexts_come_and_go() -> None:
    before = ir.Context._get_live_count()
    context = ir.Context()
    assert ir.Context._get_live_count() == before + 1
    del context
    assert ir.Context._get_live_count() == before
