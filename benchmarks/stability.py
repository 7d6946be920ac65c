# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tunes one dispatch ten times while another process disturbs the machine: are the winners equally good?

    python benchmarks/stability.py [--model MODEL.mlir] [--runs 10] [--trials N] [--busy 2] [--idle 2]

The model is tuned anew with seeds 0, 1, … while another process loads one core part of the time (2 s busy, 2 s idle).
Then, with nothing else running, the winners and the default are measured together in interleaved rounds. If a run kept
the default, the default counts as its winner. The last line is one JSON object: how many winners are
`within_3_percent` of the best, how many are more than 1 % `slower_than_default`, and the speed-ups (`ratios`).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

import tuner
from tuner.evaluate.programs import runnable
from tuner.measuring import DispatchProgram, Runner
from tuner.measuring.sampling import calibrate, interleaved, renewing
from tuner.targets.cpu import CpuTarget
from tuner.tuning.result import DispatchResult

NEAR = 0.03
SLOWER = 0.01
_DEFAULT = "default"
_TIMEOUT_S = 60.0
_MATMUL = """
func.func @matmul(%a: tensor<512x512xf32>, %b: tensor<512x512xf32>) -> tensor<512x512xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<512x512xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<512x512xf32>) -> tensor<512x512xf32>
  %c = linalg.matmul ins(%a, %b : tensor<512x512xf32>, tensor<512x512xf32>)
                     outs(%init : tensor<512x512xf32>) -> tensor<512x512xf32>
  return %c : tensor<512x512xf32>
}
"""
_LOAD = """
import sys, time
busy_s, idle_s = float(sys.argv[1]), float(sys.argv[2])
while True:
    until = time.monotonic() + busy_s
    while time.monotonic() < until:
        pass
    time.sleep(idle_s)
"""


@contextmanager
def disturbance(busy_s: float, idle_s: float) -> Iterator[None]:
    """While it is entered, another process loads one core part of the time."""
    if busy_s <= 0:
        yield
        return
    process = subprocess.Popen([sys.executable, "-c", _LOAD, str(busy_s), str(idle_s)])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def tune_once(model: Path, trials: int, seed: int, folder: Path) -> DispatchResult:
    """The first tuned dispatch of one run."""
    result = tuner.tune(model, trials=trials, keep_flags=True, seed=seed, run_dir=folder)
    measured = [each for each in result.dispatches if each.evaluations]
    if not measured:
        sys.exit(f"{model}: nothing in it was tuned; name a model with a tunable dispatch")
    return measured[0]


def measure_together(results: list[DispatchResult], rounds: int) -> dict[str, float]:
    """Seconds of the default and of each run's winner, in interleaved rounds.

    A sample counts relative to the others of its round, which share the place of the data in memory.
    """
    sources = {_DEFAULT: _program(results[0], results[0].evaluations[0].compilation.binary)}
    for run, result in enumerate(results):
        if result.winner is not None:
            sources[f"run {run}"] = _program(result, result.winner.compilation.binary)
    with Runner(CpuTarget().device) as runner:
        runs = {}
        for key, source in sources.items():
            runner.load(key, source)
            runner.reference(key, 1, timeout_s=_TIMEOUT_S)
            runs[key] = calibrate(runner, key, timeout_s=_TIMEOUT_S)
        samples = interleaved(
            list(sources),
            lambda key: runner.time(key, runs[key], timeout_s=_TIMEOUT_S),
            np.random.default_rng(0),
            lambda so_far: len(so_far[_DEFAULT]) >= rounds,
            renewing(runner),
        )
    every = np.array(list(samples.values()))
    usual = np.median(every, axis=0)
    relative = np.median(every / usual, axis=1)
    return {key: float(each * np.median(usual)) for key, each in zip(samples, relative, strict=True)}


def _program(result: DispatchResult, binary: Path | None) -> DispatchProgram:
    program = result.dispatch.program
    assert program is not None and binary is not None, "a measured dispatch has a program, its default a binary"
    return runnable(program, binary)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="default: a 512x512x512 matmul in f32")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--busy", type=float, default=2.0, help="seconds of load at a time; 0: no load")
    parser.add_argument("--idle", type=float, default=2.0, help="seconds without load at a time")
    parser.add_argument("--rounds", type=int, default=100, help="of the last comparison")
    parser.add_argument("--work-dir", type=Path, help="where the runs' folders stay; default: a temporary one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.work_dir or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        model = options.model
        if model is None:
            model = folder / "matmul_512.mlir"
            model.write_text(_MATMUL)
        results = []
        for seed in range(options.runs):
            started = time.monotonic()
            with disturbance(options.busy, options.idle):
                result = tune_once(model, options.trials, seed, folder / f"run-{seed}")
            results.append(result)
            said = str(result.final.ratio) if result.winner and result.final else result.verdict
            print(f"seed {seed}: {said}, {time.monotonic() - started:.0f} s", flush=True)
        times = measure_together(results, options.rounds)
        report(results, times)


def report(results: list[DispatchResult], times: dict[str, float]) -> None:
    """Prints the winner of each run beside the best winner, and the JSON line."""
    winners = [times.get(f"run {run}", times[_DEFAULT]) for run in range(len(results))]
    best = min(winners)
    ratios = [times[_DEFAULT] / seconds for seconds in winners]
    print(f"default {times[_DEFAULT] * 1e3:.3f} ms\n| seed | winner, ms | slower than the best | speed-up | found |")
    print("|---|---|---|---|---|")
    for run, (result, seconds) in enumerate(zip(results, winners, strict=True)):
        configuration = result.winner.candidate.configuration if result.winner else None
        levels = configuration.levels if configuration else "default"
        print(f"| {run} | {seconds * 1e3:.3f} | {seconds / best - 1:.1%} | {ratios[run]:.3f} | {levels} |")
    summary = {
        "runs": len(results),
        "within_3_percent": sum(seconds <= (1 + NEAR) * best for seconds in winners),
        "slower_than_default": sum(ratio < 1 - SLOWER for ratio in ratios),
        "ratios": [round(ratio, 4) for ratio in ratios],
    }
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
