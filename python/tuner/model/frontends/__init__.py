# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Front ends: each turns the models of one framework or form into MLIR, which iree-compile reads.

A front end is one file, registered as an entry point of the group `tuner.frontends`. What none of them reads is taken
for MLIR. Every command loads all front ends, so their modules import a framework only when they need it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import tempfile
from pathlib import Path
from typing import Protocol, runtime_checkable

from tuner import plugins
from tuner.errors import InputError
from tuner.files import TEMPORARY
from tuner.foreign import shown
from tuner.model.shapes import Shapes

__all__ = ["GROUP", "FrontEnd", "ProgramFrontEnd", "check_installed", "front_end_of", "write_program"]

GROUP = "tuner.frontends"


class FrontEnd(Protocol):
    """Turns the models of one form into MLIR."""

    @property
    def priority(self) -> int:
        """Of several front ends that read a model, the one of the highest priority does; ours have 0."""

    def reads(self, path: Path) -> bool:
        """Whether the model at `path`, a file or a folder, has this form: by names alone, since there may be none."""

    def import_file(self, path: Path, shapes: Shapes, output: Path) -> None:
        """Writes the model as MLIR to `output`, as text or as bytecode.

        Open sizes are bound by `shapes` (`tuner.model.shapes.bound_sizes`). Other files may lie in a temporary folder
        beside `output` whose name starts with `tuner.files.TEMPORARY`. Raises InputError.
        """


@runtime_checkable
class ProgramFrontEnd(FrontEnd, Protocol):
    """A front end that also takes objects of its framework, as `tuner.tune()` gets them."""

    @property
    def programs(self) -> str:
        """What it takes, for messages, as in `torch.export.ExportedProgram`."""

    def takes(self, program: object) -> bool:
        """Whether the object is one of its framework, be it one that has to be exported first."""

    def import_program(self, program: object, shapes: Shapes, output: Path) -> None:
        """Writes the object as MLIR to `output`, as `import_file` does. Equal objects make equal files."""


def front_end_of(path: Path) -> FrontEnd | None:
    """The front end that reads the model at `path`; None for MLIR. Raises InputError if two claim it."""
    found = plugins.claimant(GROUP, str(path), lambda front_end: bool(front_end.reads(path)))
    front_end: FrontEnd | None = found[1] if found else None
    return front_end


def write_program(program: object, shapes: Shapes, folder: Path) -> Path:
    """A file in `folder` with an object of a framework as MLIR, named after its content.

    Raises InputError if no front end takes the object, or if it cannot be imported.
    """

    def takes(front_end: FrontEnd) -> bool:
        return isinstance(front_end, ProgramFrontEnd) and front_end.takes(program)

    found = plugins.claimant(GROUP, f"a {type(program).__name__}", takes)
    if found is None:
        every = (plugins.load(GROUP, name) for name in plugins.names(GROUP))
        known = ", ".join(front_end.programs for front_end in every if isinstance(front_end, ProgramFrontEnd))
        raise InputError(f"tuner.tune() takes the path of a model or a program ({known}), not {shown(program)}")
    importer: ProgramFrontEnd = found[1]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=folder) as made:
            output = Path(made) / "program.mlir"
            importer.import_program(program, shapes, output)
            with output.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            return output.replace(folder / f"program-{content[:8]}.mlir")
    except OSError as error:
        raise InputError(f"{folder} cannot be written to: {error.strerror}; start in another folder") from error


def check_installed(path: Path | str, packages: tuple[str, ...], extra: str) -> None:
    """Raises InputError that names the extra of ours which brings these packages, unless all can be imported."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise InputError(
                f"reading {path} needs the package {package}; install it by: pip install 'iree-tuner[{extra}]'"
            )
