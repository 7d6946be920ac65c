# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A model file, compiled whole: by itself or with a tuning spec, to a program or to configured IR."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from tuner.errors import InputError
from tuner.files import check_regular
from tuner.model.onnx import Shapes, import_model
from tuner.problems import is_list, module_of
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
            if path.is_dir():
                raise InputError(f"{path} is a folder; name a model file")
            check_regular(path)
            with path.open("rb") as file:
                is_empty = not file.read(_ZEROS_BYTES).strip(b"\0")
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
            return replace(self, path=_imported(self.source, shapes, work_dir))

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


def _imported(source: Path, shapes: Shapes, work_dir: Path) -> Path:
    """A file that iree-compile reads: `source` itself, or one in `work_dir`. Raises InputError."""
    if not is_list(source):
        return import_model(source, shapes, work_dir)
    if shapes.dims or shapes.inputs:
        raise InputError(
            f"--dim and --input bind sizes of ONNX models; {source} is a list of problems: write sizes there"
        )
    made = work_dir / f"{source.stem}.mlir"
    made.write_text(module_of(source))
    return made
