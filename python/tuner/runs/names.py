# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Recognises the files that a run writes by their names, so that other files in its folder are left alone."""

from __future__ import annotations

import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tuner.errors import InputError
from tuner.files import TEMPORARY
from tuner.model.model import made_of

# Files that the folder of a run has from its start.
_MARKS = ("command.json", "run.lock")
# Files that other commands may replace: a check the specs, a report the page.
_FOR_USERS = ("spec.mlir", "spec.late.mlir", "spec.preprocessing.mlir", "report.html")
_ENDING = "[a-z0-9_]{8}"
_TEMPORARY = rf"{TEMPORARY}{_ENDING}"
_FILE = re.compile(
    r"""
      (command|result|result\.before|check)\.json | command\.unfinished | (log|overtaken)\.jsonl
    | measuring\.log | run\.lock | report\.html
    | store\.sqlite(-wal|-shm|-journal)?
    | (spec|spec\.unproved|kept)(\.late|\.preprocessing)?\.mlir
    | model(-[a-z-]+)?\.vmfb
    | ((flagged|chosen|rival|without-chosen-flags)/)?(configured(-[a-z-]+)?\.mlir(bc)?|benchmarks/[^/]+\.mlir)
    | (rival/)?candidates/.+\.(vmfb|log)
    | flags/([^/]+\.vmfb|refused/.+)
    | ops/(preprocessed\.mlir|[0-9a-f]+(\.vmfb|\.preprocessing\.mlir))
    | bundle/(manifest\.json|measure\.pyz|.+\.vmfb)
    """,
    re.VERBOSE,
)
_FOLDER = re.compile(r"candidates|benchmarks|flags|refused|flagged|rival|ops|chosen|without-chosen-flags|bundle")
# The name of a file or a bundle until it is complete.
_UNFINISHED = re.compile(rf"\.(?P<name>[^/]+)\.{_ENDING}(?P<rest>/.*)?")


@dataclass(frozen=True, slots=True)
class Found:
    """The contents of a folder: files that a run wrote, folders for them (inner ones first), and all others."""

    files: tuple[Path, ...]
    folders: tuple[Path, ...]
    others: tuple[Path, ...]


def is_of_a_run(name: str, model: Path | None = None) -> bool:
    """Whether a run writes a file of this name, relative to its folder. `model` is the model that it tunes."""
    if re.fullmatch(rf"(.+/)?{_TEMPORARY}/.+", name) or _FILE.fullmatch(name) or name in _imported(model):
        return True
    unfinished = _UNFINISHED.fullmatch(name)
    return unfinished is not None and is_of_a_run(unfinished["name"] + (unfinished["rest"] or ""), model)


def look_into(folder: Path, model: Path | None = None) -> Found:
    """Sorts the contents of a folder. Links are not followed: no run makes one."""
    sorts: dict[str, list[Path]] = defaultdict(list)
    for sort, path in _sorted(folder, model):
        sorts[sort].append(path)
    return Found(tuple(sorts["file"]), tuple(reversed(sorts["folder"])), tuple(sorts["other"]))


def others_in(folder: Path, model: Path | None, most: int) -> list[Path]:
    """The first files of a folder that no run writes, at most `most`: it may be a large folder."""
    return list(islice((path for sort, path in _sorted(folder, model) if sort == "other"), most))


def _sorted(folder: Path, model: Path | None) -> Iterator[tuple[str, Path]]:
    for place, inner, names in os.walk(folder):
        for path in (Path(place, name) for name in (*inner, *names)):
            # A living run may remove files meanwhile.
            with suppress(FileNotFoundError):
                yield _sort(path, path.relative_to(folder).as_posix(), model), path


def _sort(path: Path, name: str, model: Path | None) -> str:
    mode = path.lstat().st_mode
    if stat.S_ISDIR(mode):
        if _is_folder_of_a_run(name):
            return "folder"
        # The files of another folder are listed instead of the folder.
        return "full folder" if any(path.iterdir()) else "other"
    return "file" if stat.S_ISREG(mode) and is_of_a_run(name, model) else "other"


def temporary_folders(folder: Path) -> list[Path]:
    """Folders that a killed run left half written."""
    found = []
    for place, inner, _ in os.walk(folder):
        left = [name for name in inner if re.fullmatch(_TEMPORARY, name)]
        found += [Path(place, name) for name in left if not Path(place, name).is_symlink()]
        inner[:] = [name for name in inner if name not in left]
    return found


def check_not_of_a_run(path: Path, folder: Path | None = None, *, option: str = "-o") -> None:
    """Raises InputError if `path` is a file that a run writes for itself: the run of `folder`, or any other."""
    place = Path(os.path.realpath(path))
    folders = [parent for parent in place.parents if all((parent / name).is_file() for name in _MARKS)]
    if folder is not None:
        folders.append(Path(os.path.realpath(folder)))
    for run in folders:
        if not place.is_relative_to(run):
            continue
        name = place.relative_to(run).as_posix()
        if name not in _FOR_USERS and is_of_a_run(name) and (place.exists() or folder is not None):
            raise InputError(f"{path} belongs to the run itself; choose another {option}")


def _imported(model: Path | None) -> tuple[str, ...]:
    """The names of a model's forms that are made for iree-compile."""
    return () if model is None else made_of(model)


def _is_folder_of_a_run(name: str) -> bool:
    first = name.partition("/")[0]
    if _FOLDER.fullmatch(first) or re.fullmatch(rf"(.+/)?{_TEMPORARY}(/.+)?", name):
        return True
    unfinished = _UNFINISHED.fullmatch(first)
    return unfinished is not None and unfinished["name"] == "bundle"
