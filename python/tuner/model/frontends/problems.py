# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Lists of problems (`.txt`, `.tsv`): each becomes an op of the model."""

from __future__ import annotations

from pathlib import Path

from tuner.errors import InputError
from tuner.model.shapes import Shapes
from tuner.problems import is_list, module_of


class ProblemsFrontEnd:
    """Writes the model of a list of problems."""

    priority = 0

    def reads(self, path: Path) -> bool:
        """By the ending of the file."""
        return is_list(path)

    def import_file(self, path: Path, shapes: Shapes, output: Path) -> None:
        """As `FrontEnd` says. Sizes stand in the list."""
        if shapes:
            raise InputError(
                f"--dim and --input bind open sizes of models; {path} is a list of problems: write sizes there"
            )
        output.write_text(module_of(path))


FRONT_END = ProblemsFrontEnd()
