# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The command that continues a run which did not come to its end."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tuner.errors import InputError
from tuner.events import Event, RunStarted
from tuner.runs.clean import clean
from tuner.runs.folder import RUNS, RunFolder

_FOLDER, _RESUME = "--run-dir", "--resume"


class Continuation:
    """A listener that knows the folder of the run that a command started, None if it started none."""

    def __init__(self, words: Sequence[str]) -> None:
        """`words`: the command's, without the name of the program."""
        self._words = words
        self.folder: Path | None = None

    def __call__(self, event: Event) -> None:
        """Receives an event of the run."""
        if isinstance(event, RunStarted):
            self.folder = event.folder

    @property
    def has_measured(self) -> bool:
        """Whether the run has measured anything that a continued one need not measure again."""
        return self.folder is not None and RunFolder(self.folder).log.exists()

    def forget_unused(self, message: str) -> None:
        """Removes the folder that a run made in `.iree-tuner` if it measured nothing and `message` names no file in it.

        A folder that the command names stays, since it may hold what an earlier run measured. So does what is no run's.
        """
        folder, is_named = self.folder, any(word.partition("=")[0] == _FOLDER for word in self._words)
        if (
            folder is None
            or is_named
            or self.has_measured
            or folder.parent != RUNS.absolute()
            or str(folder) in message
        ):
            return
        with suppress(InputError):
            clean(folder)

    @property
    def command(self) -> str:
        """The command that continues the run, "" if there is none."""
        return "" if self.folder is None else shlex.join(continued(self._words, self.folder))


def continued(words: Sequence[str], folder: Path) -> list[str]:
    """The command of these words, without the name of the program, as one that continues the run in `folder`."""
    end = words.index("--") if "--" in words else len(words)
    kept = [
        word
        for before, word in zip(("", *words), words[:end], strict=False)
        if before != _FOLDER and word not in (_FOLDER, _RESUME) and not word.startswith(f"{_FOLDER}=")
    ]
    here = Path.cwd()
    place = folder.relative_to(here) if folder.is_relative_to(here) else folder
    return ["iree-tune", *kept, _FOLDER, str(place), _RESUME, *words[end:]]
