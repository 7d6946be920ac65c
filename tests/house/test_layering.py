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
from blocked import BLOCK
from import_graph import folder_of, graph_of, imports_of, modules_of

ROOT = Path(tuner.__file__).parent

# The rooms of the package from the ground up: each imports from lower floors alone. A room is a folder or a module
# outside the folders. A new room gets a word here.
FLOORS = """
constraints errors foreign native speedup stopwatch
files jsonable model_flags plugins processes search
dispatch facts problems toolchain
kinds model outcome rates targets
events measuring op_choices spaces
knowledge options
dispatches doctor evaluate runs
specs
compile
machines
tuning
callables check preview
bundle
terminal
demo report tuner
cli testing
__main__
"""

# What parts must not import although it lies below them: they work without it, or know no target.
FORBIDDEN = {
    "constraints": ("iree",),
    "search": ("iree", "tuner.plugins"),
    "knowledge": ("iree", "tuner.native"),
    "speedup.py": ("iree",),
    "measuring": ("iree.compiler", "tuner.native", "tuner.targets.cpu", "tuner.toolchain"),
    "evaluate": ("iree", "tuner.native", "tuner.targets.cpu", "tuner.toolchain", "tuner.spaces"),
    "bundle/measuring.py": ("iree.compiler", "tuner.native", "tuner.compile", "tuner.targets.cpu", "tuner.model"),
    "spaces": ("iree", "tuner.native", "tuner.toolchain"),
    "report": ("iree", "tuner.native", "tuner.compile"),
    "terminal": ("iree", "tuner.native", "tuner.compile"),
}


def floor_of_rooms() -> dict[str, int]:
    return {room: floor for floor, rooms in enumerate(FLOORS.split("\n")) for room in rooms.split()}


def test_rooms_import_from_lower_floors_alone() -> None:
    floors, graph = floor_of_rooms(), graph_of(ROOT, folder_of)
    assert floors.keys() == graph.keys()
    upward = [(room, other) for room, others in graph.items() for other in others if floors[other] >= floors[room]]
    assert upward == []


def test_few_modules_lie_outside_the_folders() -> None:
    assert len(list(ROOT.glob("*.py"))) <= 14


@pytest.mark.parametrize("part", FORBIDDEN)
def test_a_part_imports_nothing_it_must_not_know(part: str) -> None:
    path = ROOT / part
    known = modules_of(ROOT)
    for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
        for name in imports_of(file, known) | outside_imports_of(file):
            assert not any(is_under(name, package) for package in FORBIDDEN[part]), f"{file} imports {name}"


def outside_imports_of(path: Path) -> set[str]:
    """The modules of other packages that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def is_under(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


@pytest.mark.parametrize(
    ("module", "blocked"),
    [
        ("tuner.constraints", ["iree"]),
        ("tuner.search.local", ["iree"]),
        ("tuner.speedup", ["iree", "z3"]),
        ("tuner.spaces.cpu.contraction", ["iree"]),
        ("tuner.measuring", ["iree.compiler"]),
        ("tuner.bundle.measuring", ["iree.compiler", "z3", "pebble", "click", "scipy"]),
    ],
)
def test_a_part_works_without_the_compiler(module: str, blocked: list[str]) -> None:
    code = BLOCK.format(blocked=blocked) + f"import {module}"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("modules", "heavy"),
    [
        # A run: its processes start, and the compiler reads the model, before anything waits for these.
        (
            "tuner.cli.run, tuner.report, tuner.tuning.run",
            ["scipy", "sklearn", "jinja2", "onnx", "iree.compiler.dialects.linalg"],
        ),
        # A worker that compiles.
        (
            "tuner.compile.pool, tuner.compile.apply",
            ["scipy", "sklearn", "z3", "click", "iree.compiler.dialects.linalg"],
        ),
        # What every process that a run spawns imports again.
        ("tuner.__main__", ["click", "numpy", "iree"]),
    ],
)
def test_slow_imports_do_not_delay_a_run(modules: str, heavy: list[str]) -> None:
    code = f"import sys, {modules}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = done.stdout.split()
    assert "tuner" in imported
    assert [module for module in heavy if module in imported] == []


def test_no_file_creeps_past_500_lines() -> None:
    sizes = {file: len(file.read_text().splitlines()) for file in ROOT.rglob("*.py")}
    assert {file: lines for file, lines in sizes.items() if lines > 500} == {}
