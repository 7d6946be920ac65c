# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the candidates of a dispatch show: knobs and their importance, pairs of knobs, and how candidates failed."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from tuner.foreign import printable
from tuner.outcome import Fate
from tuner.report.importance import Importance, importance
from tuner.report.knobs import Knobs, Value, knobs_of, varying
from tuner.report.recorded_run import RecordedCandidate, RecordedDispatch

_PAIRED_KNOBS = 3
_LOG_LETTERS = 4000


@dataclass(frozen=True, slots=True)
class Pair:
    """Two knobs: their values and the speed-up of each measured candidate, both of shape [candidates]."""

    names: tuple[str, str]
    values: tuple[tuple[Value, Value], ...]
    speedups: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Failures:
    """A way in which candidates failed: their number, and the first of them with its log."""

    fate: Fate
    count: int
    sample: RecordedCandidate
    log: str


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the candidates of one dispatch show.

    `knobs` are those of each candidate besides the default, by its number. `importance` is None if too few candidates
    were measured to learn from, or if all are alike. `pairs` are of the most important knobs.
    """

    knobs: dict[int, Knobs]
    importance: Importance | None
    pairs: tuple[Pair, ...]
    failures: tuple[Failures, ...]


def analyse(dispatch: RecordedDispatch) -> Analysis:
    """Analyses the candidates of a dispatch. Takes seconds if there are enough to learn from."""
    problem = dispatch.certificate.problem if dispatch.certificate else None
    roles = [loop.role for loop in problem.loops] if problem else []
    tried = dispatch.tried
    knobs = {candidate.number: knobs_of(candidate.configuration or {}, roles) for candidate in tried}
    measured = [candidate for candidate in tried if candidate.time_s is not None and candidate.speedup is not None]
    names, values = varying([knobs[candidate.number] for candidate in measured])
    found = importance(names, values, [candidate.time_s or 0.0 for candidate in measured])
    return Analysis(knobs, found, _pairs(names, values, measured, found), _failures(dispatch))


def _pairs(
    names: Sequence[str],
    values: Sequence[Sequence[Value]],
    measured: Sequence[RecordedCandidate],
    found: Importance | None,
) -> tuple[Pair, ...]:
    if found is None:
        return ()
    top = [name for name, share in found.shares if share > 0][:_PAIRED_KNOBS]
    speedups = tuple(candidate.speedup or 0.0 for candidate in measured)
    pairs = []
    for first, second in itertools.combinations(top, 2):
        columns = names.index(first), names.index(second)
        pairs.append(Pair((first, second), tuple((row[columns[0]], row[columns[1]]) for row in values), speedups))
    return tuple(pairs)


def _failures(dispatch: RecordedDispatch) -> tuple[Failures, ...]:
    by_fate: dict[Fate, list[RecordedCandidate]] = {}
    for candidate in dispatch.candidates:
        if candidate.fate is not Fate.MEASURED:
            by_fate.setdefault(candidate.fate, []).append(candidate)
    found = [Failures(fate, len(failed), failed[0], _log(failed[0])) for fate, failed in by_fate.items()]
    return tuple(sorted(found, key=lambda failures: -failures.count))


def _log(candidate: RecordedCandidate) -> str:
    """The first _LOG_LETTERS characters of a candidate's log; "" if it has none."""
    try:
        text = printable(candidate.log.read_text(errors="replace").strip()) if candidate.log.is_file() else ""
    except OSError:
        return ""
    return text if len(text) <= _LOG_LETTERS else f"{text[:_LOG_LETTERS]}\n… ({len(text)} characters in all)"
