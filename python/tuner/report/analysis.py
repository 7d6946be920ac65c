# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the candidates of a dispatch tell: knobs and their importance, pairs of them, and how candidates failed."""

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
    """Two knobs: their values for each measured candidate, beside its speed-up (shape [candidates])."""

    names: tuple[str, str]
    values: tuple[tuple[Value, Value], ...]
    speedups: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Failures:
    """A way in which candidates failed: how many, and the first of them with what its log says."""

    fate: Fate
    count: int
    sample: RecordedCandidate
    log: str


@dataclass(frozen=True, slots=True)
class Analysis:
    """`knobs` holds the knobs of each candidate that was tried, by number. `importance` is None where too few were
    measured to learn from, or all are alike; `pairs` are of the most important knobs."""

    knobs: dict[int, Knobs]
    importance: Importance | None
    pairs: tuple[Pair, ...]
    failures: tuple[Failures, ...]


def analyse(dispatch: RecordedDispatch) -> Analysis:
    """Analyses the candidates of a dispatch."""
    problem = dispatch.certificate.problem if dispatch.certificate else None
    roles = [loop.role for loop in problem.loops] if problem else []
    knobs = {each.number: knobs_of(each.configuration or {}, roles) for each in dispatch.tried}
    measured = [each for each in dispatch.tried if each.time_s is not None and each.speedup is not None]
    names, values = varying([knobs[each.number] for each in measured])
    found = importance(names, values, [each.time_s or 0.0 for each in measured])
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
    speedups = tuple(each.speedup or 0.0 for each in measured)
    pairs = []
    for first, second in itertools.combinations(top, 2):
        columns = names.index(first), names.index(second)
        pairs.append(Pair((first, second), tuple((row[columns[0]], row[columns[1]]) for row in values), speedups))
    return tuple(pairs)


def _failures(dispatch: RecordedDispatch) -> tuple[Failures, ...]:
    by_fate: dict[Fate, list[RecordedCandidate]] = {}
    for each in dispatch.candidates:
        if each.fate is not Fate.MEASURED:
            by_fate.setdefault(each.fate, []).append(each)
    found = [Failures(fate, len(failed), failed[0], _log(failed[0])) for fate, failed in by_fate.items()]
    return tuple(sorted(found, key=lambda each: -each.count))


def _log(candidate: RecordedCandidate) -> str:
    """The beginning of a candidate's log; "" where it has none."""
    try:
        text = printable(candidate.log.read_text(errors="replace").strip()) if candidate.log.is_file() else ""
    except OSError:
        return ""
    return text if len(text) <= _LOG_LETTERS else f"{text[:_LOG_LETTERS]}\n… ({len(text)} characters in all)"
