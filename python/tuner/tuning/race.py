# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Two choices of flags in a race: which model is faster when its dispatches are tuned?

Flags are chosen by the time of the untuned model. Those that make other ops of products and convolutions leave
dispatches that have more to gain or less. So the dispatches of both choices are searched for a while, side by side.
"""

from __future__ import annotations

from dataclasses import dataclass

from tuner.evaluate.budget import Budget
from tuner.events import Note, PhaseStarted
from tuner.tuning.dispatches import Field
from tuner.tuning.headroom import headrooms
from tuner.tuning.schedule import HEADROOM, explored

# The part of the time for dispatches that timing the rival's defaults may take.
DEFAULTS_PART = 0.15
# The part of the model's time that the dispatches in a race hold, unless there are no others. What the rest takes does
# not change in a race, and models may have a hundred dispatches.
ENOUGH_PART = 0.8
# The part of that time that each of the two gets in the race, and the seconds if there is no budget.
_PART, _UNLIMITED_S = 0.15, 60.0
# Turns of each in the race.
_TURNS = 2
# The candidates that each has at least, and the part of the time that they may take. One of 264 ms by default had none
# in a turn, so that it seemed to have nothing to gain: its first candidate takes 26 ms.
_LEAST, _LEAST_PART = 2, 0.3
# The best of a search is faster than it will be in its final, so a rival must be ahead by this part.
_AHEAD = 0.03
# A model that takes more than so many times as long as the first one is only raced if its longest dispatch gains so
# much by a few candidates that it takes less. Few models do: one product takes 359 ms by default, 89 with data tiling,
# and 28 tuned without.
_NEAR = 4.0
# The part of the time that these candidates may take, as the default did: they take less.
_LOOK_PART = 0.8


@dataclass(frozen=True, slots=True)
class Contender:
    """A choice of flags: its name for people, seconds of a run of the untuned model with it, and its dispatches."""

    name: str
    untuned_s: float
    field: Field

    @property
    def expected_s(self) -> float:
        """Seconds of a run of the model with the best candidates so far.

        If its defaults take longer alone than the model does, so much less is saved.
        """
        alone_s = max(self.field.default_s, self.untuned_s)
        return self.untuned_s * (1 - sum(search.saving_s for search in self.field.searches) / alone_s)

    @property
    def is_known(self) -> bool:
        """Whether the defaults were timed of enough dispatches for a race."""
        return not self.field.waiting or self.field.default_s >= ENOUGH_PART * self.untuned_s

    @property
    def was_searched(self) -> bool:
        """Whether any candidate was tried."""
        return any(search.standing.tried for search in self.field.searches)


def _try_largest(contender: Contender, part_s: float) -> None:
    """The first candidates of the dispatch that takes most, as many as there is time for."""
    search = max(contender.field.searches, key=lambda search: search.default_s, default=None)
    if search is not None and search.standing.left and (count := int(min(_LEAST, part_s / search.candidate_s))) > 0:
        search.announce()
        search.step(count)
        search.rest()


def possible_s(first: Contender, rival: Contender) -> tuple[float, float]:
    """Seconds of a run of each model if the dispatches in the race reached what can be reached, by the usual rates."""
    fields = [first.field.searches, rival.field.searches]
    searches = [search for field in fields for search in field]
    now_s = [search.default_s for search in searches]
    rooms = headrooms([search.standing.work for search in searches], now_s)
    spare_s = [time_s * (1 - 1 / (HEADROOM * room)) for time_s, room in zip(now_s, rooms, strict=True)]
    ours = len(first.field.searches)
    return first.untuned_s - sum(spare_s[:ours]), rival.untuned_s - sum(spare_s[ours:])


def _no_time(first: Contender, rival: Contender) -> Note:
    return Note(f"No time is left to try a candidate with {rival.name}; the search continues with {first.name}")


def is_overtaken(first: Contender, rival: Contender, budget: Budget) -> bool:
    """Whether the rival is faster when both were searched for a while. `budget`: the time for dispatches.

    If the run is stopped before both were, the first stays.
    """
    bench = first.field.bench
    # Usual rates are those of both models' dispatches, so they say nothing of one whose own are that slow.
    is_far = rival.untuned_s > _NEAR * first.untuned_s
    if not is_far and possible_s(first, rival)[1] >= first.untuned_s:
        return False
    bench.listen(PhaseStarted(f"the dispatches of two choices of flags, side by side: {first.name}; {rival.name}"))
    if is_far:
        _try_largest(rival, _LOOK_PART * budget.left_s)
        if not bench.stop() and not rival.was_searched:
            bench.listen(_no_time(first, rival))
            return False
        if rival.expected_s > _NEAR * first.untuned_s:
            bench.listen(
                Note(f"The model with {rival.name} stays too far behind; the search continues with {first.name}")
            )
            return False
    part_s = _PART * budget.left_s / _TURNS if budget.is_limited else _UNLIMITED_S / _TURNS
    for _ in range(_TURNS):
        for contender in (first, rival):
            turn = Budget(part_s, budget.clock(), budget.clock)
            for batch in explored(contender.field.searches, bench.batch, turn, bench.stop):
                batch.search.step(batch.count)
    for contender in (first, rival):
        if not bench.stop() and not contender.was_searched:
            _try_largest(contender, _LEAST_PART * budget.left_s)
    if bench.stop():
        return False
    if not rival.was_searched:
        bench.listen(_no_time(first, rival))
        return False
    overtaken = rival.expected_s < (1 - _AHEAD) * first.expected_s
    ahead, behind = (rival, first) if overtaken else (first, rival)
    bench.listen(
        Note(
            f"With some dispatches tuned, the model takes about {1e3 * ahead.expected_s:.3g} ms with {ahead.name}, and"
            f" {1e3 * behind.expected_s:.3g} ms with {behind.name}; the search continues with the former"
        )
    )
    return overtaken
