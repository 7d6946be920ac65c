# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a GPU's own clock says of a bundle's candidates beside the wall clock: how noisy each is, and how it ranks.

    iree-tune run problems.txt --target cuda --no-measure --trials 24 --bundle bundle
    python benchmarks/device_clock.py bundle [--samples 12] [--json FILE]                      # on the GPU
    python benchmarks/device_clock.py --read benchmarks/results/device_clock.jsonl             # anywhere

Two processes on the same GPU have every candidate loaded, one with each clock, and take samples in turn, as a search
does: of as many runs as take 10 ms. For each dispatch and clock: the spread of a candidate's samples (relative standard
deviation, the median of all candidates), and how the candidates rank by the lower quartile of five samples, drawn
2,000 times: how often the first is the fastest by the median of the device's clock, and how much slower than that it
is. Then what the clocks say of one another: the rank correlation of the medians, and how much longer the wall says a
run takes. Outputs are not checked.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tuner.bundle.manifest import BundledDispatch, read_manifest
from tuner.errors import MeasurementError
from tuner.evaluate.programs import runnable
from tuner.measuring import Runner
from tuner.measuring.noise import spread, typical_s
from tuner.measuring.preloading import Preloader
from tuner.measuring.sampling import calibrate
from tuner.targets import Device
from tuner.targets.device import CUPTI

CLOCKS = ("wall", CUPTI)
_SEED = 1
_TIMEOUT_S = 30.0
# Samples of which a search takes the lower quartile, and how often they are drawn.
_FEW, _DRAWS = 5, 2000
_PROCESSES = 8
# Candidates without which a correlation says nothing.
_FEWEST = 4


@dataclass(frozen=True, slots=True)
class Timed:
    """A candidate: by each clock, the seconds of one run, sample by sample."""

    number: int
    samples_s: Mapping[str, Sequence[float]]

    def median_s(self, clock: str) -> float:
        """The median by one clock."""
        return statistics.median(self.samples_s[clock])


def time_dispatch(folder: Path, dispatch: BundledDispatch, device: Device, samples: int) -> list[Timed]:
    """Times each candidate of a dispatch that runs."""
    found = []
    runners = {clock: Runner(replace(device, clock=clock)) for clock in CLOCKS}
    sources = {
        candidate.number: runnable(dispatch.program, folder / candidate.binary)
        for candidate in dispatch.candidates
        if candidate.binary
    }
    with runners["wall"], runners[CUPTI]:
        with Preloader(device, _PROCESSES) as preloader:
            preloader.load(list(sources.values()))
        for number, source in sources.items():
            try:
                runs = {}
                for clock, runner in runners.items():
                    runner.load("it", source)
                    runner.fill("it", _SEED, timeout_s=_TIMEOUT_S)
                    runs[clock] = calibrate(runner, "it", timeout_s=_TIMEOUT_S)
                taken: dict[str, list[float]] = {clock: [] for clock in CLOCKS}
                for turn in range(samples):
                    for clock in CLOCKS if turn % 2 else reversed(CLOCKS):
                        taken[clock].append(runners[clock].time("it", runs[clock], timeout_s=_TIMEOUT_S))
                found.append(Timed(number, taken))
            except MeasurementError as error:
                print(f"{dispatch.name}: candidate {number} is left out: {error}", file=sys.stderr)
    return found


def rank_correlation(some: Sequence[float], others: Sequence[float]) -> float:
    """Spearman's, of numbers without ties."""
    one, other = (np.argsort(np.argsort(numbers)).astype(np.float64) for numbers in (some, others))
    return float(np.corrcoef(one, other)[0, 1])


def first_of_few(timed: Sequence[Timed], clock: str) -> tuple[float, NDArray[np.float64]]:
    """How often few samples put the fastest candidate first; in each draw, how much slower the first is than that."""
    rng = np.random.default_rng(_SEED)
    device = np.array([one.median_s(CUPTI) for one in timed])
    slower = []
    for _ in range(_DRAWS):
        few = [typical_s(rng.choice(one.samples_s[clock], _FEW, replace=False).tolist()) for one in timed]
        slower.append(device[int(np.argmin(few))] / device.min() - 1)
    return float(np.mean(np.array(slower) == 0)), np.array(slower)


def describe(name: str, timed: Sequence[Timed]) -> list[str]:
    """The figures of one dispatch, a line each."""
    default = next((one for one in timed if one.number == 0), timed[0])
    lines = [f"{name}: {len(timed)} candidates"]
    for clock in CLOCKS:
        medians = [one.median_s(clock) for one in timed]
        found, slower = first_of_few(timed, clock)
        lines.append(
            f"  {clock}: fastest {min(medians) * 1e6:.2f} us, default {default.median_s(clock) * 1e6:.2f}, spread"
            f" {statistics.median(spread(one.samples_s[clock]) for one in timed):.2%}; finds the first {found:.0%},"
            f" loses {slower.mean():.2%} ({slower.max():.2%} at most)"
        )
    wall, device = ([one.median_s(clock) for one in timed] for clock in CLOCKS)
    more = np.array(wall) - np.array(device)
    lines.append(
        f"  wall beside device: {np.median(more) * 1e6:.2f} us longer ({more.min() * 1e6:.2f} to"
        f" {more.max() * 1e6:.2f}); rank correlation {rank_correlation(wall, device):.4f}"
    )
    return lines


def read(path: Path) -> dict[str, list[Timed]]:
    """What `--json` wrote, by dispatch."""
    found: dict[str, list[Timed]] = {}
    for line in path.read_text().splitlines():
        record = json.loads(line)
        found.setdefault(record["dispatch"], []).append(Timed(record["candidate"], record["samples_s"]))
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("bundle", type=Path, nargs="?")
    source.add_argument("--read", type=Path, help="samples that --json wrote")
    parser.add_argument("--samples", type=int, default=12)
    parser.add_argument("--json", type=Path, help="append each candidate's samples, a line of JSON each")
    options = parser.parse_args()
    if options.read:
        for name, timed in read(options.read).items():
            print("\n".join(describe(name, timed)))
        return
    manifest = read_manifest(options.bundle)
    for dispatch in manifest.dispatches:
        timed = time_dispatch(options.bundle, dispatch, manifest.device.device(), options.samples)
        if options.json:
            with options.json.open("a") as file:
                for one in timed:
                    record = {"dispatch": dispatch.name, "candidate": one.number, "samples_s": dict(one.samples_s)}
                    file.write(json.dumps(record) + "\n")
        if len(timed) >= _FEWEST:
            print("\n".join(describe(dispatch.name, timed)), flush=True)


if __name__ == "__main__":
    main()
