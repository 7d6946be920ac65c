# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A run as studies that Optuna reads, adds to and analyses."""

from __future__ import annotations

import sys
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from tuner.errors import InputError
from tuner.report.recorded_run import RecordedDispatch, read_run
from tuner.report.writing import write_report
from tuner.tuning.result import TuneResult


@pytest.fixture(name="dispatch", scope="module")
def read_dispatch(recorded: tuple[TuneResult, Path]) -> RecordedDispatch:
    return read_run(recorded[1]).dispatches[0]


@pytest.fixture(name="study")
def export(recorded: tuple[TuneResult, Path], dispatch: RecordedDispatch, tmp_path: Path) -> optuna.Study:
    path = tmp_path / "run.optuna"
    write_report(recorded[1], {"optuna": path})
    return optuna.load_study(study_name=dispatch.name, storage=JournalStorage(JournalFileBackend(str(path))))


def test_every_candidate_is_a_trial(study: optuna.Study, dispatch: RecordedDispatch) -> None:
    assert len(study.trials) == len(dispatch.tried) == 30
    for trial, candidate in zip(study.trials, dispatch.tried, strict=True):
        assert trial.user_attrs["candidate"] == candidate.number
        assert trial.user_attrs["fate"] == candidate.fate.value
        if candidate.time_s is None:
            assert trial.state is TrialState.FAIL
        else:
            assert trial.value == pytest.approx(1e3 * candidate.time_s)
        assert trial.params["pipeline"] == (candidate.configuration or {})["pipeline"]
    assert len({frozenset(trial.params.items()) for trial in study.trials}) == 30


def test_the_best_trial_is_the_fastest_candidate(study: optuna.Study, dispatch: RecordedDispatch) -> None:
    fastest = min(candidate.time_s for candidate in dispatch.tried if candidate.time_s is not None)
    assert study.best_value == pytest.approx(1e3 * fastest)
    assert study.user_attrs["default_ms"] > study.best_value
    assert study.user_attrs["problem"] == dispatch.problem


def test_optuna_goes_on_from_there(study: optuna.Study) -> None:
    trial = study.ask(study.trials[0].distributions)
    study.tell(trial, 1.0)
    assert len(study.trials) == 31


def test_without_optuna_a_sentence_says_what_to_install(
    recorded: tuple[TuneResult, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(InputError, match=r"pip install 'iree-tuner\[optuna\]'"):
        write_report(recorded[1], {"optuna": tmp_path / "run.optuna"})
    assert not (tmp_path / "run.optuna").exists()
