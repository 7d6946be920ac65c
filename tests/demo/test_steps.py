# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The steps of the demo with a run that has ended: IREE compiles, and times are made up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tuner.demo.benchmarking import Benchmark
from tuner.demo.running import demonstrate
from tuner.demo.settings import Demo, make_folder
from tuner.events import Listener, Note, nobody
from tuner.options import Options
from tuner.tuning.result import TuneResult

SIZE = 96
TIMES_S = {"default.vmfb": 8e-3, "probe.vmfb": 1e-3, "tuned.vmfb": 2e-3}


def time_s(benchmark: Benchmark) -> float:
    assert benchmark.binary.stat().st_size > 0
    return TIMES_S[benchmark.binary.name]


@pytest.fixture(name="demo")
def make_demo(tmp_path: Path) -> Demo:
    made = Demo(tmp_path / "demo", trials=3, seed=5, size=SIZE)
    make_folder(made.folder)
    return made


def test_the_tuned_model_is_what_the_printed_command_makes(demo: Demo, recorded: tuple[TuneResult, Path]) -> None:
    result, _ = recorded
    asked: list[tuple[Path, Options]] = []
    notes: list[str] = []

    def tune(model: Path, options: Options, _: Listener) -> TuneResult:
        asked.append((model, options))
        return result

    shown = demonstrate(
        demo, lambda event: notes.append(event.text) if isinstance(event, Note) else None, tune=tune, time_s=time_s
    )
    assert asked == [(demo.folder / "matvec_96.mlir", demo.options)]
    assert (demo.options.trials, demo.options.seed, demo.options.plain, demo.options.keep_flags) == (3, 5, True, True)
    assert shown.gain is not None
    assert shown.tuned is not None
    tuned = demo.folder / "tuned.vmfb"
    assert shown.gain.command == (*result.compile_command[:-1], str(tuned))
    assert tuned.read_bytes() == result.binary.read_bytes()
    assert shown.gain.dispatch.value > 1
    assert (shown.default.rounds_s, shown.tuned.rounds_s) == (7 * (8e-3,), 7 * (2e-3,))
    # 96 x 96 numbers of four bytes.
    assert shown.default.bytes_per_s == pytest.approx(36864 / 8e-3)
    assert notes == ["The default takes 8 ms: it reads 0.0 GB/s, 12% of what a stream reads here (0.0 GB/s)."]


def test_without_a_gain_nothing_is_compiled_again(demo: Demo, recorded: tuple[TuneResult, Path]) -> None:
    result = replace(recorded[0], model=None)
    shown = demonstrate(demo, nobody, tune=lambda *_: result, time_s=time_s)
    assert (shown.tuned, shown.gain) == (None, None)
    assert shown.verdict == result.dispatches[0].verdict
    assert not (demo.folder / "tuned.vmfb").exists()
