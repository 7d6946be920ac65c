# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What benchmarks/models.py found: rows, their Markdown table, and the time of a model against the minutes spent."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuner.events import CandidateEnded, Event, FlagsTried, OpChoiceTried
from tuner.jsonable import to_plain
from tuner.speedup import Ratio
from tuner.tuning.result import TuneResult

UNTUNED, SAME_ALLOCATOR, SINGLE, TUNED, ONNX_RUNTIME = (
    "untuned",
    "untuned, same allocator",
    "best single flag",
    "tuned",
    "ONNX Runtime",
)
# What stands around the table in a page.
BEGIN, END = "<!-- benchmarks/models.py: begin -->", "<!-- benchmarks/models.py: end -->"


@dataclass(frozen=True, slots=True)
class Row:
    """A model on a number of threads.

    `samples_s`: the seconds of one run of each program, round by round. `wrong`: what the outputs of programs differ in
    from the untuned model's, by more than rounding explains. `single`: the fastest single choice of flags
    that the run tried. `entries` are those of `dispatches` dispatches, `late` of them for `iree-tune compile` alone.
    `curve`: minutes spent, and the milliseconds of the best so far.
    """

    name: str
    threads: int
    samples_s: dict[str, tuple[float, ...]]
    over: dict[str, Ratio]
    wrong: dict[str, str]
    allocator: str
    allocator_ratio: Ratio | None
    flags: tuple[str, ...]
    ops: tuple[str, ...]
    single: tuple[str, ...]
    entries: int
    late: int
    late_gain: Ratio | None
    dispatches: int
    minutes: float
    curve: tuple[tuple[float, float], ...]
    command: tuple[str, ...]
    command_shown: str

    @property
    def verified(self) -> bool:
        """Whether the outputs of all programs of IREE agree."""
        return not self.wrong.keys() - {ONNX_RUNTIME}

    def to_json(self) -> dict[str, Any]:
        """The row as plain JSON."""
        plain: dict[str, Any] = to_plain(self)
        return plain


@dataclass(slots=True)
class Course:
    """A listener that remembers when a run came to what.

    Until the proof the model's time is estimated: the untuned model's over the best speed-up by flags and choices for
    single ops, less what the best candidates save in all runs of their dispatches.
    """

    started_s: float = field(default_factory=time.monotonic)
    _models: list[tuple[float, float]] = field(default_factory=list)
    _dispatches: list[tuple[float, str, float]] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        minutes = (time.monotonic() - self.started_s) / 60
        if isinstance(event, FlagsTried | OpChoiceTried):
            self._models.append((minutes, event.best))
        elif isinstance(event, CandidateEnded):
            self._dispatches.append((minutes, event.dispatch, event.best))

    def curve(self, result: TuneResult, minutes: float) -> tuple[tuple[float, float], ...]:
        """Minutes, and milliseconds of a run; the last point is what the proof measured."""
        if result.model is None:
            return ()
        found = [(0.0, result.model.baseline_s)]
        for at, best in self._models:
            found.append((at, result.model.baseline_s / best))
        flagged_s = min(seconds for _, seconds in found)
        defaults_s = {
            tuned.dispatch.name: tuned.evaluations[0].time_s * tuned.dispatch.runs
            for tuned in result.dispatches
            if tuned.evaluations and tuned.evaluations[0].time_s is not None
        }
        saved_s: dict[str, float] = {}
        for at, dispatch, best in self._dispatches:
            saved_s[dispatch] = defaults_s.get(dispatch, 0.0) * (1 - 1 / best)
            found.append((at, flagged_s - sum(saved_s.values())))
        found.append((minutes, result.model.tuned_s))
        return tuple(_falling(found))


def _falling(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points at which the time falls, and the last one; in minutes and milliseconds."""
    kept: list[tuple[float, float]] = []
    for at, seconds in points[:-1]:
        if not kept or seconds * 1e3 < kept[-1][1]:
            kept.append((round(at, 3), seconds * 1e3))
    at, seconds = points[-1]
    return [*kept, (round(at, 3), seconds * 1e3)]


def table(rows: Sequence[Row], heading: str) -> str:
    """The rows as Markdown: a table, each model's choices, and the curves."""
    columns = (UNTUNED, SAME_ALLOCATOR, SINGLE, TUNED, ONNX_RUNTIME)
    lines = [
        heading,
        "",
        f"| model | threads | {' | '.join(columns)} | over untuned, same allocator | over the best single flag |"
        " over ONNX Runtime | entries (late) of dispatches | outputs agree |",
        f"|{'---|' * (len(columns) + 7)}",
    ]
    for row in rows:
        times = " | ".join(_median_ms(row, column) for column in columns)
        ratios = " | ".join(str(row.over.get(column, "-")) for column in (SAME_ALLOCATOR, SINGLE, ONNX_RUNTIME))
        lines.append(
            f"| {row.name} | {row.threads} | {times} | {ratios} | {row.entries} ({row.late}) of {row.dispatches} |"
            f" {'all but ' + ', '.join(row.wrong) if row.wrong else 'yes'} |"
        )
    lines.append("")
    for row in rows:
        lines.append(f"- {_place(row)}: {_choices(row)}")
    for row in rows:
        lines += [f"- {_place(row)}: {name} computes something else: {detail}" for name, detail in row.wrong.items()]
    for row in (row for row in rows if row.curve):
        points = ", ".join(f"{minutes:.1f} min {ms:.3g} ms" for minutes, ms in _thinned(row.curve))
        lines.append(f"- {_place(row)}, best so far: {points}")
    return "\n".join(lines) + "\n"


def _place(row: Row) -> str:
    return f"{row.name}, {row.threads} thread{'s' if row.threads > 1 else ''}"


def _choices(row: Row) -> str:
    flags = f"`{' '.join(_without_folder(flag) for flag in row.flags)}`" if row.flags else "no flags"
    chosen = Counter(op.partition(" for ")[0] for op in row.ops)
    ops = "".join(f", {choice} for {count} kinds of ops" for choice, count in chosen.items())
    gain = f" ({row.allocator_ratio} untuned)" if row.allocator_ratio else ""
    late = f"; late entries {row.late_gain}" if row.late_gain else ""
    single = f"; best single flag `{' '.join(row.single)}`" if row.single else ""
    return f"{flags}{ops}; {row.allocator} allocator{gain}{late}{single}; {row.minutes:.1f} minutes"


def _without_folder(flag: str) -> str:
    name, equals, value = flag.partition("=")
    return f"{name}={Path(value).name}" if equals and value.startswith("/") else flag


def _median_ms(row: Row, column: str) -> str:
    samples = sorted(row.samples_s.get(column, ()))
    return f"{samples[len(samples) // 2] * 1e3:.3g}" if samples else "-"


def _thinned(curve: Sequence[tuple[float, float]], most: int = 8) -> list[tuple[float, float]]:
    """At most so many points of a curve, the first and the last among them."""
    step = max(1, -(-(len(curve) - 1) // (most - 1)))
    return [*curve[:-1:step], curve[-1]]


def replace_table(page: Path, text: str) -> None:
    """Puts the text between the page's two marks; all else stays. Raises ValueError if they are not there."""
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has no place for a table: it lacks {BEGIN} or {END}")
    page.write_text(f"{before}{begin}\n\n{text}\n{end}{after}")
