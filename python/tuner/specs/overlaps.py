# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Problems that several early entries are for, if one of them is for a range of sizes: the first one serves these."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from tuner.dispatch import Problem
from tuner.specs.read import CertifiedEntry


def overlaps(entries: Sequence[CertifiedEntry]) -> Iterator[tuple[int, int, Problem]]:
    """The places of two entries that say different things, the serving one first, and one problem of both.

    A spec is written with the entries for one size first, then as they stand in `entries`.
    """
    places = sorted(range(len(entries)), key=lambda place: entries[place].sizes is not None)
    for first, second in combinations(places, 2):
        if entries[first].annotations == entries[second].annotations:
            continue
        shared = _shared(entries[first], entries[second])
        if shared is not None:
            yield first, second, shared


def _shared(first: CertifiedEntry, second: CertifiedEntry) -> Problem | None:
    if second.sizes is None:
        return None
    if first.sizes is None:
        return first.problem if second.sizes.holds(second.problem, first.problem) else None
    return first.sizes.shared(first.problem, second.sizes, second.problem)
