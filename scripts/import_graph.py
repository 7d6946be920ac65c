# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Prints what the package's rooms import of one another: a room is a folder, or a module outside the folders.

    python scripts/import_graph.py [PACKAGE_FOLDER]     default: python/tuner

A room's floor is one more than the highest floor that it imports; rooms that import one another share a floor and are
reported as a cycle. The same figures are printed for single modules.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

Graph = dict[str, set[str]]


def modules_of(root: Path) -> dict[str, Path]:
    """Every module below a package's folder, by its full name."""
    found = {}
    for path in sorted(root.rglob("*.py")):
        parts = (root.name, *path.relative_to(root).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports_of(path: Path, known: Mapping[str, Path]) -> set[str]:
    """The known modules that a file imports, anywhere in it."""
    named: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            named.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                named.add(inner if inner in known else node.module)
    return {name for name in named if name in known}


def graph_of(root: Path, room_of: Callable[[str], str] = lambda name: name) -> Graph:
    """What each room imports of the others. By default each module is a room."""
    known = modules_of(root)
    graph: Graph = {room_of(name): set() for name in known}
    for name, path in known.items():
        room = room_of(name)
        graph[room] |= {room_of(other) for other in imports_of(path, known)} - {room}
    return graph


def folder_of(name: str) -> str:
    """The first folder below the package, or the module if it is in none: `search` for `tuner.search.local`."""
    package, _, inner = name.partition(".")
    return inner.partition(".")[0] or package


def floors(graph: Graph) -> dict[str, int]:
    """Each room's floor, 1 for those that import nothing. Raises CycleError."""
    found: dict[str, int] = {}
    for room in TopologicalSorter(graph).static_order():
        found[room] = 1 + max((found[other] for other in graph[room]), default=0)
    return found


def report(what: str, graph: Graph, *, listed: bool) -> None:
    """Prints the figures of a graph, and its rooms by floor if `listed`."""
    arrows = sum(map(len, graph.values()))
    try:
        found = floors(graph)
    except CycleError as error:
        print(f"{what}: {len(graph)} rooms, {arrows} arrows, a cycle: {' -> '.join(error.args[1])}")
        return
    print(f"{what}: {len(graph)} rooms, {arrows} arrows, {max(found.values())} floors, no cycle")
    for floor in range(1, 1 + max(found.values())) if listed else ():
        print(f"  {floor:2} {' '.join(sorted(room for room, its in found.items() if its == floor))}")


def main() -> None:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else "python/tuner")
    flat = list(root.glob("*.py"))
    print(f"{len(flat)} modules outside the folders, {len(modules_of(root))} in all")
    report("folders", graph_of(root, folder_of), listed=True)
    report("modules", graph_of(root), listed=False)


if __name__ == "__main__":
    main()
