# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is known of the candidates of a dispatch: recorded by a run, or made up."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tuner.outcome import Fate
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


def _key(choice: Any) -> str:
    return json.dumps(choice, sort_keys=True)
