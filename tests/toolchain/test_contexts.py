# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Passes run in the caller's thread: an error that another one reports would wait for Python, which waits for it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import samples
import tuner

# The threads that a process has of the compiler's after passes over two functions. Contexts share them, so each
# context is asked for in a process of its own.
COMPILERS_THREADS = f"""
from pathlib import Path
from iree.compiler import ir, passmanager
from tuner.toolchain.contexts import new_context
with {{context}}:
    module = ir.Module.parse({samples.matmul(8, 8, 8, "first") + samples.matmul(8, 8, 8, "second")!r})
    passmanager.PassManager.parse("builtin.module(func.func(canonicalize))").run(module.operation)
    names = [(task / "comm").read_text() for task in Path("/proc/self/task").iterdir()]
    print(sum(name.startswith("llvm-worker") for name in names))
"""
# The latter only asks for numbers, which reports no errors.
OTHERS = {"toolchain/contexts.py", "native/gpu_targets.py"}


def compilers_threads(context: str) -> int:
    script = COMPILERS_THREADS.replace("{context}", context)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    return int(done.stdout)


def test_passes_start_no_thread() -> None:
    assert compilers_threads("new_context()") == 0
    assert compilers_threads("ir.Context()") > 0


def test_no_other_context_is_made() -> None:
    root = Path(tuner.__file__).parent
    for path in root.rglob("*.py"):
        made = any(
            isinstance(node, ast.Call) and ast.unparse(node.func) == "ir.Context"
            for node in ast.walk(ast.parse(path.read_text()))
        )
        assert not made or str(path.relative_to(root)) in OTHERS, path
