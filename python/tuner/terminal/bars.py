# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The bar of a phase on a terminal, with lines of text below it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column
from rich.text import Text

# Columns of the bar: beside it the text of a phase has room at 80 columns.
_BAR = 12


class Bars(Progress):
    """A bar for the phase, and below it lines of text that are computed each time they are drawn.

    Nothing is drawn if there is no terminal.
    """

    def __init__(self, lines: Callable[[], Sequence[str]], console: Console) -> None:
        self._lines = lines
        self._phase: TaskID | None = None
        text = Column(ratio=1, no_wrap=True, overflow="ellipsis")
        super().__init__(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False, table_column=text),
            BarColumn(_BAR),
            _Count(),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
            expand=True,
        )

    def stop(self) -> None:
        """Draws no more. Without a terminal nothing was drawn, and no empty line is printed."""
        if not self.disable:
            super().stop()

    def show(self, text: str, total: int | None) -> None:
        """Shows a phase of `total` steps in place of the last one; None if their number is unknown."""
        if self._phase is not None:
            self.remove_task(self._phase)
        self._phase = self.add_task(text, total=total)

    def reach(self, completed: int) -> None:
        """Shows that `completed` steps of the phase are done."""
        if self._phase is not None:
            self.update(self._phase, completed=completed)

    def get_renderables(self) -> Iterable[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        for line in self._lines():
            yield Text(f"  {line}", no_wrap=True, overflow="ellipsis")


class _Count(ProgressColumn):
    """Done and all, "" if their number is unknown."""

    def render(self, task: Task) -> Text:
        return Text("" if task.total is None else f"{int(task.completed)}/{int(task.total)}", style="progress.download")
