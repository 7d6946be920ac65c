# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Levels of effort: what is asked for, and what a guess needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import tuner
from cpu_cases import row_sum
from tuner.errors import InputError
from tuner.events import Event, Note
from tuner.knowledge.ranking import Knowledge
from tuner.options import Options
from tuner.targets import Limits
from tuner.testing.machines import ReplayMachines, replayed_dispatch, workbench
from tuner.testing.problems import problem
from tuner.testing.recording import MadeUp
from tuner.tuning.dispatches import tune_dispatches

LIMITS = Limits(vector_bytes=64, threads=1)


@pytest.mark.parametrize(
    ("given", "trials", "budget_s"),
    [
        ({}, 100, None),
        ({"effort": "full", "trials": 7, "budget_s": 9.0}, 7, 9.0),
        ({"effort": "quick"}, 8, 90.0),
        ({"effort": "quick", "trials": 3, "budget_s": 9.0}, 3, 9.0),
        ({"effort": "quick", "trials": 30}, 8, 90.0),
    ],
)
def test_an_effort_bounds_a_run(given: dict[str, Any], trials: int, budget_s: float | None) -> None:
    options = Options(**given)
    assert (options.trials, options.budget_s) == (trials, budget_s)


def test_another_effort_is_refused() -> None:
    with pytest.raises(InputError, match="--effort must be one of guess, quick, full"):
        Options(effort="much")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "given", [{"budget_s": 9.0}, {"resume": True}, {"store": "s.sqlite"}, {"ray": "local"}, {"devices": ["cuda://0"]}]
)
def test_a_guess_has_no_use_for_what_measuring_needs(tmp_path: Path, given: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="no use with --effort guess"):
        tuner.tune(tmp_path / "model.mlir", effort="guess", **given)


def test_knowledge_says_where_a_search_begins(tmp_path: Path) -> None:
    """A product of the recorded form: the first candidates are those that other sizes say, and a note tells."""
    loops = [("m", 192), ("n", 512), ("k", 256)]
    dispatch = replayed_dispatch(problem("contraction", loops, (0, 2), (2, 1), (0, 1)), "mine")
    events: list[Event] = []
    with workbench(
        tmp_path / "run",
        ReplayMachines.of(MadeUp()),
        listen=events.append,
        trials=8,
        strategy="portfolio",
        knowledge=Knowledge.of(None),
    ) as bench:
        (result,) = tune_dispatches(bench, [dispatch], LIMITS, bench.budget)
    assert result.tried == 8
    assert any("where to start (sure to" in event.text for event in events if isinstance(event, Note))


@pytest.mark.compiler
@pytest.mark.parametrize("target", ["cpu", "cuda:sm_80", "rocm:gfx942"])
def test_a_guess_needs_no_device(tmp_path: Path, target: str) -> None:
    element = "f32" if target == "cpu" else "f16"
    model = tmp_path / "model.mlir"
    model.write_text(f"""
func.func @product(%a: tensor<512x1024x{element}>, %b: tensor<1024x512x{element}>) -> tensor<512x512xf32> {{
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<512x512xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<512x512xf32>) -> tensor<512x512xf32>
  %c = linalg.matmul ins(%a, %b : tensor<512x1024x{element}>, tensor<1024x512x{element}>)
    outs(%init : tensor<512x512xf32>) -> tensor<512x512xf32>
  return %c : tensor<512x512xf32>
}}
""")
    result = tuner.tune(model, target=target, effort="guess", run_dir=tmp_path / "run", output=tmp_path / "spec.mlir")
    (dispatch,) = result.dispatches
    assert dispatch.guess is not None, dispatch.verdict
    assert dispatch.winner is dispatch.guess
    assert "not measured" in dispatch.verdict
    assert (result.model, result.is_faster) == (None, True)
    assert result.prospect.startswith("The first guess")
    assert result.binary.exists()
    late = tmp_path / "spec.late.mlir"
    spec = (late if late.exists() else tmp_path / "spec.mlir").read_text()
    assert "not measured" in spec
    assert "iree_tuner.certificate" not in spec


@pytest.mark.compiler
def test_what_nothing_is_known_of_keeps_its_default(tmp_path: Path) -> None:
    model = tmp_path / "model.mlir"
    model.write_text(row_sum(64, 4096).mlir)
    result = tuner.tune(model, target="rocm:gfx942", effort="guess", run_dir=tmp_path / "run")
    (dispatch,) = result.dispatches
    assert dispatch.winner is None
    assert "nothing is known" in dispatch.verdict
    assert not result.is_faster
