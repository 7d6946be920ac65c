# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How good the first candidates are if what was recorded of other problems is known, by replaying recorded pools.

    python benchmarks/few_shot.py [--seeds 2] [--trials 30] [--only NAME]... [--json benchmarks/results/few_shot.json]

The records are those that ship (`ship_records.py`). The score is the best time of the recorded pool divided by the best
time found. The default strategy searches each pool, four candidates at a time:

- `kernel`: it knows all records but those of the same kernel, in whatever space and for whatever processor;
- `form`: it knows no record of the same form either;
- `foreign`: for CPUs, it knows records of other processors alone, those of the same kernel among them;
- `wrong`: it takes the records' word the other way round: what was slow there is tried first;
- `untaught`: it knows nothing; `random`: the expected best of as many rows drawn at random.

The last line is one JSON object: `at_1`, `at_4`, `at_8`, `at_16`, `at_30` in the mean of all pools by the first way,
and `by_way`, `by_kernel` for the others. `--models` compares ways to rank instead: the trees that ship, nearest
neighbours, the formula; each by the score of its own first rows, without a search. `--guess` tells where the one row
that `--effort guess` hands over stands among the recorded ones: the part of them that is faster, median and worst.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from scipy.special import gammaln
from threadpoolctl import threadpool_limits

from tuner.constraints import Knob, Pool
from tuner.knowledge.analytic import Analytic
from tuner.knowledge.ranking import rank
from tuner.knowledge.records import RecordedPool, shipped_records
from tuner.search import NO_PRIOR, Prior
from tuner.search.models.predicted import Array, Predicted
from tuner.search.portfolio import PortfolioStrategy

MARKS = (1, 4, 8, 16, 30)
BATCH = 4
WAYS = ("kernel", "form", "foreign", "wrong", "untaught", "random")


class Reversed(Predicted):
    """A prior that has everything the other way round."""

    def __init__(self, prior: Predicted) -> None:
        self._prior, self.sure, self.learnt_from = prior, prior.sure, prior.learnt_from
        self._fill(np.array(sorted(prior), dtype=np.int64))

    def log_times(self, rows: np.ndarray) -> Array:
        return -self._prior.log_times(rows)


def pool_of(record: RecordedPool) -> Pool:
    """The recorded rows as a pool."""
    knobs = (
        Knob(name, tuple(int(value) for value in np.unique(record.rows[:, column])))
        for column, name in enumerate(record.knobs)
    )
    return Pool(tuple(knobs), record.rows)


def known(way: str, record: RecordedPool, records: Sequence[RecordedPool]) -> list[RecordedPool]:
    """The records that a search may know."""
    if way == "foreign":
        return [other for other in records if other.target == record.target and other.device != record.device]
    others = [other for other in records if other.name != record.name]
    return [other for other in others if way != "form" or other.form != record.form]


def prior_of(way: str, record: RecordedPool, records: Sequence[RecordedPool], seed: int) -> Prior:
    """What a search knows when it starts."""
    if way == "untaught":
        return NO_PRIOR
    rng = np.random.default_rng(seed)
    found = rank(record.problem, pool_of(record), record.machine, record.target, known(way, record, records), rng)
    if found is None:
        return NO_PRIOR
    return Reversed(found) if way == "wrong" else found


def searched(record: RecordedPool, prior: Prior, seed: int, trials: int = MARKS[-1]) -> list[float]:
    """The score at each mark of a search for `trials` rows."""
    strategy = PortfolioStrategy(pool_of(record), np.random.default_rng(seed), trials, prior)
    times: list[float] = []
    while len(times) < trials and (rows := strategy.ask(BATCH)):
        for row in rows:
            time_s = float(record.times_s[row])
            strategy.tell(row, None if np.isnan(time_s) else time_s)
            times.append(time_s)
    return scores(record, times)


def scores(record: RecordedPool, times: Sequence[float]) -> list[float]:
    """Of the first times, NaN for a failure: the best of the pool divided by the best so far, at each mark."""
    best = np.fmin.accumulate(np.array([*times, *[np.nan] * max(0, MARKS[-1] - len(times))]))
    return [float(np.nan_to_num(np.nanmin(record.times_s) / best[mark - 1])) for mark in MARKS]


def at_random(record: RecordedPool) -> list[float]:
    """The expected scores of rows drawn without repetition."""
    ordered = np.sort(np.where(np.isnan(record.times_s), np.inf, record.times_s))
    total = len(ordered)
    worth = ordered[0] / ordered
    found = []
    for mark in MARKS:
        drawn = min(mark, total)
        place = np.arange(total - drawn + 1)
        # The probability that a row of this place is the best of those that are drawn.
        log_ways = _log_choose(total - 1 - place, drawn - 1) - _log_choose(total, drawn)
        found.append(float(np.exp(log_ways) @ worth[: len(place)]))
    return found


def _log_choose(total: np.ndarray | int, drawn: int) -> Array:
    found: Array = gammaln(np.asarray(total) + 1.0) - gammaln(drawn + 1.0) - gammaln(np.asarray(total) - drawn + 1.0)
    return found


def by_first_rows(record: RecordedPool, prior: Prior) -> list[float]:
    """The scores of the rows that a prior names first."""
    first = prior.first(MARKS[-1]) if isinstance(prior, Predicted) else sorted(prior, key=prior.__getitem__)
    return scores(record, [float(record.times_s[row]) for row in first[: MARKS[-1]]])


def nearest_neighbours(record: RecordedPool, records: Sequence[RecordedPool], seed: int) -> Prior:
    """Each row is expected to be as far above the best as the rows nearest to it were in problems of its form."""
    del seed
    alike = [other for other in records if other.form == record.form and other.knobs == record.knobs]
    if not alike:
        return NO_PRIOR
    votes = []
    for other in alike:
        times = np.where(np.isnan(other.times_s), np.inf, other.times_s)
        above = np.minimum(np.log(times / times.min()), 1.5)
        mine, theirs = (np.log2(1.0 + np.abs(each.rows)) for each in (record, other))
        distances = np.abs(mine[:, None, :] - theirs[None, :, :]).sum(axis=2)
        near = np.argsort(distances, axis=1)[:, :4]
        votes.append(above[near].mean(axis=1))
    return dict(enumerate(np.exp(np.mean(votes, axis=0)).tolist()))


def formula(record: RecordedPool, records: Sequence[RecordedPool], seed: int) -> Prior:
    """The analytical model."""
    del records, seed
    return Analytic(record.problem, pool_of(record), record.machine, record.target, np.arange(len(record.rows)))


def trees(record: RecordedPool, records: Sequence[RecordedPool], seed: int) -> Prior:
    """What ships."""
    return prior_of("kernel", record, records, seed)


MODELS: dict[str, Callable[[RecordedPool, Sequence[RecordedPool], int], Prior]] = {
    "trees": trees,
    "nearest neighbours": nearest_neighbours,
    "formula": formula,
}


def compare_models(records: Sequence[RecordedPool], seeds: int) -> None:
    """Prints a table of ways to rank."""
    print("| model | pools | " + " | ".join(f"at {mark}" for mark in MARKS[:-1]) + " | least at 8 |")
    print("|---|---|" + "---|" * len(MARKS))
    for name, model in MODELS.items():
        for target in dict.fromkeys(record.target for record in records):
            found = []
            for record in records:
                others = known("kernel", record, records)
                if record.target == target and (prior := model(record, others, 0)):
                    more = [by_first_rows(record, model(record, others, seed)) for seed in range(1, seeds)]
                    found.append(np.mean([by_first_rows(record, prior), *more], axis=0))
            if found:
                means, least = np.mean(found, axis=0), np.min(found, axis=0)
                cells = " | ".join(f"{value:.3f}" for value in means[:-1])
                print(f"| {name}, {target} | {len(found)} | {cells} | {least[2]:.3f} |", flush=True)


def compare_guesses(records: Sequence[RecordedPool], seeds: int) -> None:
    """Prints a table of where the first row stands, by target and what is known."""
    print("| target, knowing | pools | faster than the guess: median | worst | of | its score: median | worst |")
    print("|---|---|---|---|---|---|---|")
    for target in dict.fromkeys(record.target for record in records):
        for way in ("kernel", "form"):
            faster, score, names = [], [], []
            for record in records:
                prior = prior_of(way, record, records, 0) if record.target == target else NO_PRIOR
                if not isinstance(prior, Predicted):
                    continue
                times = np.where(np.isnan(record.times_s), np.inf, record.times_s)
                guesses = [prior.first(1)[0]]
                others = [prior_of(way, record, records, seed) for seed in range(1, seeds)]
                guesses += [other.first(1)[0] for other in others if isinstance(other, Predicted)]
                faster.append(float(np.mean([(times < times[guess]).mean() for guess in guesses])))
                score.append(float(np.mean([times.min() / times[guess] for guess in guesses])))
                names.append(record.name)
            worst = names[int(np.argmax(faster))]
            print(
                f"| {target} {way} | {len(faster)} | {np.median(faster):.1%} | {max(faster):.1%} | {worst} "
                f"| {np.median(score):.3f} | {min(score):.3f} |",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--only", action="append", default=[], help="a kernel's name or how it begins (repeatable)")
    parser.add_argument("--trials", type=int, default=MARKS[-1], help="rows of a search (8: as of `--effort quick`)")
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--models", action="store_true", help="compare ways to rank")
    parser.add_argument("--guess", action="store_true", help="tell where the first row stands")
    parser.add_argument("--json", type=Path, help="where the figures of each kernel go")
    options = parser.parse_args()
    records = shipped_records()
    with threadpool_limits(1):
        if options.models:
            compare_models(records, options.seeds)
            return
        if options.guess:
            compare_guesses(records, options.seeds)
            return
        rows = []
        for record in records:
            if options.only and not record.name.startswith(tuple(options.only)):
                continue
            row: dict[str, list[float]] = {}
            for way in options.ways.split(","):
                if way == "foreign" and not known(way, record, records):
                    continue
                if way == "random":
                    row[way] = at_random(record)
                else:
                    found = [
                        searched(record, prior_of(way, record, records, seed), seed, options.trials)
                        for seed in range(options.seeds)
                    ]
                    row[way] = np.mean(found, axis=0).tolist()
            rows.append((record, row))
            shown = ", ".join(f"{way} {' '.join(f'{value:.2f}' for value in values)}" for way, values in row.items())
            print(f"{record.name} ({record.device}, {len(record.rows)} rows): {shown}", flush=True)
    summarise(rows, options)


def summarise(rows: Sequence[tuple[RecordedPool, dict[str, list[float]]]], options: argparse.Namespace) -> None:
    """Prints means by way and target, and the summary as JSON."""
    by_way = {}
    for target in dict.fromkeys(record.target for record, _ in rows):
        for way in options.ways.split(","):
            found = [row[way] for record, row in rows if record.target == target and way in row]
            if found:
                by_way[f"{target} {way}"] = _rounded(np.mean(found, axis=0))
                print(
                    f"| {target} {way} | {len(found)} | "
                    + " | ".join(f"{v:.3f}" for v in np.mean(found, axis=0))
                    + " |"
                    f" {np.min(found, axis=0)[2]:.3f} |"
                )
    first = options.ways.split(",")[0]
    means = np.mean([row[first] for _, row in rows], axis=0)
    by_kernel = {
        f"{record.name}, {record.device}, {len(record.rows)} rows": {w: _rounded(v) for w, v in row.items()}
        for record, row in rows
    }
    if options.json:
        options.json.write_text(
            json.dumps({"marks": MARKS, "seeds": options.seeds, "by_way": by_way, "by_kernel": by_kernel}, indent=1)
            + "\n"
        )
    summary = {f"at_{mark}": round(float(value), 4) for mark, value in zip(MARKS, means, strict=True)}
    print(json.dumps({**summary, "marks": MARKS, "by_way": by_way, "by_kernel": by_kernel}))


def _rounded(values: Sequence[float] | Array) -> list[float]:
    return [round(float(value), 4) for value in values]


if __name__ == "__main__":
    main()
