# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times compiled models by `iree-benchmark-module`, in rounds in which each has its turn."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner.errors import ToolError
from tuner.events import Listener, PhaseStarted
from tuner.targets import Device
from tuner.toolchain.tools import run_command, runtime_tool_path

_TOOL = "iree-benchmark-module"
# Seconds that the tool repeats the function at least, each time: some ten runs of the slowest model.
_LEAST_S = 0.2
# Seconds after which the tool is taken for hanging: hundreds of times what it takes.
_TIMEOUT_S = 300.0
_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A function of a compiled model, with its inputs as IREE's tools read them, on a device.

    `reads_bytes`: what one run reads from memory.
    """

    binary: Path
    function: str
    inputs: tuple[str, ...]
    device: Device
    reads_bytes: int

    @property
    def command(self) -> tuple[str, ...]:
        """The command that times it."""
        inputs = (f"--input={text}" for text in self.inputs)
        device = (f"--device={self.device.uri}", *self.device.runtime_flags)
        return (_TOOL, f"--module={self.binary}", *device, f"--function={self.function}", *inputs)


Timer = Callable[[Benchmark], float]


def processor_time_s(benchmark: Benchmark) -> float:
    """Processor seconds of one run, as the tool's column `CPU` has them. Raises ToolError.

    The device is one thread of the process itself, so other programs lengthen only the wall time.
    """
    more = ("--benchmark_format=json", f"--benchmark_min_time={_LEAST_S}s")
    program = str(runtime_tool_path(_TOOL))
    scratch = benchmark.binary.parent
    done = run_command((program, *benchmark.command[1:], *more), timeout_s=_TIMEOUT_S, scratch=scratch)
    if done.exit_code != 0:
        raise ToolError(f"{_TOOL} cannot run {benchmark.binary}: {done.first_error}")
    return read_time_s(done.output)


def read_time_s(output: str) -> float:
    """The processor seconds of one run in what the tool prints. Raises ToolError if there are none."""
    try:
        # The runtime may print warnings before it.
        (entry,) = json.loads(output[output.index("{") : output.rindex("}") + 1])["benchmarks"]
        return float(entry["cpu_time"]) * _SECONDS[entry["time_unit"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ToolError(f"{_TOOL} prints no time ({' '.join(output.split())[:200]})") from error


def in_rounds(
    benchmarks: Sequence[Benchmark], rounds: int, time_s: Timer, listen: Listener
) -> tuple[tuple[float, ...], ...]:
    """Of each benchmark its seconds, one for each round. The order turns round from one round to the next."""
    found: list[list[float]] = [[] for _ in benchmarks]
    turns = list(zip(benchmarks, found, strict=True))
    for number in range(1, rounds + 1):
        listen(PhaseStarted(f"{_TOOL} on all, round {number} of {rounds}"))
        for benchmark, seconds in turns:
            seconds.append(time_s(benchmark))
        turns.reverse()
    return tuple(map(tuple, found))
