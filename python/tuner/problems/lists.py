# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Lists of problems: files of lines, each a problem in our words or a command of a benchmark driver.

In a table (`.tsv`) one column holds the commands, or each word of a command has a column of its own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from tuner.errors import InputError
from tuner.files import write_atomically
from tuner.problems.drivers import is_driver_line, read_driver_line
from tuner.problems.notation import read_problem
from tuner.problems.ops import Op

# How the name of a list that is written here ends, and that of a table with tabs between the columns.
SUFFIX = ".txt"
_TABLE = ".tsv"
# Letters of a problem that the name of its file has.
_LETTERS = 60


def is_list(path: Path) -> bool:
    """Whether a model is a list of problems, by its name."""
    return path.suffix.lower() in (SUFFIX, _TABLE)


def module_of(path: Path) -> str:
    """A model in MLIR of one function, which computes each problem of a list once, on arguments of its own.

    Raises InputError that names the line of a problem that cannot be read.
    """
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the list of problems {path} cannot be read: {error}") from error
    ops = tuple(dict.fromkeys(_ops(lines, path)))
    if not ops:
        raise InputError(f"{path} has no problem; write one on each line, as in matmul 512x4096x4096 f16")
    return _module(ops)


def write_list(problems: Sequence[str], folder: Path) -> Path:
    """A list of these problems in `folder`, named after them. Raises InputError for one that cannot be read."""
    for problem in problems:
        _op(problem)
    text = "".join(f"{' '.join(problem.split())}\n" for problem in problems)
    name = re.sub(r"[^\w.]+", "_", text.split("\n", 1)[0])[:_LETTERS]
    path = folder / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}{SUFFIX}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}; start in another folder") from error
    return path


def _ops(lines: Sequence[str], path: Path) -> Iterator[Op]:
    for number, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        try:
            yield _op(_command(text) if path.suffix.lower() == _TABLE else text)
        except InputError as error:
            raise InputError(f"{path}:{number}: {error}") from error


def _command(row: str) -> str:
    """The command in a row of a table: a cell of several words, or all cells together."""
    cells = [cell.strip() for cell in row.split("\t")]
    return next((cell for cell in cells if is_driver_line(cell)), " ".join(cells))


def _op(text: str) -> Op:
    return read_driver_line(text) if is_driver_line(text) else read_problem(text)


def _module(ops: Sequence[Op]) -> str:
    arguments, body, results = [], [], []
    for number, op in enumerate(ops):
        names = [f"%a{number}_{place}" for place in range(len(op.inputs))]
        arguments += [f"{name}: {kind}" for name, kind in zip(names, op.inputs, strict=True)]
        body.append(op.lines(names, f"%r{number}"))
        results.append(f"%r{number}")
    outputs = ", ".join(op.output for op in ops)
    return f"""\
func.func @problems({", ".join(arguments)}) -> ({outputs}) {{
{"".join(body)}  return {", ".join(results)} : {outputs}
}}
"""
