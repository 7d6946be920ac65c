# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a model takes after so many seconds of search, on a made-up model of many dispatches that is replayed.

    python benchmarks/schedule_replay.py [--seeds 5] [--strategy portfolio] [--minutes 1 2 3 6]

The model is made after a network of convolutions: products, depthwise and full convolutions, reductions and elementwise
dispatches of many sizes. What is fast depends on the family and, by its sizes, on the problem. Most depthwise
convolutions are far from what the machine can do. Nothing is compiled, measured or waited for: a clock is moved by what
each compilation and each run would take. So results are the same on every machine. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tuner.dispatch import Dispatch, Loop, Problem
from tuner.events import CandidateEnded, Event
from tuner.targets import Limits
from tuner.testing.machines import ReplayMachines, replayed_dispatch, workbench
from tuner.testing.problems import problem
from tuner.testing.replay import Behaviour, Clock, Course
from tuner.tuning.dispatches import tune_dispatches

LIMITS = Limits(vector_bytes=64, threads=1)
# Iterations and bytes a second that the machine can do.
ITERATIONS, BYTES = 20e9, 10e9
NOISE = 0.01
# The part of candidates that cannot be loaded.
FAILING = 0.08


@dataclass(frozen=True)
class Family:
    """Dispatches of one kind.

    `headroom`: how many times as long the default takes as the best there is, about. `compile_s`: seconds that a
    candidate takes to be compiled, about.
    """

    name: str
    count: int
    headroom: float
    compile_s: float

    def problem(self, rng: np.random.Generator) -> Problem:
        """One of its problems. Sizes are what networks have."""
        image = int(rng.choice([10, 20, 40, 80, 160]))
        channels, inner = (int(size) for size in rng.choice([16, 24, 40, 56, 96, 120, 200, 240, 384], 2))
        if self.name == "product":
            loops = [("m", image * image), ("n", channels), ("k", inner)]
            return problem("contraction", loops, (0, 2), (2, 1), (0, 1))
        if self.name == "depthwise":
            window = int(rng.choice([3, 5]))
            loops = [("batch", 1), ("image", image), ("image", image), ("batch", channels)]
            loops += [("window", window), ("window", window)]
            return problem("convolution", loops, (0, -1, -1, 3), (4, 5, 3), (0, 1, 2, 3))
        if self.name == "full":
            loops = [("batch", 1), ("image", image // 2), ("image", image // 2), ("channel", channels)]
            loops += [("window", 3), ("window", 3), ("k", min(inner, 96))]
            return problem("convolution", loops, (0, -1, -1, 6), (4, 5, 6, 3), (0, 1, 2, 3))
        if self.name == "reduction":
            return problem("reduction", [("parallel", channels), ("k", image * image)], (0, 1), (0,))
        return problem("elementwise", [("parallel", image * image), ("parallel", channels)], (0, 1), (0, 1))


FAMILIES = (
    Family("product", 24, 3.0, 0.5),
    Family("depthwise", 18, 20.0, 0.7),
    Family("full", 9, 4.0, 1.5),
    Family("reduction", 9, 2.0, 0.3),
    Family("elementwise", 15, 1.1, 0.3),
)
# A small model, for a short round.
FEW = (
    Family("product", 5, 3.0, 0.5),
    Family("depthwise", 7, 20.0, 0.7),
    Family("reduction", 4, 2.0, 0.3),
    Family("elementwise", 4, 1.1, 0.3),
)


@dataclass(frozen=True)
class MadeUpModel:
    """The dispatches of a model, and how their candidates behave (`tuner.testing.recording.Recording`)."""

    dispatches: tuple[Dispatch, ...]
    best_s: Mapping[str, float]
    default_s: Mapping[str, float]
    compile_s: Mapping[str, float]
    families: Mapping[str, str]

    @staticmethod
    def of(seed: int, families: Sequence[Family] = FAMILIES) -> MadeUpModel:
        rng = np.random.default_rng(seed)
        dispatches, best_s, default_s, compile_s, family_of = [], {}, {}, {}, {}
        for family in families:
            for number in range(family.count):
                name, made = f"{family.name} {number}", family.problem(rng)
                iterations = math.prod(loop.extent for loop in made.loops)
                moved = 4 * sum(_elements(operand.loops, made.loops) for operand in made.operands)
                best_s[name] = max(iterations / ITERATIONS, moved / BYTES) * rng.uniform(1.0, 1.5)
                default_s[name] = best_s[name] * (1 + (family.headroom - 1) * rng.lognormal(0.0, 0.5))
                compile_s[name] = family.compile_s * rng.lognormal(0.0, 0.3)
                family_of[name] = family.name
                dispatches.append(replayed_dispatch(made, name))
        return MadeUpModel(tuple(dispatches), best_s, default_s, compile_s, family_of)

    def behaviour(self, dispatch: str, choice: Any) -> Behaviour:
        compile_s = self.compile_s[dispatch]
        if choice == "default":
            return Behaviour(self.default_s[dispatch], compile_s=compile_s)
        chance = _chance(dispatch, json.dumps(choice, sort_keys=True))
        if chance < FAILING:
            return Behaviour(course=Course.NOT_LOADABLE, compile_s=compile_s)
        loops = next(each.problem.loops for each in self.dispatches if each.name == dispatch and each.problem)
        time_s = self.best_s[dispatch] * (1 + 0.2 * chance) * math.exp(self._loss(dispatch, choice, loops))
        return Behaviour(time_s, compile_s=compile_s)

    def _loss(self, dispatch: str, choice: Any, loops: Sequence[Loop]) -> float:
        """How far the tiles are from the ones that the family wants, each a part of its loop within bounds."""
        off = []
        for level, sizes in choice["levels"].items():
            for index, (size, loop) in enumerate(zip(sizes, loops, strict=True)):
                if size:
                    wanted = _chance(self.families[dispatch], level, str(index), loop.role)
                    ideal = min(loop.extent, 2 ** (7 * wanted)) if wanted < 0.8 else loop.extent / 2
                    off.append(math.log2(size / max(ideal, 1.0)) ** 2)
        return min(3.0, 0.02 * sum(off))


def _elements(operand: Sequence[int], loops: Sequence[Loop]) -> int:
    images = iter([loop.extent for loop in loops if loop.role == "image"])
    return math.prod(loops[loop].extent if loop >= 0 else next(images) for loop in operand)


def _chance(*words: str) -> float:
    """A number in [0, 1) that depends on the words alone."""
    return int.from_bytes(hashlib.sha256(" ".join(words).encode()).digest()[:4], "big") / 2**32


@dataclass(frozen=True)
class Searched:
    """A replayed search within a budget."""

    model: MadeUpModel
    # After each candidate the seconds that were spent, and the model's time by then as a part of the untuned model's.
    curve: tuple[tuple[float, float], ...]
    measured: int
    searched: int

    @property
    def best(self) -> float:
        """The least part that the model can take."""
        return sum(self.model.best_s.values()) / sum(self.model.default_s.values())

    def part_at(self, seconds: float) -> float:
        """The model's time after so many seconds, as a part of the untuned model's."""
        return min((part for spent_s, part in self.curve if spent_s <= seconds), default=1.0)


def search(model: MadeUpModel, budget_s: float, seed: int, strategy: str = "portfolio") -> Searched:
    """Tunes the dispatches of a model within a budget."""
    clock = Clock()
    now_s = dict(model.default_s)
    untuned_s = sum(now_s.values())
    curve: list[tuple[float, float]] = []
    searched: set[str] = set()

    def listen(event: Event) -> None:
        if isinstance(event, CandidateEnded) and not event.evaluation.candidate.is_default:
            searched.add(event.dispatch)
            behaviour = model.behaviour(event.dispatch, event.evaluation.candidate.choice)
            if behaviour.course is Course.RIGHT:
                now_s[event.dispatch] = min(now_s[event.dispatch], behaviour.time_s)
            curve.append((clock(), sum(now_s.values()) / untuned_s))

    machines = ReplayMachines.of(model, noise=NOISE, seed=seed, clock=clock)
    options: dict[str, Any] = {"budget_s": budget_s, "trials": 100, "strategy": strategy, "seed": seed}
    with (
        tempfile.TemporaryDirectory() as folder,
        workbench(Path(folder, "run"), machines, listen=listen, **options) as bench,
    ):
        tune_dispatches(bench, model.dispatches, LIMITS, bench.budget)
    return Searched(model, tuple(curve), len(curve), len(searched))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--strategy", default="portfolio")
    parser.add_argument("--minutes", type=float, nargs="+", default=[1, 2, 3, 6])
    given = parser.parse_args()
    print("| budget | candidates | dispatches searched | model's time after it | the best there is |")
    print("|---|---|---|---|---|")
    found = {}
    for minutes in given.minutes:
        runs = [search(MadeUpModel.of(seed), 60 * minutes, seed, given.strategy) for seed in range(given.seeds)]
        parts = [run.part_at(60 * minutes) for run in runs]
        part, best = statistics.mean(parts), statistics.mean(run.best for run in runs)
        counts = (statistics.mean(counted) for counted in ([r.measured for r in runs], [r.searched for r in runs]))
        candidates, searched = (round(count) for count in counts)
        print(f"| {minutes:g} min | {candidates} | {searched} of 75 | {part:.1%} | {best:.1%} |", flush=True)
        found[f"{minutes:g}"] = {"parts": [round(part, 4) for part in parts], "candidates": candidates}
    print(json.dumps({"seeds": given.seeds, "strategy": given.strategy, "minutes": found}))


if __name__ == "__main__":
    main()
