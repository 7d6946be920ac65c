# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The search of the whole model's flags, on machines that replay: no compiler runs and nothing is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from pins import all_but
from tuner.errors import DeviceLostError, InputError
from tuner.events import Event, FlagsTried, PhaseStarted
from tuner.model_flags.gpu import KNOBS
from tuner.options import Options
from tuner.testing.machines import ReplayMachines, workbench
from tuner.testing.model import replayed_plain_model
from tuner.testing.replay import Behaviour, Course
from tuner.tuning.flag_plan import check_pins, plan_flags
from tuner.tuning.flag_search import FlagChoice, Promise, choose_flags, promise

O2, O3, TILING = "--iree-opt-level=O2", "--iree-opt-level=O3", "--iree-opt-data-tiling"
EARLY = "--iree-global-opt-data-tiling"
INNER = "--iree-llvmcpu-enable-inner-tiled"
PADDING = "--iree-dispatch-creation-enable-fuse-padding-into-linalg-consumer-ops"
HORIZONTAL = "--iree-dispatch-creation-enable-fuse-horizontal-contractions"
WINOGRAD = (
    "--iree-preprocessing-pass-pipeline=builtin.module(util.func("
    "iree-linalg-ext-convert-conv2d-to-winograd{replace-all-convs=true}))"
)
STACK = "--iree-llvmcpu-stack-allocation-limit=131072"
PLAIN_S = 10e-3
PINS = all_but("opt-level", "data-tiling")


@dataclass(frozen=True)
class Flags:
    """A model whose flags each multiply its time by a factor. `ends` are courses of choices with a flag.

    `broken` flags do not compile, those in `needed` only beside another one.
    """

    factors: Mapping[str, float]
    ends: Mapping[str, Course] = field(default_factory=dict)
    broken: frozenset[str] = frozenset()
    needed: Mapping[str, str] = field(default_factory=dict)

    def behaviour(self, dispatch: str, choice: Any) -> Behaviour | None:
        assert dispatch == "model"
        flags = [] if choice == "default" else choice
        if self.broken & set(flags):
            return None
        if any(other not in flags for flag, other in self.needed.items() if flag in flags):
            return None
        time_s = PLAIN_S
        for flag in flags:
            time_s *= self.factors.get(flag, 1.0)
        return Behaviour(time_s, course=next((self.ends[flag] for flag in flags if flag in self.ends), Course.RIGHT))


def refusal(stack_bytes: int) -> str:
    return f"'func.func' op exceeded stack allocation limit of 32768 bytes for function. Got {stack_bytes} bytes"


def chosen(
    folder: Path,
    known: Flags,
    *,
    lost_after: int | None = None,
    stopped_after: int | None = None,
    refusal: str = "the recording does not know it",
    pins: Mapping[str, str] = PINS,
    noise: float = 0.001,
) -> tuple[FlagChoice, list[FlagsTried]]:
    tried: list[FlagsTried] = []
    machines = ReplayMachines.of(known, noise=noise)

    def listen(event: Event) -> None:
        if isinstance(event, FlagsTried):
            tried.append(event)
            machines.replays[0].is_lost = len(tried) == lost_after

    def stop() -> bool:
        return stopped_after is not None and len(tried) >= stopped_after

    with workbench(folder / "run", machines, listen=listen, keep_flags=False, pins=dict(pins), stop=stop) as bench:
        plain = replayed_plain_model(bench, known, refusal=refusal)
        return choose_flags(bench, plain, (), bench.budget, 0.0), tried


def test_the_fastest_flags_are_chosen_and_compared_with_the_untuned_model(tmp_path: Path) -> None:
    choice, tried = chosen(tmp_path, Flags({O2: 0.9, O3: 0.8, TILING: 0.5}))
    assert set(choice.flags) == {O3, TILING}
    assert choice.ratio is not None
    assert pytest.approx(choice.ratio.value, rel=0.02) == 1 / (0.8 * 0.5)
    assert choice.tried == len(tried) > 4
    best = [event.best for event in tried]
    assert best == sorted(best)


@pytest.mark.parametrize("target", ["cuda", "rocm"])
def test_the_flags_of_a_gpu_are_searched_in_the_order_of_its_knobs(target: str, tmp_path: Path) -> None:
    """What choices gave on CPUs says nothing of them."""
    known = Flags({O2: 0.7, PADDING: 0.9, HORIZONTAL: 0.95}, broken=frozenset({WINOGRAD}))
    tried: list[FlagsTried] = []

    def listen(event: Event) -> None:
        if isinstance(event, FlagsTried):
            tried.append(event)

    with workbench(tmp_path / "run", ReplayMachines.of(known), target=target, listen=listen, keep_flags=False) as bench:
        plain = replayed_plain_model(bench, known)
        assert promise(bench, ()) == Promise()
        choice = choose_flags(bench, plain, (), bench.budget, 0.0)
    assert [event.values for event in tried[:2]] == [{"convolution-layout": "channels-last"}, {"opt-level": "O2"}]
    assert choice.values.items() >= {"opt-level": "O2", "fuse-padding": "consumer"}.items()
    assert {O2, PADDING} <= set(choice.flags)
    assert {name for event in tried for name in event.values} <= {knob.name for knob in KNOBS}


def test_pins_of_a_gpu_are_its_own(tmp_path: Path) -> None:
    known, pins = Flags({O2: 0.7}), {"opt-level": "O2"}
    with workbench(tmp_path / "run", ReplayMachines.of(known), target="cuda", pins=pins) as bench:
        choice = choose_flags(bench, replayed_plain_model(bench, known), (), bench.budget, 0.0)
        assert (choice.flags, choice.tried) == ((O2,), 0)
        with pytest.raises(InputError, match="no choice 'data-tiling' of flags; there are: convolution-layout, "):
            check_pins("cuda", Options(pins={"data-tiling": "on"}))


def test_flags_that_gain_nothing_stay_away(tmp_path: Path) -> None:
    choice, tried = chosen(tmp_path, Flags({O2: 1.1, O3: 1.2, TILING: 1.5}))
    assert choice.flags == ()
    assert choice.ratio is None
    assert tried


@pytest.mark.parametrize("course", [Course.WRONG, Course.CRASH, Course.HANG, Course.NOT_LOADABLE])
def test_a_choice_that_fails_goes_and_the_next_best_wins(tmp_path: Path, course: Course) -> None:
    """Data tiling would be twice as fast, and every choice with it fails."""
    choice, tried = chosen(tmp_path, Flags({O2: 0.9, O3: 0.8, TILING: 0.5}, {TILING: course}))
    assert choice.flags == (O3,)
    failed = [event for event in tried if event.values.get("data-tiling") == "on"]
    assert failed
    assert all(event.time_s is None and event.detail for event in failed)


def test_a_choice_that_does_not_compile_goes(tmp_path: Path) -> None:
    choice, tried = chosen(tmp_path, Flags({O3: 0.8, TILING: 0.5}, broken=frozenset({TILING})))
    assert choice.flags == (O3,)
    details = {event.detail for event in tried if event.values.get("data-tiling") == "on"}
    assert details == {"it does not compile: error: the recording does not know it"}


def test_a_choice_that_the_compiler_refuses_is_repaired(tmp_path: Path) -> None:
    """Data tiling halves the time, but one of its dispatches needs more stack than the compiler allows."""
    choice, tried = chosen(tmp_path, Flags({O3: 0.8, TILING: 0.5}, needed={TILING: STACK}), refusal=refusal(70784))
    assert set(choice.flags) == {O3, TILING, STACK}
    repaired = [event for event in tried if event.values.get("data-tiling") == "on"]
    assert repaired
    assert all(event.time_s and f"repaired by {STACK}" in event.detail for event in repaired)
    assert not any(event.detail for event in tried if event.values == {"opt-level": "O3"})


def test_pinned_flags_are_repaired_without_a_search(tmp_path: Path) -> None:
    known = Flags({TILING: 0.5}, needed={TILING: STACK})
    machines = ReplayMachines.of(known)
    with workbench(tmp_path / "run", machines, pins={"data-tiling": "on"}) as bench:
        plain = replayed_plain_model(bench, known, refusal=refusal(70784))
        choice = choose_flags(bench, plain, (), bench.budget, 0.0)
    assert choice.flags == (TILING, STACK)
    assert choice.tried == 0


def test_a_plan_counts_what_is_left_after_choices_for_ops(tmp_path: Path) -> None:
    known, options = Flags({}), Options(budget_s=10.0)
    with workbench(tmp_path / "run", ReplayMachines.of(known)) as bench:
        plain = replayed_plain_model(bench, known)
        first, after = (plan_flags("cpu", options, plain, before_s) for before_s in (0.0, 8.0))
    assert first is not None
    assert after is not None
    assert first.choices == after.choices > first.trials > after.trials > 0


def test_choices_that_take_less_time_than_expected_leave_time_for_more(tmp_path: Path) -> None:
    """The untuned model compiles in 4 s, its choices at once."""
    heard: list[Event] = []
    known = Flags({O2: 0.9, O3: 0.8, TILING: 0.5})
    with workbench(
        tmp_path / "run",
        ReplayMachines.of(known),
        listen=heard.append,
        keep_flags=False,
        budget_s=40.0,
        pins=dict(PINS),
    ) as bench:
        plain = replayed_plain_model(bench, known)
        slow = replace(plain, costs=replace(plain.costs, compile_s=4.0))
        planned = plan_flags("cpu", bench.options, slow)
        assert choose_flags(bench, slow, (), bench.budget, 0.0).flags
    assert planned is not None
    tried = [event for event in heard if isinstance(event, FlagsTried)]
    assert 0 < planned.trials < len(tried)
    phases = [event.text for event in heard if isinstance(event, PhaseStarted)]
    assert any(text.startswith(f"flags of the whole model: {planned.trials} of ") for text in phases)
    assert sum(text.startswith("further flags") for text in phases) == 1


def test_pins_that_leave_no_choice_are_no_matter_of_time(tmp_path: Path) -> None:
    heard: list[Event] = []
    known = Flags({})
    with workbench(
        tmp_path / "run", ReplayMachines.of(known), listen=heard.append, keep_flags=False, pins=all_but()
    ) as bench:
        plain = replayed_plain_model(bench, known)
        assert choose_flags(bench, plain, (), bench.budget, 0.0).flags == ()
    assert heard == []


def test_choices_that_the_model_holds_already_are_not_compiled_again(tmp_path: Path) -> None:
    """What was chosen for single ops may need a flag: the model with it is what flags are compared with."""
    known = Flags({O3: 0.8}, broken=frozenset({TILING}))
    tried: list[FlagsTried] = []

    def listen(event: Event) -> None:
        if isinstance(event, FlagsTried):
            tried.append(event)

    held = {"data-tiling": "on"}
    with workbench(tmp_path / "run", ReplayMachines.of(known), listen=listen, keep_flags=False, pins=held) as bench:
        plain = replayed_plain_model(bench, known)
        choice = choose_flags(bench, plain, (), bench.budget, 0.0, held)
    assert choice.values == held
    assert [event.time_s for event in tried if event.values == held] == [pytest.approx(PLAIN_S, rel=0.02)]
    assert all(event.time_s is None for event in tried if event.values != held)


def test_a_choice_that_no_repair_helps_goes(tmp_path: Path) -> None:
    """The limit is not lifted beyond what a thread's stack holds, and the next repair does not help."""
    choice, tried = chosen(tmp_path, Flags({O3: 0.8, TILING: 0.5}, needed={TILING: STACK}), refusal=refusal(170784))
    assert choice.flags == (O3,)
    details = {event.detail for event in tried if event.values.get("data-tiling") == "on"}
    assert details == {f"it does not compile: error: {refusal(170784)}"}


def test_if_every_choice_fails_the_flags_stay(tmp_path: Path) -> None:
    spoilt = dict.fromkeys((O2, O3, TILING), Course.WRONG)
    choice, _ = chosen(tmp_path, Flags({O3: 0.8, TILING: 0.5}, spoilt))
    assert not {O2, O3, TILING} & set(choice.flags)


def test_a_device_that_is_lost_ends_the_search_of_flags(tmp_path: Path) -> None:
    with pytest.raises(DeviceLostError, match="the device replay is lost"):
        chosen(tmp_path, Flags({O3: 0.8, TILING: 0.5}), lost_after=3)


def test_a_run_that_is_stopped_keeps_the_best_flags_so_far(tmp_path: Path) -> None:
    """They are compared with the untuned model as ever."""
    known = Flags({O2: 0.9, O3: 0.8, TILING: 0.5})
    choice, tried = chosen(tmp_path, known, stopped_after=1)
    _, all_tried = chosen(tmp_path / "whole", known)
    assert 0 < len(tried) < len(all_tried)
    best = min((event.time_s for event in tried if event.time_s is not None), default=PLAIN_S)
    assert choice.ratio is not None
    assert choice.ratio.value == pytest.approx(PLAIN_S / best, rel=0.02)


def test_a_run_that_is_stopped_before_its_flags_tries_none(tmp_path: Path) -> None:
    choice, tried = chosen(tmp_path, Flags({O3: 0.8}), stopped_after=0)
    assert (choice.flags, tried) == ((), [])


def test_a_slower_choice_that_makes_other_ops_is_the_rival(tmp_path: Path) -> None:
    """Data tiling makes other ops of products: their dispatches may have more to gain."""
    choice, _ = chosen(tmp_path, Flags({O2: 0.9, O3: 0.8, TILING: 1.2, EARLY: 1.3}))
    assert choice.values == {"opt-level": "O3"}
    assert choice.run_s == pytest.approx(0.8 * PLAIN_S, rel=0.02)
    assert choice.rival is not None
    assert choice.rival.values == {"data-tiling": "on", "opt-level": "O3"}
    assert choice.rival.run_s == pytest.approx(0.96 * PLAIN_S, rel=0.02)
    assert set(choice.rival.flags) == {O3, TILING}


def test_the_untuned_model_can_be_the_rival(tmp_path: Path) -> None:
    choice, _ = chosen(tmp_path, Flags({O2: 1.1, O3: 1.2, TILING: 0.8}))
    assert choice.values == {"data-tiling": "on"}
    assert choice.rival is not None
    assert choice.rival.flags == ()
    assert choice.rival.run_s == pytest.approx(PLAIN_S, rel=0.02)


def test_other_code_of_the_same_ops_is_no_rival(tmp_path: Path) -> None:
    """Tiles with inner tiles and without have as much to gain, so the race is with the untuned model."""
    pins = all_but("data-tiling", "inner-tiled")
    choice, _ = chosen(tmp_path, Flags({TILING: 0.5, EARLY: 0.6, INNER: 0.7}), pins=pins)
    assert choice.values == {"data-tiling": "on", "inner-tiled": "on"}
    assert choice.rival is not None
    assert choice.rival.flags == ()


def test_a_choice_whose_further_values_change_no_code_is_no_rival(tmp_path: Path) -> None:
    """A layout of convolutions changes nothing here; without noise such choices have one time, as equal binaries do."""
    pins = all_but("data-tiling", "convolution-layout")
    choice, tried = chosen(tmp_path, Flags({TILING: 0.5, EARLY: 0.6}), pins=pins, noise=0.0)
    assert choice.values == {"data-tiling": "on"}
    assert any(event.values.keys() == {"data-tiling", "convolution-layout"} for event in tried)
    assert choice.rival is not None
    assert choice.rival.flags == ()


def test_a_choice_that_takes_sixteen_times_as_long_is_no_rival(tmp_path: Path) -> None:
    choice, _ = chosen(tmp_path, Flags({O2: 0.9, O3: 0.8, TILING: 20.0, EARLY: 20.0}))
    assert choice.rival is None
    choice, _ = chosen(tmp_path / "less", Flags({O2: 0.9, O3: 0.8, TILING: 11.0, EARLY: 11.0}))
    assert choice.rival is not None
