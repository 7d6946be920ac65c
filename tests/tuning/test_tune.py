# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The Python interface."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import samples
import tuner
from tuner.events import CandidateEnded, Event, PhaseStarted
from tuner.tuning.result import TuneResult

pytestmark = pytest.mark.runs


def test_tune_returns_the_spec_with_its_proof(
    recorded: tuple[TuneResult, Path], heard: list[Event], tmp_path: Path
) -> None:
    result, _ = recorded
    (dispatch,) = result.dispatches
    assert dispatch.winner is not None
    assert dispatch.final is not None
    assert dispatch.final.verification.passed
    assert dispatch.final.ratio.low > 1.5
    assert result.model is not None
    assert result.model.verification.passed
    assert result.speedup == result.model.ratio.value > 1.5
    assert len([event for event in heard if isinstance(event, CandidateEnded)]) == 31
    assert any(isinstance(event, PhaseStarted) for event in heard)
    result.save(tmp_path / "spec.mlir")
    assert (tmp_path / "spec.mlir").read_text() == result.spec
    assert "transform.iree.match.contraction" in result.spec


@pytest.mark.slow
def test_equal_problems_are_tuned_once_and_share_an_entry(tmp_path: Path) -> None:
    model = tmp_path / "model.mlir"
    # The same contraction twice, once with an epilogue: two executables, one problem.
    model.write_text(samples.matmul(101, 211, 103) + samples.matmul_bias_relu(101, 211, 103))
    result = tuner.tune(
        model, trials=8, keep_flags=True, flags=(samples.NO_PEELING,), function="fused", run_dir=tmp_path / "run"
    )
    first, second = result.dispatches
    assert first.winner is not None
    assert second.evaluations == ()
    assert second.verdict == f"same problem as {first.dispatch.name}"
    assert result.spec.count("transform.iree.match.contraction") == 1


def test_a_regression_is_never_shipped(tmp_path: Path) -> None:
    """With an unreachable bar no candidate may win: the default stays and the spec is empty."""
    model = tmp_path / "model.mlir"
    model.write_text(samples.matmul(64, 64, 64))
    result = tuner.tune(
        model, trials=1, workers=1, keep_flags=True, allocator="default", min_gain=1000.0, run_dir=tmp_path / "run"
    )
    assert result.dispatches[0].winner is None
    assert "the default is best" in result.dispatches[0].verdict
    assert result.speedup == 1.0
    assert "match" not in result.spec


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"trails": 3}, "'trails' is unknown; there are: target, "),
        ({"trials": 0}, "trials must be at least 1"),
        ({"compile_timeout_s": 0.0}, "compile_timeout_s must be positive"),
        ({"budget_s": -1.0}, "budget_s must be positive"),
        ({"trials": "20"}, "trials is '20', not a value of type int"),
        ({"flags": "--iree-opt-level=O2"}, "flags is '--iree-opt-level=O2', not a list"),
        ({"target": "abacus"}, "there is no target named 'abacus'"),
        ({"store": 3}, "store is '3', not a list"),
    ],
)
def test_bad_options_are_input_errors(options: dict[str, Any], says: str, tmp_path: Path) -> None:
    model = tmp_path / "model.mlir"
    model.write_text(samples.matmul(8, 8, 8))
    with pytest.raises(tuner.InputError, match=re.escape(says)) as refusal:
        tuner.tune(model, **options)
    assert "--trials" not in str(refusal.value)


@pytest.mark.parametrize("store", ["nothing", Path("nothing"), ["s.sqlite", "nothing"], (Path("s.sqlite"), "nothing")])
def test_one_store_or_several_may_be_named(store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first is made if it is not there, the others are only read."""
    monkeypatch.chdir(tmp_path)
    Path("model.mlir").write_text(samples.matmul(8, 8, 8))
    Path("nothing").mkdir()
    with pytest.raises(tuner.InputError, match=r"nothing (cannot be used as a store|is a folder)"):
        tuner.tune("model.mlir", store=store)
    assert Path("s.sqlite").exists() == isinstance(store, list | tuple)


def test_a_script_needs_a_guard(tmp_path: Path) -> None:
    """Its processes import it, and would tune too. Paths are texts here, as scripts have them."""
    (tmp_path / "model.mlir").write_text(samples.matmul(8, 8, 8))
    call = "tuner.tune('model.mlir', trials=1, keep_flags=True, run_dir='run', store='run.sqlite', progress=True)"
    guarded, unguarded = tmp_path / "guarded.py", tmp_path / "unguarded.py"
    guarded.write_text(f"import tuner\nif __name__ == '__main__':\n    print({call}.speedup)\n")
    unguarded.write_text(f"import tuner\nprint({call}.speedup)\n")
    ends = {
        script: subprocess.run(
            [sys.executable, script.name], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
        )
        for script in (unguarded, guarded)
    }
    assert ends[guarded].returncode == 0, ends[guarded].stderr
    assert float(ends[guarded].stdout) > 0
    assert (tmp_path / "run.sqlite").exists()
    # What the command prints without a terminal.
    assert "candidates, " in ends[guarded].stderr
    assert ends[unguarded].returncode == 1
    assert ends[unguarded].stderr.splitlines()[-1].startswith("tuner.errors.InputError: tuner.tune() starts processes")
    assert ends[unguarded].stderr.count("call it under `if __name__ == '__main__':`") == 1


def test_a_run_that_is_stopped_returns_what_it_found_and_proved(tmp_path: Path) -> None:
    (tmp_path / "primes.mlir").write_text(samples.matmul(101, 211, 103))
    heard: list[Event] = []

    def stop() -> bool:
        return any(isinstance(event, CandidateEnded) and event.best > 1.5 for event in heard)

    result = tuner.tune(
        tmp_path / "primes.mlir",
        trials=200,
        keep_flags=True,
        allocator="default",
        flags=(samples.NO_PEELING,),
        run_dir=tmp_path / "run",
        listen=heard.append,
        stop=stop,
    )
    (dispatch,) = result.dispatches
    assert 0 < dispatch.tried < 20
    assert dispatch.winner is not None
    assert result.model is not None
    assert result.model.verification.passed
    assert "transform.iree.match.contraction" in result.spec
    assert result.command_shown == ""
