# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is known of the candidates of a dispatch: recorded by a run, kept by a store, or made up."""

from __future__ import annotations

import hashlib
import json
import statistics
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tuner.outcome import Fate
from tuner.runs.exchange import read_records
from tuner.runs.store import Record, Stored
from tuner.testing.replay import Behaviour, Course

_COURSES = {
    Fate.MEASURED: Course.RIGHT,
    Fate.WRONG_RESULT: Course.WRONG,
    Fate.RUN_FAILED: Course.CRASH,
    Fate.TIMED_OUT: Course.HANG,
}


class Recording(Protocol):
    """How each candidate of each dispatch behaves."""

    def behaviour(self, dispatch: str, choice: Any) -> Behaviour | None:
        """`choice`: the configuration as plain JSON, "default" for the compiler's own. None: it does not compile."""


@dataclass(frozen=True, slots=True)
class MadeUp:
    """Every candidate compiles and is right; its time comes from its configuration alone.

    The default takes `default_s` seconds. Candidates take between 1/4 and 5/4 of it, the same for the same
    configuration; `seed` gives another landscape.
    """

    default_s: float = 4e-3
    seed: int = 0

    def behaviour(self, dispatch: str, choice: Any) -> Behaviour:
        if choice == "default":
            return Behaviour(self.default_s)
        digest = hashlib.sha256(f"{self.seed} {dispatch} {_key(choice)}".encode()).digest()
        return Behaviour(self.default_s * (0.25 + int.from_bytes(digest[:4], "big") / 2**32))


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """The candidates that a run has measured. Those that it never asked for do not compile."""

    behaviours: Mapping[tuple[str, str], Behaviour]

    @staticmethod
    def read(run_dir: Path) -> RecordedRun:
        """Of a run's folder. Raises OSError or ValueError for a folder without a run's log."""
        lines = (json.loads(line) for line in (run_dir / "log.jsonl").read_text().splitlines())
        found = {}
        for line in lines:
            if "candidate" in line and line["fate"] in _COURSES:
                behaviour = Behaviour(line["time_s"] or 1e-3, course=_COURSES[Fate(line["fate"])])
                found[line["dispatch"], _key(line["configuration"])] = behaviour
        return RecordedRun(found)

    def behaviour(self, dispatch: str, choice: Any) -> Behaviour | None:
        return self.behaviours.get((dispatch, _key(choice)))


@dataclass(frozen=True, slots=True)
class RecordedStore:
    """The candidates of some dispatches that a store holds, or an exchanged file. All others do not compile."""

    behaviours: Mapping[tuple[str, str], Behaviour]

    @staticmethod
    def read(path: Path, problems: Mapping[str, str]) -> RecordedStore:
        """`problems`: of each dispatch, by its name, the key of its problem (`tuner.dispatch.Problem.key`).

        If a problem was measured in several places or programs, that with most candidates counts. Its default takes
        what it took in the median beside them. Raises InputError if the file is not usable, ValueError if it has no
        timed candidate of a problem.
        """
        found: dict[str, dict[tuple[str, ...], list[Record]]] = defaultdict(lambda: defaultdict(list))
        for record in read_records(path):
            found[record.problem][record.circumstances, record.compiler, record.subject].append(record)
        behaviours = {}
        for dispatch, problem in problems.items():
            records = max(found[problem].values(), key=len, default=[])
            defaults_s = [end.time_s * end.speedup for end in _ends(records) if end.time_s and end.speedup]
            if not defaults_s:
                raise ValueError(f"{path} has no timed candidate of {dispatch}")
            behaviours[dispatch, _key("default")] = Behaviour(statistics.median(defaults_s))
            for record in records:
                end = record.stored
                if end.fate in _COURSES:
                    time_s, course = end.time_s or 1e-3, _COURSES[end.fate]
                    known = Behaviour(time_s / end.edge_slowdown, time_s, course, end.compile_s)
                    behaviours[dispatch, _key(json.loads(record.choice))] = known
        return RecordedStore(behaviours)

    def behaviour(self, dispatch: str, choice: Any) -> Behaviour | None:
        return self.behaviours.get((dispatch, _key(choice)))


def _ends(records: list[Record]) -> list[Stored]:
    return [record.stored for record in records]


def _key(choice: Any) -> str:
    return json.dumps(choice, sort_keys=True)
