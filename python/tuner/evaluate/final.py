# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The final of a dispatch as a value: the finalists, what it found, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tuner.evaluate.final_costs import FINALISTS
from tuner.evaluate.twins import different
from tuner.measuring import Verification
from tuner.measuring.racecheck import RaceCheck
from tuner.measuring.sampling import Paired
from tuner.outcome import Evaluation
from tuner.speedup import Ratio, is_decided, is_faster


@dataclass(frozen=True, slots=True)
class Final:
    """The verdict on the best candidate: its ratio to the default by interleaved rounds, and its verification.

    `seeds` are those of the data that its outputs were compared on, `runs` how often on each. `races`: what
    compute-sanitizer found, None if it was not asked.
    """

    evaluation: Evaluation
    paired: Paired
    ratio: Ratio
    verification: Verification
    accepted: bool
    seeds: tuple[int, ...]
    runs: int = 1
    races: RaceCheck | None = None


def verdict_on(final: Final | None, min_gain: float) -> str:
    """The verdict of a final, in one line for people."""
    if final is None:
        return "the default stays: no candidate ran"
    if final.accepted:
        return "tuned"
    if is_faster(final.ratio, min_gain) and final.evaluation.edge_slowdown >= final.ratio.value:
        return f"the default stays: the best candidate ({final.ratio}) is {at_edges(final.evaluation.edge_slowdown)}"
    if not is_decided(final.ratio, min_gain):
        rounds = len(final.paired.baseline_s)
        return (
            f"the default stays: this machine is too noisy to decide in {rounds} rounds ({final.ratio});"
            " stop other work on it and tune again"
        )
    return f"the default is best (the best candidate: {final.ratio})"


def finalists(evaluations: Sequence[Evaluation]) -> list[Evaluation]:
    """The candidates that a final compares, the best of the search first, of equal programs one."""
    measured = [end for end in evaluations if end.speedup is not None and not end.candidate.is_default]
    return different(sorted(measured, key=lambda end: -(end.speedup or 0.0)))[:FINALISTS]


def at_edges(slowdown: float) -> str:
    """A slowdown at the edges of operands, for people; "" if there is none."""
    return f"{slowdown:.1f}x slower if nothing readable follows its operands" if slowdown > 1.0 else ""
