# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""If the compiler's default is wrong, the host CPU says so, and right choices are not refused for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

import samples
import tuner
from tuner.check.whole_model import WholeModel
from tuner.evaluate.budget import Budget
from tuner.events import Event, Note
from tuner.measuring import FunctionProgram
from tuner.model.model import Model
from tuner.targets.cpu import CpuTarget
from tuner.tuning.arbitration import Judgement, judge
from tuner.tuning.comparison import compare_models
from tuner.tuning.flag_plan import known_flags
from tuner.tuning.flag_trials import FlagTrials
from tuner.tuning.stages import Known, search_flags
from tuner.tuning.workbench import Workbench

pytestmark = pytest.mark.runs

RIGHT = samples.matmul(64, 48, 32)
# The same function with another result.
WRONG = RIGHT.replace("0.0", "1.0")


@dataclass(frozen=True, slots=True)
class Elsewhere(CpuTarget):
    """The host CPU under the name of a target whose code runs on another device."""

    @property
    def name(self) -> str:
        return "cuda"


def spoil(bench: Workbench, known: Known) -> Known:
    """Puts another model's code in the place of the plain model's."""
    source = bench.folder.path / "wrong.mlir"
    source.write_text(WRONG)
    Model.open(source, known.plain.model.flags).compile_or_reject(known.plain.program.binary)
    return known


def test_the_host_cpu_decides(tmp_path: Path) -> None:
    path = tmp_path / "model.mlir"
    path.write_text(RIGHT)
    asked: list[Judgement] = []

    def ask(bench: Workbench, known: Known) -> Known:
        folder, right = bench.folder.path, bench.folder.path / "right.vmfb"
        right.write_bytes(known.plain.program.binary.read_bytes())
        asked.append(judge(known.plain, known.plain.program_of(right), bench.runner, folder, 60.0))
        spoil(bench, known)
        asked.append(judge(known.plain, known.plain.program_of(right), bench.runner, folder, 60.0))
        asked.append(judge(known.plain, known.plain.program, bench.runner, folder, 60.0))
        asked.append(judge(known.plain, known.plain.program_of(right), bench.runner, folder, 1e-3))
        return known

    tuner.tune(path, keep_flags=True, stages=(ask,), run_dir=tmp_path / "run")
    assert asked[0].fault == asked[2].fault == asked[3].fault == ""
    assert "elements differ by more than" in asked[1].fault
    assert asked[0].reason == "the host CPU agrees with the plain model"
    assert asked[1].reason == ""
    assert "the host CPU agrees with none of them: output 0: " in asked[2].reason
    assert "the model does not compile for the host CPU: " in asked[3].reason
    assert [judgement.is_certain for judgement in asked] == [True, True, True, False]


def test_a_wrong_default_is_told_and_replaced_by_a_right_choice(tmp_path: Path) -> None:
    path = tmp_path / "model.mlir"
    path.write_text(RIGHT)
    heard: list[Event] = []
    after: list[Known] = []

    def search(bench: Workbench, known: Known) -> Known:
        pins = dict.fromkeys(("convolution-layout", "convolution-algorithm", "product-code"), "default")
        options = replace(bench.options, pins=pins)
        known = search_flags(replace(bench, target=Elsewhere(), options=options), known)
        after.append(known)
        chosen = FunctionProgram(known.flags.binary or Path(), known.plain.program.function)
        rng = np.random.default_rng(0)
        compared = compare_models(known.plain, known.plain.program, chosen.binary, bench.runner, rng)
        assert compared.verification.passed
        return known

    tuner.tune(path, budget_s=60.0, stages=(spoil, search), run_dir=tmp_path / "run", listen=heard.append)
    ((known),) = after
    assert known.plain.right is not None
    assert known.flags.flags, "a choice that is right is taken even if it is no faster"
    told = [event.text for event in heard if isinstance(event, Note)]
    assert sum("The compiler's default is wrong for this model" in text for text in told) == 1


def test_the_host_cpu_has_time_even_if_flags_have_none_left(tmp_path: Path) -> None:
    path = tmp_path / "model.mlir"
    path.write_text(RIGHT)
    rights: list[FunctionProgram | None] = []

    def ask(bench: Workbench, known: Known) -> Known:
        spoil(bench, known)
        flags = known_flags("cpu")
        assert flags is not None
        trials = FlagTrials(replace(bench, target=Elsewhere()), known.plain, flags, Budget(1e-3))
        best_s = trials.time_plain({})
        (end,) = trials.of([{"opt-level": "O2"}], best_s)
        assert end.time_s is not None, end.detail
        rights.append(trials.right)
        return known

    tuner.tune(path, keep_flags=True, stages=(ask,), run_dir=tmp_path / "run")
    assert rights[0] is not None


def test_a_check_judges_by_the_right_outputs(tmp_path: Path) -> None:
    path = tmp_path / "model.mlir"
    path.write_text(RIGHT)
    details: dict[str, str] = {}

    def judge(bench: Workbench, known: Known) -> Known:
        spoil(bench, known)
        model = known.plain.model.with_flags("--iree-opt-level=O2")
        for target in (Elsewhere(), CpuTarget()):
            now = known.circumstances(bench)
            whole = WholeModel(known.plain, model, target, bench.folder.path, bench.runner, now, seed=0)
            details[target.name] = whole.compare(()).detail
        return known

    tuner.tune(path, keep_flags=True, stages=(judge,), run_dir=tmp_path / "run")
    assert "within tolerance of the host CPU's; the plain model is wrong (output 0: " in details["cuda"]
    assert details["cpu"].startswith("the model computes something else with it")
