# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The demo, step by step: times the default, tunes it, compiles the tuned model as printed, times both in rounds."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tuner.demo import models
from tuner.demo.benchmarking import Benchmark, Timer, in_rounds, processor_time_s
from tuner.demo.settings import Demo
from tuner.errors import ToolError
from tuner.events import Listener, Note, PhaseStarted
from tuner.options import Options
from tuner.speedup import Ratio
from tuner.targets.choosing import choose_target
from tuner.terminal.units import duration
from tuner.toolchain.tools import run_tool
from tuner.tuning.result import TuneResult
from tuner.tuning.run import tune_model

Tuner = Callable[[Path, Options, Listener], TuneResult]

# Seconds after which a compilation is taken for hanging. One takes less than a second.
_COMPILE_TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True)
class Timed:
    """A model that was timed: seconds of a run, one for each round."""

    benchmark: Benchmark
    rounds_s: tuple[float, ...]

    @property
    def median_s(self) -> float:
        """Median seconds of a run."""
        return statistics.median(self.rounds_s)

    @property
    def bytes_per_s(self) -> float:
        """The rate at which it reads memory."""
        return self.benchmark.reads_bytes / self.median_s


@dataclass(frozen=True, slots=True)
class Gain:
    """What the tuner found: the speed-up of the dispatch alone and of the whole model, and how to compile that.

    `seeds`: the number of inputs on which the dispatch's outputs were compared. `shown`: how the command was shown to
    make what was proved.
    """

    dispatch: Ratio
    model: Ratio
    seeds: int
    command: tuple[str, ...]
    shown: str


@dataclass(frozen=True, slots=True)
class Demonstration:
    """The default and the probe of the memory as they were timed, and the tuned model with its gain.

    The last two are None if the default stays; the tuner's `verdict` says why.
    """

    demo: Demo
    verdict: str
    default: Timed
    probe: Timed
    tuned: Timed | None = None
    gain: Gain | None = None


def demonstrate(
    demo: Demo, listen: Listener, *, tune: Tuner = tune_model, time_s: Timer = processor_time_s
) -> Demonstration:
    """Goes through the demo, in the folder that `make_folder` made. Raises ToolError if one of IREE's tools fails.

    `tune` and `time_s` are what tunes the model and what times a benchmark.
    """
    default, probe = _untuned(demo, listen)
    (first_s,), (memory_s,) = in_rounds((default, probe), 1, time_s, listen)
    rate, memory_rate = default.reads_bytes / first_s, probe.reads_bytes / memory_s
    listen(
        Note(
            f"The default takes {duration(first_s)}: it reads {rate / 1e9:.1f} GB/s, {rate / memory_rate:.0%} of what a"
            f" stream reads here ({memory_rate / 1e9:.1f} GB/s)."
        )
    )
    tuned = replace(default, binary=demo.folder / "tuned.vmfb")
    result = tune(demo.model, demo.options, listen)
    verdict = "; ".join(dispatch.verdict for dispatch in result.dispatches) or "nothing here is tunable"
    gain = _gain(result, tuned.binary)
    if gain is None:
        return Demonstration(demo, verdict, Timed(default, (first_s,)), Timed(probe, (memory_s,)))
    listen(PhaseStarted("plain iree-compile on the model, with the spec"))
    _compile(gain.command, demo.folder)
    benchmarks = (default, probe, tuned)
    before, stream, after = map(Timed, benchmarks, in_rounds(benchmarks, demo.rounds, time_s, listen))
    return Demonstration(demo, verdict, before, stream, after, gain)


def _untuned(demo: Demo, listen: Listener) -> tuple[Benchmark, Benchmark]:
    """The untuned model and the probe, compiled by plain iree-compile."""
    target, size = choose_target(demo.options.target), demo.size
    listen(PhaseStarted("plain iree-compile on the model, and on a probe of the memory"))
    probe = demo.folder / "probe.mlir"
    default_binary, probe_binary = demo.folder / "default.vmfb", demo.folder / "probe.vmfb"
    for source, text, binary in (
        (demo.model, models.product(size), default_binary),
        (probe, models.probe(size), probe_binary),
    ):
        source.write_text(text)
        _compile(("iree-compile", str(source), *target.compile_flags, "-o", str(binary)), demo.folder)
    device = target.device
    return (
        Benchmark(default_binary, models.PRODUCT, models.product_inputs(size), device, models.product_bytes(size)),
        Benchmark(probe_binary, models.PROBE, models.probe_inputs(size), device, models.probe_bytes(size)),
    )


def _gain(result: TuneResult, binary: Path) -> Gain | None:
    """What the tuner found, with the command that compiles it into `binary`; None if the default stays."""
    finals = [dispatch.final for dispatch in result.dispatches if dispatch.final and dispatch.winner]
    if not finals or result.model is None:
        return None
    place = result.compile_command.index("-o") + 1
    command = (*result.compile_command[:place], str(binary), *result.compile_command[place + 1 :])
    final = finals[0]
    return Gain(final.ratio, result.model.ratio, len(final.seeds), command, result.command_shown)


def _compile(command: Sequence[str], scratch: Path) -> None:
    """Runs a command of plain iree-compile as it is printed. Raises ToolError if it fails."""
    done = run_tool(command[0], command[1:], timeout_s=_COMPILE_TIMEOUT_S, scratch=scratch)
    if done.exit_code != 0:
        raise ToolError(f"iree-compile cannot compile {command[1]}: {done.first_error}")
