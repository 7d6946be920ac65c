# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The preprocessing spec that goes with a tuning spec: `spec.preprocessing.mlir` beside `spec.mlir`.

A flag names the file wherever a model is compiled. A spec and its certificates do not know where the file will lie:
there the flag holds a digest of its contents. Files that a user gives and that are none of ours stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from tuner.errors import InputError
from tuner.model.model import PREPROCESSING_FLAG, PREPROCESSING_MARK, preprocessing_flag

_DIGEST = f"{PREPROCESSING_FLAG}=sha256:"
_LATE = ".late"


def preprocessing_path(spec: Path) -> Path:
    """The file that goes with an early spec, or with the late one beside it."""
    return spec.with_name(f"{spec.stem.removesuffix(_LATE)}.preprocessing{spec.suffix}")


def text_in(flags: Sequence[str]) -> str:
    """The text of our preprocessing spec that these flags name; "" if they name none."""
    return next((text for flag in flags if (text := _text(flag))), "")


def portable(flags: Sequence[str]) -> tuple[str, ...]:
    """The flags with a digest in place of the name of our file."""
    return tuple(_DIGEST + _digest(text) if (text := _text(flag)) else flag for flag in flags)


def naming(flags: Sequence[str], path: Path) -> tuple[str, ...]:
    """The flags with `path` in place of the name of our file."""
    return tuple(preprocessing_flag(path) if _text(flag) else flag for flag in flags)


def beside(flags: Sequence[str], spec: Path) -> tuple[str, ...]:
    """The reverse of `portable`, for flags that were read from `spec`. Raises InputError if the file is not there."""
    path = preprocessing_path(spec)
    return tuple(_found(flag, path, spec) if flag.startswith(_DIGEST) else flag for flag in flags)


def left_out(recorded: Sequence[str], spec: Path, flags: Sequence[str]) -> str:
    """A sentence if `spec`, made with the flags `recorded`, goes with a preprocessing spec that `flags` do not name.

    "" if they name it, or if it goes with none.
    """
    wanted = next((flag for flag in recorded if flag.startswith(_DIGEST)), None)
    if wanted is None or wanted in portable(flags):
        return ""
    path = preprocessing_path(spec)
    named = preprocessing_flag(path)
    lost = "entries may apply to fewer dispatches, and the model may be slower than it was shown to be"
    if portable((named,)) == (wanted,):
        return f"{spec} goes with {path}, which the flags leave out: {lost}; give {named} after --"
    state = "is another one" if path.exists() else "is missing"
    return f"{spec} goes with a preprocessing spec, and {path} {state}: {lost}; put the one it was made with beside it"


def _found(flag: str, path: Path, spec: Path) -> str:
    named = preprocessing_flag(path)
    text = _text(named)
    if not text:
        raise InputError(f"{spec} goes with a preprocessing spec, and {path} is none; put that file beside it")
    if _DIGEST + _digest(text) != flag:
        raise InputError(f"{path} is not the preprocessing spec that {spec} was made with; put that one beside it")
    return named


def _text(flag: str) -> str:
    """The contents of our file that a flag names; "" for other flags and files."""
    name, equals, value = flag.partition("=")
    if name != PREPROCESSING_FLAG or not equals or flag.startswith(_DIGEST):
        return ""
    try:
        text = Path(value).read_text()
    except (OSError, UnicodeDecodeError):
        return ""
    return text if any(line.startswith(PREPROCESSING_MARK) for line in text.splitlines()) else ""


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
