# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which flags of the whole compilation to try next: what is expected to gain most for its time.

At first these are single choices, in the order of what they gave on models of like op mix, and joint ones that were
measured there. What a choice gives on the model at hand counts more than that at once, and each choice that is best so
far is joined with every further value. Without other models the order is that of the knobs' declaration. Values that
gained nothing are joined only if nothing else is left.

A value that leaves the code of a choice as it is leaves that of similar choices as it is, most probably. They are asked
for if nothing else is left.

After a few questions every second one may be a survey: of what values can make of products and convolutions, each is
tried once, whatever is expected of it. Models differ most in that, and few were measured.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from threadpoolctl import threadpool_limits

from tuner.constraints import Space, violated_rules
from tuner.model_flags import ModelFlags
from tuner.model_flags.expectation import Expectation, Item, Items, items_of
from tuner.model_flags.gains import Outcome

# Choices are joined with further values if they are the best so far and gain more than noise, as a factor.
_JOINED, _NOISE = 2, 1.015
# Questions before the first of a survey.
_BEFORE_SURVEY = 3

Point = dict[str, int]


class FlagOrder:
    """Chooses among the points of `space`, a space of `flags`. Equal answers lead to equal questions.

    `only`: the choices that may be asked for; by default all.
    """

    def __init__(
        self,
        flags: ModelFlags,
        space: Space,
        expectation: Expectation,
        only: Container[Items] | None = None,
    ) -> None:
        self._flags = flags
        self._only = only
        self._space = space
        self._expectation = expectation
        # In the order of asking.
        self._asked: dict[Items, None] = {frozenset(): None}
        self._start = {knob.name: knob.domain[0] for knob in space.knobs}
        # What was expected: how long a compilation takes beside others would differ from run to run.
        self._compile_factors: dict[Items, float] = {}
        self._valid: dict[tuple[int, ...], bool] = {}
        self._points: dict[Items, Point] = {frozenset(): self._start}
        self._binaries: dict[Items, str] = {}
        # Values that changed nothing, beside others: those others, and the value.
        self._idle: list[tuple[Items, Item]] = []

    def ask(self, count: int) -> list[dict[str, str]]:
        """Up to `count` choices that were not asked for before; fewer only if there are no others."""
        # Threads of the linear algebra wait for one another on a busy machine: one is 5 times as fast.
        with threadpool_limits(1):
            chosen = self._chosen(count)
        return [self._flags.chosen(self._points[choice]) for choice in chosen]

    def _chosen(self, count: int) -> list[Items]:
        chosen: list[Items] = []
        expectation = self._expectation
        for _ in range(count):
            candidates = self._candidates(self._gained) or self._candidates(self._asked)
            if not candidates:
                break
            candidates = [choice for choice in candidates if not self._is_known(choice)] or candidates
            candidates = self._surveyed(candidates) or candidates
            expected = expectation.of(candidates)
            worth = expected.improvement(self._best) / expected.compile_factor
            place = int(worth.argmax())
            choice = candidates[place]
            self._asked[choice] = None
            chosen.append(choice)
            # The next choice is made as if this one gave what is expected of it.
            self._compile_factors[choice] = float(expected.compile_factor[place])
            believed = Outcome(dict(choice), math.exp(expected.gain[place]), self._compile_factors[choice])
            expectation = expectation.after([believed])
        return chosen

    def _surveyed(self, candidates: Sequence[Items]) -> list[Items]:
        """Those that make something of products and convolutions that was not tried, if it is their turn."""
        asked = len(self._asked) - 1
        if asked < _BEFORE_SURVEY or (asked - _BEFORE_SURVEY) % 2:
            return []
        tried = frozenset[str]().union(*(self._flags.made_new(dict(choice)) for choice in self._asked))
        return [choice for choice in candidates if self._flags.made_new(dict(choice)) - tried]

    def tell(self, values: Mapping[str, str], speedup: float | None, binary: str = "") -> None:
        """Receives the speed-up of a choice over the model without flags, or None if it failed.

        `binary`: what tells its code from other code, "" if that is not known.
        """
        choice = items_of(values)
        self._expectation = self._expectation.after([Outcome(values, speedup, self._compile_factors[choice])])
        if not binary:
            return
        for other in (other for other, code in self._binaries.items() if code == binary):
            fewer, more = sorted((choice, other), key=len)
            # By itself a value often changes nothing. Pinned ones are beside every value.
            beside = fewer - self._named(self._start)
            if beside and fewer < more:
                self._idle += [(beside, item) for item in more - fewer]
        self._binaries[choice] = binary

    def _is_known(self, choice: Items) -> bool:
        """Whether it has a value that changed nothing beside one of its others."""
        return any(item in choice and beside & choice for beside, item in self._idle)

    @property
    def _best(self) -> float:
        """The logarithm of the best speed-up so far; that of the default at least."""
        return max((math.log(one.speedup) for one in self._expectation.seen if one.speedup), default=0.0)

    @property
    def _gained(self) -> list[Items]:
        """The best choices so far, the best first; none whose further values gain nothing over a better one's."""
        seen = [(one.speedup, items_of(one.values)) for one in self._expectation.seen if one.speedup]
        gained: list[tuple[float, Items]] = [(1.0, self._named(self._start))]
        for speedup, choice in sorted(seen, key=lambda pair: len(pair[1])):
            if all(speedup > _NOISE * less for less, fewer in gained if fewer < choice):
                gained.append((speedup, choice))
        best = sorted(gained[1:], key=lambda pair: -pair[0])[:_JOINED]
        return [choice for _, choice in best]

    def _candidates(self, joined: Iterable[Items]) -> list[Items]:
        """What was not asked for: single choices, those of other models, and what differs little from `joined`.

        They are in the order in which they are tried if the same is expected of all.
        """
        around = (self._around(self._points[choice]) for choice in list(joined))
        found = itertools.chain([self._named(self._start)], self._around(self._start), self._measured, *around)
        new = (choice for choice in dict.fromkeys(found) if choice not in self._asked)
        return [choice for choice in new if self._only is None or choice in self._only]

    @cached_property
    def _measured(self) -> list[Items]:
        """Choices that were measured on other models and may be made here."""
        values = {items_of(one.values): one.values for model in self._expectation.models for one in model.outcomes}
        points = (self._point(one) for one in values.values())
        return [self._named(point) for point in points if point is not None and self._is_valid(point)]

    def _around(self, point: Point) -> Iterator[Items]:
        """The choices that differ in one knob; in two if the value of the first is not allowed by itself."""
        for changed in self._changed(point):
            if self._is_valid(changed):
                yield self._named(changed)
                continue
            for twice in self._changed(changed):
                if self._is_valid(twice) and sum(twice[name] != point[name] for name in point) == 2:
                    yield self._named(twice)

    def _changed(self, point: Point) -> Iterator[Point]:
        """The first other value of each knob, then the second, and so on."""
        most = max(len(knob.domain) for knob in self._space.knobs)
        for place, knob in itertools.product(range(most), self._space.knobs):
            if place < len(knob.domain) and knob.domain[place] != point[knob.name]:
                yield {**point, knob.name: knob.domain[place]}

    def _is_valid(self, point: Point) -> bool:
        key = tuple(point.values())
        if key not in self._valid:
            self._valid[key] = not violated_rules(self._space, point)
        return self._valid[key]

    def _named(self, point: Point) -> Items:
        named = items_of(self._flags.chosen(point))
        self._points.setdefault(named, point)
        return named

    def _point(self, values: Mapping[str, str]) -> Point | None:
        """The point of these values, with the pinned ones; None if one does not exist or is settled otherwise."""
        knobs = {knob.name: knob for knob in self._flags.knobs}
        domains = {knob.name: knob.domain for knob in self._space.knobs}
        point = dict(self._start)
        for name, value in values.items():
            if name not in knobs or value not in knobs[name].values:
                return None
            point[name] = knobs[name].values.index(value)
            if point[name] not in domains[name]:
                return None
        return point
