# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Copies our own measuring modules into one file that another machine's Python runs."""

from __future__ import annotations

import ast
import shutil
import tempfile
import zipapp
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_START = "tuner.bundle.__main__"
_MAIN = "tuner.bundle.measuring"


def write_archive(path: Path) -> None:
    """Writes a zipapp of what measures a bundle: `python path BUNDLE` runs it."""
    with tempfile.TemporaryDirectory() as folder:
        for module, source in measuring_modules().items():
            inside = source.relative_to(_ROOT.parent)
            target = Path(folder) / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            if module == _START:
                shutil.copyfile(source, Path(folder) / "__main__.py")
        zipapp.create_archive(folder, path, compressed=True)


def measuring_modules() -> dict[str, Path]:
    """The modules of this package that measuring a bundle imports, by name, with their files.

    Only imports at the top of a module count: a function's imports serve other uses of the module.
    """
    found: dict[str, Path] = {}
    waiting = [_START, _MAIN]
    while waiting:
        name = waiting.pop()
        source = _source(name)
        if name in found or source is None:
            continue
        found[name] = source
        package, _, _ = name.rpartition(".")
        waiting += [package, *_imports(source)] if package else _imports(source)
    return found


def _source(name: str) -> Path | None:
    """The file of a module of this package, None for any other name."""
    first, *inner = name.split(".")
    if first != _ROOT.name:
        return None
    place = _ROOT.joinpath(*inner)
    return next((file for file in (place / "__init__.py", place.with_suffix(".py")) if file.is_file()), None)


def _imports(source: Path) -> list[str]:
    names = []
    for node in ast.parse(source.read_text()).body:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names
