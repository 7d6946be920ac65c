# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the demo prints: its title, and in the end what was measured and how to do it again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from rich.console import Console

from tuner.demo.running import Demonstration, Gain, Timed
from tuner.demo.settings import Demo
from tuner.targets.host import processor_name
from tuner.terminal.lines import print_line
from tuner.terminal.units import duration

# Columns of the longest bar, and of a line of a command: with what stands beside them both fit a terminal of 80.
_BAR, _COMMAND = 26, 72
# Blocks of none to seven eighths of a column, and of a whole one.
_EIGHTHS, _WHOLE = " ▏▎▍▌▋▊▉", "█"


def print_title(demo: Demo, console: Console) -> None:
    """Prints what will be tuned, on what, and about how long that takes."""
    _print(console, f"y = x * W, 1x{demo.size}x{demo.size} f32: one layer of a language model, for one token")
    _print(console, f"{processor_name()}, 1 thread. About a minute; all files go to {demo.folder}.")


def print_demonstration(shown: Demonstration, console: Console) -> None:
    """Prints the times and the bandwidth, what shows that they are right, and the commands to do it again."""
    console.print()
    for line in _rows(shown, ascii_only=console.options.ascii_only):
        print_line(console, line)
    console.print()
    if shown.tuned is None or shown.gain is None:
        _print(console, f"No gain this time: {shown.verdict}.")
        again = ("iree-tune", "demo", "--trials", "40")
        _print_commands("Try again while this machine does nothing else, with more candidates:", [again], console)
        return
    _print_evidence(shown.default, shown.tuned, shown.gain, console)
    _print_commands("Compile it:", [shown.gain.command], console)
    _print_commands("Time both:", [shown.default.benchmark.command, shown.tuned.benchmark.command], console)
    report = ("iree-tune", "report", str(shown.demo.folder / "run"), "-o", str(shown.demo.folder / "report.html"))
    own = ("iree-tune", "run", "model.mlir", "-o", "spec.mlir")
    _print_commands("See how it was found, and tune a model of yours:", [report, own], console)


def _print_evidence(default: Timed, tuned: Timed, gain: Gain, console: Console) -> None:
    _print(
        console,
        f"{default.median_s / tuned.median_s:.2f}x by iree-benchmark-module: CPU time,"
        f" medians of {len(tuned.rounds_s)} interleaved rounds.",
    )
    _print(console, f"{gain.dispatch} by the tuner for the dispatch, {gain.model} for the whole model.")
    _print(console, f"The outputs match the default's on {gain.seeds} sets of random inputs.")
    _print(console, "Plain iree-compile applies the spec; its other flags are those of the default.")
    if gain.shown:
        _print(console, f"Its command was run: {gain.shown}.")


def _rows(shown: Demonstration, *, ascii_only: bool) -> Iterator[str]:
    """A line for each model: its time, and the rate at which it reads memory, as a bar and a part of the probe's."""
    timed = {"default": shown.default, "tuned": shown.tuned}
    rates = {name: model.bytes_per_s for name, model in timed.items() if model is not None}
    memory = shown.probe.bytes_per_s
    most = max(memory, *rates.values())
    yield f"{'':8}{'one run':>9}{'reads':>12}"
    yield f"{'memory':8}{'':9}{_rate(memory, most, ascii_only=ascii_only)}a plain stream"
    for name, model in timed.items():
        if model is not None:
            rate = _rate(model.bytes_per_s, most, ascii_only=ascii_only)
            yield f"{name:8}{duration(model.median_s):>9}{rate}{_part(model.bytes_per_s / memory)}"


def _part(of_probe: float) -> str:
    """What part of the probe's rate a model reaches. Several streams at a time may read faster than one."""
    return f"{of_probe:.0%} of that" if of_probe < 1.05 else "more than one stream"


def _rate(bytes_per_s: float, most: float, *, ascii_only: bool) -> str:
    return f"{bytes_per_s / 1e9:7.1f} GB/s  {bar(bytes_per_s / most, ascii_only=ascii_only):{_BAR}}  "


def bar(part: float, *, ascii_only: bool) -> str:
    """A bar of this part (0 to 1) of the longest, to an eighth of a column if the terminal has such letters."""
    if ascii_only:
        return "#" * max(1, round(part * _BAR))
    whole, eighths = divmod(max(1, round(part * _BAR * 8)), 8)
    return (whole * _WHOLE + _EIGHTHS[eighths]).rstrip()


def _print_commands(heading: str, commands: Sequence[Sequence[str]], console: Console) -> None:
    console.print()
    _print(console, heading)
    for command in commands:
        print_line(console, f"  {folded(command)}")


def folded(command: Sequence[str]) -> str:
    """The command in lines that a shell joins, short enough for a terminal of 80 columns if its words are."""
    parts: list[str] = []
    for word in map(shlex.quote, command):
        # The file after `-o` stays beside it.
        if parts and parts[-1] == "-o":
            parts[-1] += f" {word}"
        else:
            parts.append(word)
    lines = parts[:1]
    for part in parts[1:]:
        if len(lines[-1]) + 1 + len(part) <= _COMMAND:
            lines[-1] += f" {part}"
        else:
            lines.append(part)
    return " \\\n    ".join(lines)


def _print(console: Console, text: str) -> None:
    """Prints a sentence, broken between words."""
    console.print(text, markup=False, highlight=False)
