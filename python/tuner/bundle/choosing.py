# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which candidates a bundle sends: by what is known of their knobs, then by what their compiled binaries say."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tuner.compile.pool import CompileJob
from tuner.constraints import Pool, sample_uniform
from tuner.evaluate.order import in_order_of_measuring
from tuner.evaluate.twins import Twins
from tuner.outcome import Compilation
from tuner.search.models.predicted import Predicted

# Candidates that knowledge chooses before one is drawn, since knowledge errs.
_KNOWN = 3
# Candidates that are compiled at most, for each that is sent.
_COMPILED = 1.5


def worth_compiling(pool: Pool, ranked: Predicted | None, count: int, rng: np.random.Generator) -> list[int]:
    """Different rows, more than the `count` that are sent if the pool has them, the most promising first.

    Three of four are expected to be the fastest, the others uniform samples; all are samples if nothing is known.
    """
    most = min(len(pool), math.ceil(_COMPILED * count))
    known = [] if ranked is None else ranked.first(most)
    samples = sample_uniform(pool, min(len(pool), 2 * most), rng)
    groups = ((*known[_KNOWN * group : _KNOWN * (group + 1)], *samples[group : group + 1]) for group in range(most))
    return list(dict.fromkeys([*(row for group in groups for row in group), *samples]))[:most]


@dataclass(frozen=True, slots=True)
class Chosen:
    """How compiling ended, in the order of the candidates: the default and what is sent or failed, and the others."""

    sent: tuple[Compilation, ...]
    left_out: tuple[Compilation, ...]

    @property
    def note(self) -> str:
        """Why some are left out, "" if none is."""
        spill = sum(_spills(end) for end in self.left_out)
        why = {"spill registers": spill, "have the binary of another": len(self.left_out) - spill}
        return ", ".join(f"{count} {reason}" for reason, count in why.items() if count)


def compiled_for(
    count: int, jobs: Sequence[CompileJob], compile_all: Callable[[Sequence[CompileJob]], list[Compilation]]
) -> Chosen:
    """Compiles the default, which is the first job, and candidates until `count` are good or there are no more.

    One that failed, spills, or has an earlier one's binary is not good. Of those that spill, the ones that spill least
    are sent if there is room.
    """
    twins = Twins()
    ends: list[Compilation] = []
    different: list[Compilation] = []
    lacking = 1 + count
    while lacking > 0 and len(ends) < len(jobs):
        ends += compile_all(jobs[len(ends) : len(ends) + lacking])
        different = [end for end in twins.without(ends) if end.binary is not None and not end.candidate.is_default]
        lacking = count - sum(not _spills(end) for end in different)
    kept = {end.candidate.number for end in in_order_of_measuring(different)[:count]}
    left_out = [
        end
        for end in ends
        if end.binary is not None and not end.candidate.is_default and end.candidate.number not in kept
    ]
    return Chosen(tuple(end for end in ends if end not in left_out), tuple(left_out))


def _spills(end: Compilation) -> bool:
    return end.facts is not None and end.facts.spilled_bytes > 0
