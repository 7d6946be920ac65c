# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which module may import which, and what must stay usable without IREE."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tuner

ROOT = Path(tuner.__file__).parent
BLOCK = """
import importlib.abc, sys
class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if any(name == each or name.startswith(each + ".") for each in {blocked!r}):
            raise ImportError(f"{{name}} is blocked")
sys.meta_path.insert(0, Blocker())
"""

# A part, and what it must never import (directly; ours or others').
FORBIDDEN = {
    "constraints": ("iree", "tuner"),
    "search": ("iree", "tuner.targets", "tuner.dispatch", "tuner.measuring"),
    "deciding.py": ("iree", "tuner"),
    "measuring": ("iree.compiler", "tuner.native", "tuner.targets.cpu", "tuner.model"),
    "evaluating.py": ("iree", "tuner.native", "tuner.compiling", "tuner.targets.cpu", "tuner.model"),
    "bundle/measuring.py": ("iree.compiler", "tuner.native", "tuner.compiling", "tuner.targets.cpu", "tuner.model"),
    "spaces": ("iree", "tuner.native", "tuner.measuring", "tuner.compiling"),
    "report": ("iree", "tuner.native", "tuner.compiling"),
}
ALLOWED = {"constraints": ("tuner.constraints",), "deciding.py": ()}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def is_under(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


@pytest.mark.parametrize("part", FORBIDDEN)
def test_a_part_imports_nothing_it_must_not_know(part: str) -> None:
    path = ROOT / part
    for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
        for name in imported(file):
            if any(is_under(name, package) for package in ALLOWED.get(part, ())):
                continue
            assert not any(is_under(name, package) for package in FORBIDDEN[part]), f"{file} imports {name}"


def test_stages_do_not_import_the_road() -> None:
    road = {"road.py", "run.py", "__init__.py"}
    for file in sorted(ROOT.rglob("*.py")):
        if file.name not in road:
            assert not any(is_under(name, "tuner.road") for name in imported(file)), file


@pytest.mark.parametrize(
    ("module", "blocked"),
    [
        ("tuner.constraints", ["iree"]),
        ("tuner.search.local", ["iree"]),
        ("tuner.deciding", ["iree", "z3"]),
        ("tuner.spaces.cpu_double_tiling_contraction", ["iree"]),
        ("tuner.measuring", ["iree.compiler"]),
        ("tuner.bundle.measuring", ["iree.compiler", "z3", "pebble", "click", "scipy"]),
    ],
)
def test_a_part_works_where_the_compiler_is_not_installed(module: str, blocked: list[str]) -> None:
    code = BLOCK.format(blocked=blocked) + f"import {module}"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("modules", "heavy"),
    [
        # A run: its processes begin, and the compiler reads the model, before anything waits for these.
        (
            "tuner.cli.run, tuner.report, tuner.road",
            ["scipy", "sklearn", "jinja2", "onnx", "iree.compiler.dialects.linalg"],
        ),
        # A worker that compiles.
        ("tuner.compiling, tuner.applying", ["scipy", "sklearn", "z3", "click", "iree.compiler.dialects.linalg"]),
        # What every process that a run spawns imports again.
        ("tuner.__main__", ["click", "numpy", "iree"]),
    ],
)
def test_what_takes_long_to_import_is_not_imported_where_it_would_be_waited_for(modules: str, heavy: list[str]) -> None:
    code = f"import sys, {modules}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = done.stdout.split()
    assert "tuner" in imported
    assert [each for each in heavy if each in imported] == []


def test_no_file_creeps_past_500_lines() -> None:
    sizes = {file: len(file.read_text().splitlines()) for file in ROOT.rglob("*.py")}
    assert {file: lines for file, lines in sizes.items() if lines > 500} == {}
