# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The settings of a demo, and the folder that it makes."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from pathlib import Path

from tuner.demo.models import SIZE
from tuner.errors import InputError
from tuner.options import Options

# The folder of a demo if the user names none. Later demos add a number.
USUAL = Path("iree-tuner-demo")


@dataclass(frozen=True, slots=True)
class Demo:
    """The settings of a demo.

    `folder`: a new folder that gets all files. `trials`: candidates; eight find most of the gain. `seed`: of the
    search. `size`: side of the matrix. `rounds`: how often each model is timed; of an odd number the median is one of
    the times.
    """

    folder: Path = USUAL
    trials: int = 8
    seed: int = 0
    size: int = SIZE
    rounds: int = 7

    @property
    def model(self) -> Path:
        """The file of the product."""
        return self.folder / f"matvec_{self.size}.mlir"

    @property
    def options(self) -> Options:
        """The options of the run: no flags are chosen, and plain iree-compile applies whatever wins."""
        return Options(
            trials=self.trials,
            seed=self.seed,
            output=self.folder / "spec.mlir",
            run_dir=self.folder / "run",
            plain=True,
            keep_flags=True,
            allocator="default",
        )


def make_folder(wanted: Path | None) -> Path:
    """Makes the folder of a demo and returns it: a new one of the usual name, with a number, if none is wanted.

    Raises InputError if anything but an empty folder is in its place.
    """
    folder = wanted or _unused()
    try:
        folder.mkdir(exist_ok=True)
        is_empty = not any(folder.iterdir())
    except FileExistsError as error:
        raise InputError(f"{folder} is no folder; name a new one for the demo by -o FOLDER") from error
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror}; choose another by -o FOLDER") from error
    if not is_empty:
        raise InputError(
            f"{folder} has files in it, and a demo replaces none; remove that folder or name another by -o FOLDER"
        )
    return folder


def _unused() -> Path:
    """The first of the usual names that nothing has."""
    numbered = (USUAL.with_name(f"{USUAL.name}-{number}") for number in itertools.count(2))
    return next(path for path in itertools.chain((USUAL,), numbered) if not os.path.lexists(path))
