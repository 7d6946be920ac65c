# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Configurations that stand in for defaults which the compiler refuses: searched, written, and found by a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import samples
import tuner
from dumped import benchmark_of_product, configured_products
from tuner.check.check import check_specs
from tuner.check.options import CheckOptions
from tuner.dispatch import Annotations, Dispatch
from tuner.errors import InputError, ToolError
from tuner.events import Event, FlagsTried, Note, nobody
from tuner.outcome import Fate
from tuner.runs.folder import RunFolder
from tuner.specs.certificate import circumstances
from tuner.specs.merge import merge_specs
from tuner.specs.read import read_spec
from tuner.specs.stand_in import StandIn, late_spec_of
from tuner.specs.write import late_path
from tuner.targets import Limits
from tuner.testing.machines import ReplayMachines, replayed_dispatch, workbench
from tuner.testing.model import MODEL as MODEL_NAME
from tuner.testing.model import replayed_plain_model
from tuner.testing.problems import problem
from tuner.testing.recording import MadeUp
from tuner.testing.replay import Behaviour
from tuner.tuning.dispatch_search import solve
from tuner.tuning.dispatches import search_field, start_field
from tuner.tuning.plan import plan
from tuner.tuning.result import DispatchResult, TuneResult
from tuner.tuning.run_specs import RunSpecs
from tuner.tuning.stand_ins import find_stand_ins
from tuner.tuning.workbench import Workbench

LIMITS = Limits(vector_bytes=64, threads=1)
PRODUCT = replayed_dispatch(problem("contraction", [("m", 64), ("n", 128), ("k", 64)], (0, 2), (2, 1), (0, 1)), "mine")
REASON = "error: One or more operations with large vector sizes"


@dataclass(frozen=True)
class Refused:
    """The default does not compile; one candidate takes 4 ms, the others about `part` of it or more."""

    choice: Any
    part: float

    def behaviour(self, dispatch: str, choice: Any) -> Behaviour | None:
        if choice in ("default", self.choice):
            return None if choice == "default" else Behaviour(4e-3)
        return Behaviour(4e-3 * self.part * (0.75 + MadeUp(1.0).behaviour(dispatch, choice).time_s))


def stand_in_of(bench: Workbench, dispatch: Dispatch) -> StandIn:
    """The first row of a dispatch's pool."""
    (task,) = plan([dispatch], bench.target, bench.options).tasks
    candidate = task.candidate(1, 0, solve(task, LIMITS, bench.options).point(0))
    return StandIn(task.problem, dispatch.name, candidate, Annotations({"compilation_info": '"ours"'}), REASON)


def searched(folder: Path, part: float) -> tuple[DispatchResult, StandIn]:
    with workbench(folder / "probe", ReplayMachines.of(MadeUp())) as bench:
        stand_in = stand_in_of(bench, PRODUCT)
    machines = ReplayMachines.of(Refused(stand_in.candidate.choice, part), noise=0.001)
    with workbench(folder / "run", machines, trials=12) as bench:
        field = start_field(bench, [PRODUCT], LIMITS, bench.budget, stand_ins=[stand_in])
        (result,) = search_field(field, bench.budget)
    return result, stand_in


@dataclass(frozen=True)
class Found:
    """A dispatch whose default does not compile. Every second of its candidates does, unless `none` do."""

    is_refused: bool = True
    none: bool = False
    asked: list[Any] = field(default_factory=list)

    def behaviour(self, dispatch: str, choice: Any) -> Behaviour | None:
        if dispatch == MODEL_NAME:
            return Behaviour() if choice == "default" else None
        if choice == "default":
            return None if self.is_refused else Behaviour()
        if choice not in self.asked:
            self.asked.append(choice)
        return None if self.none or self.asked.index(choice) % 2 else MadeUp().behaviour(dispatch, choice)


def found(folder: Path, recording: Found) -> tuple[StandIn, ...]:
    sizes = {"mine": (64, 128, 64)}
    with workbench(folder / "run", ReplayMachines.of(recording)) as bench:
        phases = {"executable-configurations": configured_products(sizes)}
        benchmarks = {name: benchmark_of_product(name, size) for name, size in sizes.items()}
        plain = replayed_plain_model(bench, recording, phases=phases, benchmarks=benchmarks)
        return find_stand_ins(bench, plain.model.with_flags("--refused"), bench.folder.path / "refused")


def test_the_fastest_of_a_few_configurations_stands_in(tmp_path: Path) -> None:
    recording = Found()
    (stand_in,) = found(tmp_path, recording)
    assert (stand_in.dispatch, stand_in.candidate.number) == ("mine", 1)
    assert len(recording.asked) == 8
    assert stand_in.candidate.choice == min(
        recording.asked[::2], key=lambda choice: MadeUp().behaviour("mine", choice).time_s
    )
    assert stand_in.reason == "the recording does not know it"
    assert "stands in for a default that does not compile" in late_spec_of([stand_in])


@pytest.mark.parametrize(
    ("recording", "says"),
    [
        (Found(none=True), "none of 8 configurations can stand in for the default of mine"),
        (Found(is_refused=False), "and the default of none of its dispatches alone"),
    ],
)
def test_a_model_without_stand_ins_is_one_sentence(tmp_path: Path, recording: Found, says: str) -> None:
    with pytest.raises(ToolError, match=says):
        found(tmp_path, recording)


def specs_of(folder: RunFolder, results: Sequence[DispatchResult], stand_in: StandIn) -> tuple[str, str]:
    now = circumstances("cpu", "a processor", (), "replay", 1, ("--replay", "--chosen"))
    with workbench(folder.path.parent / "bench", ReplayMachines.of(MadeUp())) as bench:
        model = replayed_plain_model(bench, MadeUp()).model
        specs = RunSpecs(model, ("--chosen",), bench.target, now, folder, [stand_in])
        assert specs.has_stand_ins
        return specs.write(results)


def test_candidates_are_compared_with_what_stands_in_for_the_default(tmp_path: Path) -> None:
    result, stand_in = searched(tmp_path, part=0.3)
    default, first, *others = result.evaluations
    assert (default.candidate.number, default.candidate.choice, default.fate) == (0, "default", Fate.COMPILE_FAILED)
    assert default.detail == REASON
    assert (first.candidate, first.fate, first.speedup) == (stand_in.candidate, Fate.MEASURED, 1.0)
    assert first.detail == f"it stands in for the default, which does not compile: {REASON}"
    # It counts as one of the trials, and is not asked for again.
    assert [other.candidate.number for other in others] == list(range(2, 13))
    assert all(other.candidate.choice != stand_in.candidate.choice for other in others)
    assert result.stand_in == first
    assert result.winner is not None
    assert result.final is not None
    assert result.final.ratio.value > 2
    assert result.verdict == "tuned; candidate 1 stands in for the default, which does not compile"


def test_what_stands_in_stays_if_nothing_is_faster(tmp_path: Path) -> None:
    result, _ = searched(tmp_path, part=2.0)
    assert result.winner is None
    assert result.stand_in is not None
    assert result.verdict.startswith("the default is best")
    assert result.verdict.endswith("; candidate 1 stands in for the default, which does not compile")
    # It did not face itself.
    assert result.final is None or result.final.evaluation.candidate.number > 1


@pytest.mark.parametrize(("part", "has_winner"), [(0.3, True), (2.0, False)])
def test_a_late_entry_stands_in_unless_the_problem_has_a_winner(tmp_path: Path, part: float, has_winner: bool) -> None:
    result, stand_in = searched(tmp_path, part)
    with RunFolder.create(tmp_path / "specs", tmp_path / "model.mlir") as folder:
        early, late = specs_of(folder, [result], stand_in)
        assert ("transform.iree.match.contraction" in early) == has_winner
        assert (REASON in late) == (not has_winner)
        if not has_winner:
            spec = read_spec(late_path(folder.spec))
            assert (len(spec.stand_ins), spec.foreign, spec.entries) == (1, (), ())
            assert spec.is_needed
            with pytest.raises(InputError, match=r"entries without a certificate \(entry_0\), which would be lost"):
                merge_specs([folder.spec, late_path(folder.spec)], tmp_path / "merged.mlir")


# A convolution whose default is refused with padding fused into it, and a product whose default is many times too slow.
MODEL = """
func.func @both(%x: tensor<1x8x12x96xf32>, %w: tensor<8x3x3xf32>, %a: tensor<101x103xf32>, %b: tensor<103x211xf32>)
    -> (tensor<1x8x12x96xf32>, tensor<101x211xf32>) {
  %y = func.call @depthwise(%x, %w) : (tensor<1x8x12x96xf32>, tensor<8x3x3xf32>) -> tensor<1x8x12x96xf32>
  %c = func.call @product(%a, %b) : (tensor<101x103xf32>, tensor<103x211xf32>) -> tensor<101x211xf32>
  return %y, %c : tensor<1x8x12x96xf32>, tensor<101x211xf32>
}
"""


@pytest.fixture(name="ran", scope="module")
def run_with_refused_default(tmp_path_factory: pytest.TempPathFactory) -> tuple[TuneResult, Path, list[Event]]:
    folder = tmp_path_factory.mktemp("stand-ins")
    parts = samples.padded_depthwise() + samples.matmul(101, 211, 103, "product")
    (folder / "model.mlir").write_text(MODEL + parts.replace("func.func @", "func.func private @"))
    heard: list[Event] = []
    result = tuner.tune(
        folder / "model.mlir",
        keep_flags=True,
        flags=(samples.NO_PEELING,),
        pins={"fuse-padding": "consumer"},
        trials=2,
        run_dir=folder / "run",
        output=folder / "spec.mlir",
        listen=heard.append,
    )
    return result, folder, heard


@pytest.mark.runs
def test_a_run_delivers_what_its_flags_need(ran: tuple[TuneResult, Path, list[Event]]) -> None:
    result, folder, heard = ran
    (refused,) = [dispatch for dispatch in result.dispatches if dispatch.stand_in is not None]
    assert "conv" in refused.dispatch.name
    notes = [event.text for event in heard if isinstance(event, Note)]
    words = f"repaired by a late entry for each default that does not compile: {refused.dispatch.name}"
    assert f"The chosen flags are {words}" in notes
    assert not any(isinstance(event, FlagsTried) for event in heard)
    assert result.model is not None
    assert result.model.verification.passed
    assert len(result.flags) == 1
    assert result.compile_command[:2] == ("iree-tune", "compile")
    assert result.command_shown.startswith("it makes ")
    assert read_spec(late_path(folder / "spec.mlir")).is_needed
    assert not (folder / "run" / "flags" / "refused").exists()


@pytest.mark.slow
@pytest.mark.runs
def test_a_check_judges_such_flags_with_their_entries(ran: tuple[TuneResult, Path, list[Event]]) -> None:
    _, folder, _ = ran
    specs = (folder / "spec.mlir", late_path(folder / "spec.mlir"))
    report = check_specs(
        folder / "model.mlir", specs, CheckOptions(flags=(samples.NO_PEELING,), run_dir=folder / "check"), nobody
    )
    assert report.flags_verdict is None
    assert report.model is not None
    assert not report.model.verdict.is_failure
    assert not any(entry.verdict.is_failure for entry in report.entries)
