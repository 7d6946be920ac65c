# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The whole model decides: entries that do not pay there are dropped, the others stay."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import samples
import tuner
from tuner.compile.pool import CompileJob
from tuner.dispatch import Configuration
from tuner.evaluate.budget import Budget
from tuner.events import Event, Note
from tuner.outcome import Candidate
from tuner.tuning.result import TuneResult
from tuner.tuning.stages import Known, Stage, prove_model, tune
from tuner.tuning.workbench import Workbench

pytestmark = pytest.mark.compiler

# A large product, and a small one of prime sizes whose default is poor.
TWO = """
func.func @two(%a: tensor<384x384xf32>, %b: tensor<384x384xf32>, %c: tensor<101x211xf32>, %d: tensor<211x103xf32>)
    -> (tensor<384x384xf32>, tensor<101x103xf32>) {
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<384x384xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<384x384xf32>) -> tensor<384x384xf32>
  %g = linalg.matmul ins(%a, %b : tensor<384x384xf32>, tensor<384x384xf32>)
    outs(%f : tensor<384x384xf32>) -> tensor<384x384xf32>
  %h = tensor.empty() : tensor<101x103xf32>
  %i = linalg.fill ins(%z : f32) outs(%h : tensor<101x103xf32>) -> tensor<101x103xf32>
  %j = linalg.matmul ins(%c, %d : tensor<101x211xf32>, tensor<211x103xf32>)
    outs(%i : tensor<101x103xf32>) -> tensor<101x103xf32>
  return %g, %j : tensor<384x384xf32>, tensor<101x103xf32>
}
"""


# Four elements at a time: on no processor is it fast.
SLOW = Configuration(
    "DoubleTilingExpert",
    {"distribution": (4, 4, 0), "vector_common_parallel": (1, 4, 0), "vector_reduction": (0, 0, 1)},
)


def crown_a_slow_one(bench: Workbench, known: Known) -> Known:
    """As if noise had made a slow candidate of the large product its winner."""
    spoiled = []
    for result in known.results:
        if "384" in result.dispatch.name:
            assert result.final is not None
            assert result.dispatch.program is not None
            binary, log = bench.folder.path / "slow.vmfb", bench.folder.path / "slow.log"
            candidate = Candidate(result.final.evaluation.candidate.number, configuration=SLOW)
            job = CompileJob(result.dispatch.program, result.dispatch.name, candidate, bench.target, binary, log)
            (compilation,) = bench.compilers.compile([job])
            slow = replace(result.final.evaluation, compilation=compilation)
            result = replace(result, final=replace(result.final, evaluation=slow, accepted=True))
        spoiled.append(result)
    return replace(known, results=tuple(spoiled))


def tuned(folder: Path, prove: Stage, heard: list[Event]) -> TuneResult:
    """Two products, one of whose winners is slow, proved by a stage."""
    model = folder / "model.mlir"
    model.write_text(TWO)
    return tuner.tune(
        model,
        trials=8,
        keep_flags=True,
        flags=(samples.NO_PEELING,),
        stages=(tune, crown_a_slow_one, prove),
        run_dir=folder / "run",
        listen=heard.append,
    )


def test_an_entry_that_does_not_pay_is_dropped_and_the_others_stay(tmp_path: Path) -> None:
    heard: list[Event] = []
    result = tuned(tmp_path, prove_model, heard)
    large, small = sorted(result.dispatches, key=lambda each: "384" not in each.dispatch.name)
    assert large.winner is None
    assert "the whole model is slower with it" in large.verdict
    assert small.winner is not None
    assert result.model is not None
    assert result.model.ratio.high >= 1.0
    assert result.spec.count("transform.iree.match.contraction") == 1
    assert any(isinstance(event, Note) and "Half of the 2 entries" in event.text for event in heard)


def prove_when_the_time_is_over(bench: Workbench, known: Known) -> Known:
    return prove_model(replace(bench, budget=Budget(1e-3)), known)


def test_without_time_to_find_out_which_entry_does_not_pay_none_is_kept_unproved(tmp_path: Path) -> None:
    heard: list[Event] = []
    result = tuned(tmp_path, prove_when_the_time_is_over, heard)
    assert [each.winner for each in result.dispatches] == [None, None]
    assert {each.verdict for each in result.dispatches} == {
        "the default stays: the budget ended before its entry could be shown to pay"
    }
    assert "match" not in result.spec
    said = [event.text for event in heard if isinstance(event, Note)]
    dropped = [
        text for text in said if text.endswith(": dropped, the budget ended before its entry could be shown to pay")
    ]
    assert len(dropped) == 2
