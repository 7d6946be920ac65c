# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A run as studies of Optuna, whose dashboard shows them: `optuna-dashboard FILE`.

Each dispatch is a study of its candidates, whose value is the time in milliseconds. Optuna writes the file itself, in
the form of its journal, to which it can add.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.errors import InputError
from tuner.report.analysis import analyse
from tuner.report.formats import File
from tuner.report.recorded_run import RecordedCandidate, RecordedDispatch, RecordedRun

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.storages import JournalStorage
    from optuna.trial import FrozenTrial


_WRITER, _TIMES = "iree-tuner", {"datetime_start", "datetime_complete"}


@dataclass(frozen=True, slots=True)
class OptunaFormat:
    """A file with a study for each dispatch that has candidates."""

    help: str = "File for Optuna's dashboard, a study for each dispatch."

    def files(self, run: RecordedRun, path: Path) -> tuple[File, ...]:
        return (File(path, lambda: _journal(run)),)


OPTUNA = OptunaFormat()


def _journal(run: RecordedRun) -> str:
    try:
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend
    except ImportError as error:
        raise InputError("Optuna is not installed; run: pip install 'iree-tuner[optuna]'") from error

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with tempfile.TemporaryDirectory(prefix="iree-tuner-optuna-") as folder:
            file = Path(folder) / "journal.log"
            storage = JournalStorage(JournalFileBackend(str(file)))
            for dispatch in run.dispatches:
                if dispatch.tried:
                    _add_study(storage, dispatch)
            return "".join(_settled(line, run) for line in file.read_text().splitlines())
    finally:
        optuna.logging.set_verbosity(before)


def _settled(line: str, run: RecordedRun) -> str:
    """A line of the journal without what differs from one writing to the next: who wrote it, and when.

    When candidates ended is not recorded, so the run's folder says it of all.
    """
    entry = json.loads(line)
    entry["worker_id"] = _WRITER
    ended = datetime.fromtimestamp(run.folder.stat().st_mtime, UTC).isoformat(timespec="microseconds")
    entry |= dict.fromkeys(entry.keys() & _TIMES, ended)
    return json.dumps(entry) + "\n"


def _add_study(storage: JournalStorage, dispatch: RecordedDispatch) -> None:
    import optuna

    study = optuna.create_study(storage=storage, study_name=dispatch.name, direction="minimize")
    study.set_user_attr("problem", dispatch.problem)
    study.set_user_attr("verdict", dispatch.verdict)
    default = next((candidate.time_s for candidate in dispatch.candidates if candidate.configuration is None), None)
    if default is not None:
        study.set_user_attr("default_ms", 1e3 * default)
    knobs = analyse(dispatch).knobs
    distributions = _distributions(knobs.values())
    study.add_trials([_trial(candidate, knobs[candidate.number], distributions) for candidate in dispatch.tried])


def _distributions(all_knobs: Iterable[Mapping[str, Any]]) -> dict[str, BaseDistribution]:
    """From the least to the greatest value that was tried; of texts those that were."""
    from optuna.distributions import CategoricalDistribution, IntDistribution

    values: dict[str, set[Any]] = {}
    for knobs in all_knobs:
        for name, value in knobs.items():
            values.setdefault(name, set()).add(value)
    return {
        name: IntDistribution(min(tried), max(tried))
        if all(type(value) is int for value in tried)
        else CategoricalDistribution(sorted(tried, key=str))
        for name, tried in values.items()
    }


def _trial(
    candidate: RecordedCandidate, knobs: Mapping[str, Any], distributions: Mapping[str, BaseDistribution]
) -> FrozenTrial:
    from optuna.trial import TrialState, create_trial

    attributes = {"candidate": candidate.number, "fate": candidate.fate.value, "detail": candidate.detail}
    return create_trial(
        state=TrialState.FAIL if candidate.time_s is None else TrialState.COMPLETE,
        value=None if candidate.time_s is None else 1e3 * candidate.time_s,
        params=dict(knobs),
        distributions={name: distributions[name] for name in knobs},
        user_attrs={**attributes, "speedup": candidate.speedup},
    )
