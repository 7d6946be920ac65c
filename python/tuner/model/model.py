# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A model file, compiled whole: by itself or with a tuning spec, to a program or to configured IR."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from tuner.errors import InputError
from tuner.files import check_regular
from tuner.model.frontends import front_end_of
from tuner.model.shapes import Shapes
from tuner.stopwatch import Part, Stopwatch
from tuner.toolchain.tools import ToolResult, run_tool

# Seconds until the first compilation is taken for hanging: nothing is known yet about the model.
_COMPILE_TIMEOUT_S = 600.0
# What iree-compile prints of a pipeline with a pass or an option that it does not know. Source: iree-compile 3.13.
_UNREAD_PASSES = " in pass pipeline `"
# The start of a preprocessing spec of ours, after its comments; and the flag by which plain iree-compile reads one.
PREPROCESSING_MARK = "module @iree_tuner_preprocessing"
PREPROCESSING_FLAG = "--iree-preprocessing-transform-spec-filename"
# Bytes that are zero at the start of a sparse file, or of one that was cut off; no model starts with so many zeros.
_ZEROS_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Model:
    """A model and the iree-compile flags that it is compiled with.

    `source` is the user's file, `path` the file that iree-compile reads: the same unless the model was imported.
    `watch` counts the time of compilations, and is no part of the value. A compilation that has not ended after
    `timeout_s` is taken for hanging.
    """

    source: Path
    path: Path
    flags: tuple[str, ...]
    watch: Stopwatch = field(default_factory=Stopwatch, compare=False, repr=False)
    timeout_s: float = field(default=_COMPILE_TIMEOUT_S, compare=False, repr=False)

    @staticmethod
    def open(path: Path, flags: tuple[str, ...], watch: Stopwatch | None = None) -> Model:
        """Opens the file at `path`. Raises InputError if there is no such file or it cannot be read."""
        try:
            is_empty = not path.is_dir() and _is_empty(path)
            if path.is_dir() and front_end_of(path) is None:
                raise InputError(f"{path} is a folder without model.onnx and config.json; name a model file")
        except FileNotFoundError as error:
            raise InputError(f"there is no model file {path}; check the path") from error
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}; name another model file") from error
        if is_empty:
            raise InputError(f"{path} is empty; name a model file")
        return Model(path, path, flags, watch or Stopwatch())

    def imported(self, shapes: Shapes, work_dir: Path) -> Model:
        """The model in a form that iree-compile reads, with sizes bound; files go to `work_dir`. Raises InputError."""
        with self.watch.of(Part.COMPILING):
            return replace(self, path=import_model(self.source, shapes, work_dir))

    def with_flags(self, *flags: str) -> Model:
        """The same model, compiled with further flags."""
        return replace(self, flags=(*self.flags, *flags))

    def compile(self, output: Path, *extra_flags: str, timeout_s: float | None = None) -> ToolResult:
        """Runs iree-compile on the model, for at most `timeout_s` if given. The caller judges the exit code.

        A pipeline of passes that cannot be read is an error here. iree-compile prints it, leaves the passes out and
        succeeds.
        """
        arguments = [str(self.path), *self.flags, *extra_flags, "-o", str(output)]
        with self.watch.of(Part.COMPILING):
            limit_s = self.timeout_s if timeout_s is None else min(timeout_s, self.timeout_s)
            result = run_tool("iree-compile", arguments, timeout_s=limit_s, scratch=output.parent)
        if result.exit_code == 0 and _UNREAD_PASSES in result.output:
            return replace(result, exit_code=1)
        return result

    def compile_or_reject(self, output: Path, *extra_flags: str) -> None:
        """As `compile`, for the user's own input. Raises InputError with the compiler's reason if it fails."""
        result = self.compile(output, *extra_flags)
        if result.exit_code != 0:
            raise InputError(
                f"iree-compile cannot compile {self.source} ({result.first_error});"
                " give a model that iree-compile accepts"
            )


def preprocessing_flag(spec: Path | str) -> str:
    """The flag by which plain iree-compile reads a preprocessing spec."""
    return f"{PREPROCESSING_FLAG}={spec}"


def import_model(path: Path, shapes: Shapes, work_dir: Path) -> Path:
    """A file that iree-compile reads, with the types of its functions declared: `path` itself or one in `work_dir`.

    Raises InputError for a model that cannot be imported, and for open sizes.
    """
    # Imported here, since it imports IREE: printing a command's help must not need that.
    from tuner.model.torch_types import declare_types

    declared, imported = (work_dir / name for name in made_of(path))
    front_end = front_end_of(path)
    if front_end is None:
        if shapes:
            raise InputError(
                f"--dim and --input bind sizes that ONNX, torch and JAX models leave open; {path} is none: give it"
                " static shapes"
            )
        return declare_types(path, declared)
    front_end.import_file(path, shapes, imported)
    if declare_types(imported, declared) == declared:
        imported.unlink()
        return declared
    return imported


def made_of(path: Path) -> tuple[str, str]:
    """The names of the files that a model is imported to: with its types declared, and without."""
    # A folder may be given as `.`, which is no name.
    stem = Path(os.path.abspath(path)).stem  # noqa: PTH100 (links keep their names)
    return f"{stem}.declared.mlirbc", f"{stem}.imported.mlir"


def _is_empty(path: Path) -> bool:
    check_regular(path)
    with path.open("rb") as file:
        return not file.read(_ZEROS_BYTES).strip(b"\0")
