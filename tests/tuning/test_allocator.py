# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The allocator that a run measures the whole model with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import samples
import tuner
from tuner.options import AllocatorOption
from tuner.specs.allocator import AllocatorChoice
from tuner.speedup import Ratio, is_faster
from tuner.testing.machines import ReplayMachines, workbench
from tuner.testing.model import replayed_plain_model
from tuner.testing.recording import MadeUp
from tuner.tuning.allocator import compare_allocators, pays_with_flags
from tuner.tuning.result import TuneResult
from tuner.tuning.stages import choose_allocator

# A transpose and a sum with 32 MiB between them. The barrier keeps the compiler from making one dispatch of both.
TRANSIENT = """
func.func @twice(%x: tensor<2048x4096xf32>) -> tensor<4096xf32> {
  %zero = arith.constant 0.0 : f32
  %big = tensor.empty() : tensor<4096x2048xf32>
  %turned = linalg.transpose ins(%x : tensor<2048x4096xf32>) outs(%big : tensor<4096x2048xf32>) permutation = [1, 0]
  %kept = util.optimization_barrier %turned : tensor<4096x2048xf32>
  %row = tensor.empty() : tensor<4096xf32>
  %init = linalg.fill ins(%zero : f32) outs(%row : tensor<4096xf32>) -> tensor<4096xf32>
  %sum = linalg.reduce ins(%kept : tensor<4096x2048xf32>) outs(%init : tensor<4096xf32>) dimensions = [1]
    (%a: f32, %b: f32) { %c = arith.addf %a, %b : f32  linalg.yield %c : f32 }
  return %sum : tensor<4096xf32>
}
"""


def chosen(folder: Path, allocator: AllocatorOption) -> TuneResult:
    """The result of a run that chooses the allocator and does nothing else."""
    model = folder / "model.mlir"
    model.write_text(TRANSIENT)
    return tuner.tune(model, allocator=allocator, stages=(choose_allocator,), run_dir=folder / "run")


@pytest.mark.measures
def test_the_caching_allocator_is_taken_if_the_untuned_model_is_faster_with_it(tmp_path: Path) -> None:
    result = chosen(tmp_path, "auto")
    ratio = result.allocator.ratio
    assert ratio is not None
    assert (result.allocator.allocator == "caching") == is_faster(ratio, 0.0)
    assert ratio.high > 1.0, "32 MiB are asked for and given back in each run"
    assert result.circumstances.allocator == result.allocator.allocator
    written = json.loads((tmp_path / "run" / "result.json").read_text())["allocator"]
    assert written["ratio"]["value"] == ratio.value


@pytest.mark.runs
@pytest.mark.parametrize("allocator", ["default", "caching"])
def test_an_allocator_that_is_given_is_not_compared(tmp_path: Path, allocator: AllocatorOption) -> None:
    result = chosen(tmp_path, allocator)
    assert result.allocator == AllocatorChoice(result.circumstances.allocator, None)
    assert result.circumstances.allocator == allocator


def test_a_tie_goes_to_the_default(tmp_path: Path) -> None:
    recording = MadeUp(1e-3)
    with workbench(tmp_path / "run", ReplayMachines.of(recording)) as bench:
        choice = compare_allocators(bench, replayed_plain_model(bench, recording), ())
    assert choice.allocator == "default"
    assert choice.ratio is not None


def test_a_short_budget_is_not_spent_on_it(tmp_path: Path) -> None:
    recording = MadeUp(1.0)
    with workbench(tmp_path / "run", ReplayMachines.of(recording), budget_s=30.0) as bench:
        choice = compare_allocators(bench, replayed_plain_model(bench, recording), ())
    assert choice == AllocatorChoice()


def test_the_advice_says_how_to_run_the_model_and_what_the_allocator_alone_gives() -> None:
    assert AllocatorChoice().advice == ""
    assert AllocatorChoice("caching").advice == (
        "Measured with the caching allocator: run with --device_allocator=caching."
    )
    advice = AllocatorChoice("caching", Ratio(1.2, 1.1, 1.3)).advice
    assert "The untuned model is 1.20x [1.10, 1.30] as fast by that alone" in advice

    advice = AllocatorChoice("caching", Ratio(0.98, 0.96, 1.01), Ratio(1.33, 1.3, 1.4)).advice
    assert "0.98x [0.96, 1.01] as fast by that alone, with the flags that promise most 1.33x [1.30, 1.40]" in advice
    assert AllocatorChoice("caching", None, Ratio(1.33, 1.3, 1.4)).advice.endswith(
        "The model with the flags that promise most is 1.33x [1.30, 1.40] as fast by that alone."
    )


def test_flags_that_need_buffers_decide_if_the_untuned_model_loses_less() -> None:
    lost, gained = Ratio(0.91, 0.88, 0.95), Ratio(1.33, 1.24, 1.38)
    assert pays_with_flags(lost, gained)
    assert not pays_with_flags(lost, None)
    assert pays_with_flags(None, gained)
    assert not pays_with_flags(None, Ratio(1.12, 1.1, 1.15)), "an untuned model that was not compared may lose as much"
    assert not pays_with_flags(lost, Ratio(1.05, 1.02, 1.08)), "the untuned model may lose more than that"
    assert not pays_with_flags(Ratio(1.0, 1.0, 1.0), Ratio(1.01, 0.99, 1.03)), "that may be noise"


@pytest.mark.measures
def test_a_product_is_tiled_into_buffers_that_the_caching_allocator_keeps(tmp_path: Path) -> None:
    model = tmp_path / "model.mlir"
    model.write_text(samples.matmul(64, 4096, 2048))
    result = tuner.tune(model, stages=(choose_allocator,), run_dir=tmp_path / "run", budget_s=300.0)
    assert result.allocator.ratio is not None
    assert is_faster(result.allocator.ratio, 0.0) or result.allocator.flagged is not None
    assert result.allocator.allocator == "caching", result.allocator
