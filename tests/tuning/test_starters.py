# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Configurations that a search starts from: read from specs of ours and of others, tried before anything else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import samples
from commands import iree_tune, write
from foreign_spec import FOREIGN
from tuner.dispatch import Configuration
from tuner.dispatches.extract import extract
from tuner.errors import InputError
from tuner.events import CandidateEnded, Event, Note, nobody
from tuner.model.model import Model
from tuner.targets import Limits
from tuner.targets.cpu import CpuTarget
from tuner.testing.machines import ReplayMachines, replayed_dispatch, workbench
from tuner.testing.problems import problem
from tuner.testing.recording import MadeUp
from tuner.testing.replay import Behaviour
from tuner.tuning.dispatches import tune_dispatches
from tuner.tuning.starters import read_starters, starters_of

# Asks for the tiles that it names for every matmul, and has no certificate.
OTHERS = """
module @others attributes { transform.with_named_sequence } {
  transform.named_sequence @apply(%op: !transform.any_op {transform.readonly},
                                  %config: !transform.any_param {transform.readonly}) {
    transform.annotate %op "compilation_info" = %config : !transform.any_op, !transform.any_param
    transform.yield
  }
  transform.named_sequence @any_matmul(%op: !transform.any_op {transform.readonly})
      -> (!transform.any_op, !transform.any_param) {
    transform.match.operation_name %op ["linalg.matmul"] : !transform.any_op
    %config = transform.param.constant #iree_codegen.compilation_info<
      lowering_config = #iree_cpu.lowering_config<distribution = [32, 64, 0], vector_common_parallel = [4, 32, 0],
        vector_reduction = [0, 0, 8]>,
      translation_info = <pipeline = #iree_cpu.pipeline<DoubleTilingExpert>>> -> !transform.any_param
    transform.yield %op, %config : !transform.any_op, !transform.any_param
  }
  transform.named_sequence @__kernel_config(%root: !transform.any_op {transform.consumed}) -> !transform.any_op
      attributes { iree_codegen.tuning_spec_entrypoint } {
    %result = transform.foreach_match in %root @any_matmul -> @apply : (!transform.any_op) -> !transform.any_op
    transform.yield %result : !transform.any_op
  }
}
"""
TILES = "distribution = [32, 64, 0]"


def test_they_are_tried_first_and_may_win(tmp_path: Path) -> None:
    """No pool holds them, and the strategy is not told of them."""
    loops = [("m", 64), ("n", 128), ("k", 64)]
    dispatch = replayed_dispatch(problem("contraction", loops, (0, 2), (2, 1), (0, 1)), "product")
    asked = tuple(Configuration("Known", {"distribution": (size, 0, 0)}) for size in (3, 5))
    fastest = asked[1].to_json()

    class Recording:
        def behaviour(self, name: str, choice: Any) -> Behaviour:
            return Behaviour(1e-4) if choice == fastest else MadeUp().behaviour(name, choice)

    events: list[Event] = []
    assert dispatch.problem is not None
    with workbench(tmp_path / "run", ReplayMachines.of(Recording()), listen=events.append, trials=8) as bench:
        bench = replace(bench, starters={dispatch.problem.key: asked})
        (result,) = tune_dispatches(bench, [dispatch], Limits(vector_bytes=64, threads=1), bench.budget)
    ended = [event.evaluation.candidate for event in events if isinstance(event, CandidateEnded)]
    assert [candidate.configuration for candidate in ended[1:3]] == list(asked)
    assert [candidate.row is None for candidate in ended] == [True, True, True, *[False] * 6]
    assert result.tried == 8
    assert result.winner is not None
    assert result.winner.candidate.configuration == asked[1]


@pytest.mark.compiler
def test_what_others_ask_for_is_read_back_from_the_model(tmp_path: Path, target: CpuTarget) -> None:
    notes: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, Note):
            notes.append(event.text)

    path = tmp_path / "others.mlir"
    path.write_text(OTHERS)
    model = Model.open(write(tmp_path, samples.matmul(96, 128, 64) + samples.elementwise(4096)), target.compile_flags)
    dispatches = extract(model, target, tmp_path).dispatches
    starters = starters_of(read_starters([path]), model, target, dispatches, tmp_path, listen)
    ((key, (configuration,)),) = starters.items()
    assert key.startswith("contraction")
    assert configuration.pipeline == "DoubleTilingExpert"
    assert TILES in configuration.attributes["compilation_info"]
    assert notes == [f"{path} has a configuration to start from for 1 of 2 problems"]


@pytest.mark.runs
def test_a_run_starts_from_a_spec_and_its_own_spec_is_one_to_start_from(tmp_path: Path, target: CpuTarget) -> None:
    (tmp_path / "others.mlir").write_text(OTHERS)
    source = write(tmp_path, samples.matmul(101, 103, 211))
    words = ("run", source, "--keep-flags", "--trials", "1", "--start-from", "others.mlir", "-o", "spec.mlir")
    done = iree_tune(*words, "--run-dir", "run", "--", samples.NO_PEELING, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (tuned,) = json.loads((tmp_path / "run" / "result.json").read_text())["dispatches"]
    assert tuned["evaluations"] == 2
    spec = tmp_path / "spec.mlir"
    assert TILES in spec.read_text(), done.stdout
    model = Model.open(source, (*target.compile_flags, samples.NO_PEELING))
    dispatches = extract(model, target, tmp_path).dispatches
    starters = starters_of(read_starters([spec]), model, target, dispatches, tmp_path, nobody)
    ((configuration,),) = starters.values()
    assert TILES in configuration.attributes["compilation_info"]
    done = iree_tune("report", "run", "-o", "report.html", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.compiler
def test_a_spec_of_others_is_read_and_what_is_no_spec_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "foreign.mlir"
    path.write_text(FOREIGN)
    assert read_starters([path])[0].foreign
    with pytest.raises(InputError, match=r"nothing\.mlir cannot be read"):
        read_starters([tmp_path / "nothing.mlir"])
