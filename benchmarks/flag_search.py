# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Judges the order in which flags are tried, on a measured reference set: how near to its best it comes, how soon.

    python benchmarks/flag_search.py REFERENCE.jsonl [--compilations 10] [--seeds 200]

REFERENCE.jsonl has a line for each model and choice, as benchmarks/flag_reference.py writes it. For each model the
order knows the other models of the file alone. Op mixes are those of the gains that ship with the package. Only choices
of the file can be answered, so the order has no others. Choices that fail, or that make a binary that another one made,
count as compilations.

Beside it stand the order without other models, the portfolio over the choices of the file (the default strategy of
dispatches), and choices at random (the mean of the seeds). Prints a Markdown table. The last line is one JSON object:
how many times slower than the best of the file each order's best is, by model.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flag_gains import Line, models_of, read_reference
from tuner.constraints import Knob, Pool
from tuner.dispatches.op_mix import has_convolutions
from tuner.model_flags import DEFAULT, ModelFlags
from tuner.model_flags.cpu import FLAGS
from tuner.model_flags.expectation import Expectation, Items, items_of
from tuner.model_flags.gains import MeasuredModel, read_gains
from tuner.model_flags.order import FlagOrder
from tuner.search.portfolio import PortfolioStrategy

# The goal: a best that takes at most this many times the best of the file.
_GOAL = 1.05


@dataclass(frozen=True, slots=True)
class Case:
    """A model of the file: its op mix, seconds of a run without flags, those of each choice (None: failed), its code.

    The seconds of a choice are the default's over its speed-up: both were measured side by side.
    """

    name: str
    mix: Mapping[str, float]
    default_s: float
    times_s: Mapping[Items, float | None]
    binaries: Mapping[Items, str]

    @staticmethod
    def of(model: MeasuredModel, lines: Sequence[Line]) -> Case:
        default, *choices = lines
        assert default.time_s is not None
        default_s = default.time_s
        times_s = {items_of(line.values): default_s / line.speedup if line.speedup else None for line in choices}
        binaries = {items_of(line.values): line.binary for line in choices}
        return Case(model.name, model.mix, default_s, times_s, binaries)

    @property
    def best_s(self) -> float:
        return min([self.default_s, *filter(None, self.times_s.values())])

    @property
    def best(self) -> Items:
        """The best choice; empty if it is the default."""
        return next((choice for choice, time_s in self.times_s.items() if time_s == self.best_s), frozenset())

    def slowdowns(self, choices: Iterator[Items], compilations: int) -> list[float]:
        """How many times the best of the file the best so far takes, after each compilation; at 0 the default's."""
        found_s = [self.default_s]
        for choice in choices:
            if len(found_s) > compilations:
                break
            found_s.append(min(found_s[-1], self.times_s[choice] or found_s[-1]))
        found_s += [found_s[-1]] * (compilations + 1 - len(found_s))
        return [time_s / self.best_s for time_s in found_s]


def by_order(case: Case, flags: ModelFlags, others: tuple[MeasuredModel, ...]) -> Iterator[Items]:
    """The choices of the file in the order of the flag search."""
    space = flags.space({}, (), convolutions=has_convolutions(case.mix))
    order = FlagOrder(flags, space, Expectation(case.mix, others), case.times_s)
    while values := order.ask(1):
        choice = items_of(values[0])
        yield choice
        time_s = case.times_s[choice]
        order.tell(values[0], case.default_s / time_s if time_s else None, case.binaries[choice])


def by_portfolio(case: Case, seed: int) -> Iterator[Items]:
    """The choices of the file in the order of the strategy that dispatches are searched with."""
    every = list(case.times_s)
    names = sorted({name for choice in every for name, _ in choice})
    values = {
        name: [DEFAULT, *sorted({dict(choice).get(name, DEFAULT) for choice in every} - {DEFAULT})] for name in names
    }
    rows = np.array([[values[name].index(dict(choice).get(name, DEFAULT)) for name in names] for choice in every])
    pool = Pool(tuple(Knob(name, tuple(range(len(values[name])))) for name in names), rows)
    strategy = PortfolioStrategy(pool, np.random.default_rng(seed), len(every))
    while asked := strategy.ask(1):
        for row in asked:
            yield every[row]
            strategy.tell(row, case.times_s[every[row]])


def at_random(case: Case, seed: int) -> Iterator[Items]:
    every = list(case.times_s)
    for place in np.random.default_rng(seed).permutation(len(every)):
        yield every[int(place)]


def mean(case: Case, choices: Callable[[Case, int], Iterator[Items]], seeds: int, compilations: int) -> float:
    """The mean of the seeds after the last compilation."""
    return statistics.fmean(case.slowdowns(choices(case, seed), compilations)[-1] for seed in range(seeds))


@dataclass(frozen=True, slots=True)
class Row:
    """How each order did on a model. `curve`: the order's slow-downs after each compilation."""

    case: Case
    curve: Sequence[float]
    alone: float
    portfolio: float
    random: float

    def __str__(self) -> str:
        case = self.case
        best = " ".join(f"{name}={value}" for name, value in sorted(case.best)) or "the default"
        soon = next((str(count) for count, slowdown in enumerate(self.curve) if slowdown <= _GOAL), "-")
        found_ms = 1e3 * case.best_s * self.curve[-1]
        return (
            f"| {case.name} | {1e3 * case.default_s:.3g} | {1e3 * case.best_s:.3g} ({best}) | {found_ms:.3g}"
            f" | **{self.curve[-1]:.2f}** | {soon} | {self.alone:.2f} | {self.portfolio:.2f} | {self.random:.2f} |"
        )


def judged(
    flags: ModelFlags,
    reference: Mapping[str, Sequence[Line]],
    models: Sequence[MeasuredModel],
    compilations: int,
    seeds: int,
) -> Iterator[Row]:
    """A row for each model: how the order does that knows the others."""
    for model in models:
        case = Case.of(model, reference[model.name])
        others = tuple(other for other in models if other.name != model.name)
        yield Row(
            case,
            case.slowdowns(by_order(case, flags, others), compilations),
            case.slowdowns(by_order(case, flags, ()), compilations)[-1],
            mean(case, by_portfolio, min(seeds, 20), compilations),
            mean(case, at_random, seeds, compilations),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference", type=Path)
    parser.add_argument("--compilations", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=200)
    arguments = parser.parse_args()
    reference = read_reference(arguments.reference)
    models = list(models_of(reference, {model.name: model.mix for model in read_gains()}))
    print(
        f"| model | default, ms | best of the set, ms | best of {arguments.compilations} compilations, ms | of the best"
        f" | compilations to {_GOAL} | without other models | portfolio | at random |\n|{'---|' * 9}"
    )
    rows = []
    for row in judged(FLAGS, reference, models, arguments.compilations, arguments.seeds):
        rows.append(row)
        print(row, flush=True)
    print(
        json.dumps(
            {
                row.case.name: {
                    "order": row.curve[-1],
                    "alone": row.alone,
                    "portfolio": row.portfolio,
                    "random": row.random,
                }
                for row in rows
            }
        )
    )


if __name__ == "__main__":
    main()
