# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Passes run in the caller's thread: an error that another one reports would wait for Python, which waits for it."""

from __future__ import annotations

import ast
import os
from pathlib import Path

from iree.compiler import ir
from iree.compiler.passmanager import PassManager

import models
import tuner
from tuner.contexts import new_context

TWO_FUNCTIONS = models.matmul(8, 8, 8, "first") + models.matmul(8, 8, 8, "second")
# The latter only asks for numbers, which reports no errors.
OTHERS = {"contexts.py", "native/gpu_targets.py"}


def compilers_threads() -> set[str]:
    """The threads of this process that compile."""
    tasks = Path(f"/proc/{os.getpid()}/task").iterdir()
    return {task.name for task in tasks if (task / "comm").read_text().startswith("llvm-worker")}


def started_by(context: ir.Context) -> set[str]:
    before = compilers_threads()
    with context:
        PassManager.parse("builtin.module(func.func(canonicalize))").run(ir.Module.parse(TWO_FUNCTIONS).operation)
        return compilers_threads() - before


def test_passes_start_no_thread() -> None:
    assert not started_by(new_context())
    assert started_by(ir.Context())


def test_no_other_context_is_made() -> None:
    root = Path(tuner.__file__).parent
    for path in root.rglob("*.py"):
        made = any(
            isinstance(node, ast.Call) and ast.unparse(node.func) == "ir.Context"
            for node in ast.walk(ast.parse(path.read_text()))
        )
        assert not made or str(path.relative_to(root)) in OTHERS, path
