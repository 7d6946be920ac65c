# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How many candidates a minute one GPU measures, and how many all GPUs of this machine together.

Random candidates of one dispatch are compiled, and loaded once, so that the driver compiles them too. Then, in each
round, one GPU and all GPUs measure the round's candidates as in a search: outputs are checked and times taken, on each
GPU beside its own default. Nothing compiles meanwhile, and no process has loaded a candidate before. The last line is
one JSON object: both rates, `ratio` (the median of the rounds' ratios), and `agreement` (percentiles 5, 50 and 95 of a
candidate's speed-up on all GPUs, divided by that on one).

    python benchmarks/device_scaling.py gemm_512x4096x4096 --candidates 64 --rounds 4
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from gpu_cases import CASES
from gpu_spaces import choices
from tuner.compile.pool import CompileJob, CompilePool
from tuner.dispatches.extract import extract
from tuner.evaluate.devices import Benches, Devices
from tuner.evaluate.programs import runnable
from tuner.measuring import Runner
from tuner.measuring.preloading import Preloader
from tuner.model.model import Model
from tuner.outcome import Candidate
from tuner.targets.cuda import choose

COMPILE_TIMEOUT_S = 8.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kernel", choices=[case.name for case in CASES])
    parser.add_argument("--chip", default="sm_80")
    parser.add_argument("--candidates", type=int, default=64, help="in each round")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--workers", type=int, default=16)
    arguments = parser.parse_args()
    target = choose(arguments.chip, 1, ("all",))
    if len(target.devices) < 2:
        parser.error("this machine has one GPU, and two are to be compared with one")
    (case,) = (each for each in CASES if each.name == arguments.kernel)
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        path = folder / "model.mlir"
        path.write_text(case.mlir)
        extracted = extract(Model.open(path, target.compile_flags), target, folder)
        (dispatch,) = (each for each in extracted.dispatches if each.problem is not None)
        assert dispatch.problem is not None
        assert dispatch.program is not None
        choice = choices(path, dispatch, target, extracted.limits, folder)
        # The first round does not count, since processes start in it.
        wanted = arguments.candidates * (arguments.rounds + 1)
        rows = np.random.default_rng(0).choice(len(choice.pool), wanted, replace=False)
        configurations = [choice.configuration(int(row)) for row in rows]
        jobs = [
            CompileJob(
                dispatch.program,
                dispatch.name,
                Candidate(number, configuration=configuration),
                target,
                folder / f"{number}.vmfb",
                folder / f"{number}.log",
            )
            for number, configuration in enumerate([None, *configurations])
        ]
        with CompilePool(arguments.workers, COMPILE_TIMEOUT_S) as pool:
            default, *compiled = pool.compile(jobs)
        with Preloader(target.device, arguments.workers) as preloader:
            preloader.load([runnable(dispatch.program, each.binary) for each in compiled if each.binary is not None])
        rates: dict[int, list[float]] = {}
        speedups: dict[int, dict[int, float]] = {1: {}, len(target.devices): {}}
        devices = {
            count: Devices([Runner(device) for device in target.devices[:count]], Preloader(target.device, 0))
            for count in (1, len(target.devices))
        }
        with devices[1], devices[max(devices)]:
            benches = {count: Benches.start(each, dispatch.program, default) for count, each in devices.items()}
            for round_ in range(arguments.rounds + 1):
                of_round = compiled[round_ * arguments.candidates :][: arguments.candidates]
                for count in sorted(benches):
                    started = time.perf_counter()
                    ends = list(benches[count].evaluate(of_round))
                    rate = 60 * len(ends) / (time.perf_counter() - started)
                    if not round_:
                        continue
                    rates.setdefault(count, []).append(round(rate))
                    speedups[count] |= {end.candidate.number: end.speedup for end in ends if end.speedup is not None}
                    print(f"round {round_}: {count} GPU{'s' * (count > 1)}, {rate:.0f} candidates a minute", flush=True)
    one, many = rates[1], rates[max(rates)]
    alone, together = speedups[1], speedups[max(rates)]
    agreement = [together[number] / alone[number] for number in alone.keys() & together.keys()]
    print(
        json.dumps(
            {
                "gpus": max(rates),
                "one": one,
                "all": many,
                "ratio": round(statistics.median(b / a for a, b in zip(one, many, strict=True)), 3),
                "agreement": [round(float(each), 3) for each in np.percentile(agreement, [5, 50, 95])],
            }
        )
    )


if __name__ == "__main__":
    main()
