# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The search of choices for single ops, on machines that replay: no compiler runs and nothing is measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tuner.dispatch import Loop
from tuner.errors import DeviceLostError
from tuner.events import Event, OpChoiceTried
from tuner.model.model import PREPROCESSING_FLAG
from tuner.op_choices import InputOp
from tuner.testing.machines import ReplayMachines, workbench
from tuner.testing.model import replayed_plain_model
from tuner.testing.replay import Behaviour, Course
from tuner.tuning.flag_plan import pins_of
from tuner.tuning.op_search import ChosenOps, choose_ops

PLAIN_S = 10e-3
STACK = "--iree-llvmcpu-stack-allocation-limit"


def product(m: int, n: int, k: int) -> InputOp:
    """A product that data tiling suits, and nothing else."""
    types = tuple(f"tensor<{rows}x{columns}xf32>" for rows, columns in ((m, k), (k, n), (m, n)))
    return InputOp("linalg.matmul", types, (Loop(m, "m"), Loop(n, "n"), Loop(k, "k")))


LARGE, MIDDLE, SMALL = product(500, 500, 500), product(300, 300, 300), product(200, 200, 200)
OPS = (LARGE, MIDDLE, SMALL)


@dataclass(frozen=True)
class Ops:
    """A model whose time each op that is chosen for multiplies by a factor. `ends` are courses of ops."""

    factors: Mapping[InputOp, float]
    ends: Mapping[InputOp, Course] = field(default_factory=dict)
    needs_stack: bool = False

    def behaviour(self, dispatch: str, choice: Any) -> Behaviour | None:
        assert dispatch == "model"
        chosen = chosen_in([] if choice == "default" else choice)
        if self.needs_stack and chosen and not any(flag.startswith(STACK) for flag in choice):
            return None
        time_s = PLAIN_S
        for op in chosen:
            time_s *= self.factors.get(op, 1.0)
        return Behaviour(time_s, course=next((self.ends[op] for op in chosen if op in self.ends), Course.RIGHT))


def chosen_in(flags: Sequence[str]) -> list[InputOp]:
    """The ops that a choice was made for, by the preprocessing spec that the flags name."""
    files = [flag.partition("=")[2] for flag in flags if flag.startswith(PREPROCESSING_FLAG)]
    text = "".join(Path(file).read_text() for file in files)
    return [op for op in OPS if op.label in text]


def searched(
    folder: Path, known: Ops, *, lost_after: int | None = None
) -> tuple[ChosenOps | None, list[OpChoiceTried]]:
    tried: list[OpChoiceTried] = []
    machines = ReplayMachines.of(known, noise=0.001)

    def listen(event: Event) -> None:
        if isinstance(event, OpChoiceTried):
            tried.append(event)
            machines.replays[0].is_lost = len(tried) == lost_after

    with workbench(folder / "run", machines, listen=listen, keep_flags=False) as bench:
        plain = replayed_plain_model(bench, known)
        return choose_ops(bench, plain, OPS, bench.budget, 0.0), tried


def test_what_is_faster_for_all_ops_is_kept_for_all(tmp_path: Path) -> None:
    found, tried = searched(tmp_path, Ops(dict.fromkeys(OPS, 0.8)))
    assert found is not None
    assert {choice.op for choice in found.choices} == set(OPS)
    assert set(chosen_in(found.flags)) == set(OPS)
    assert "--iree-opt-data-tiling" in found.flags
    assert found.ratio is not None
    assert pytest.approx(found.ratio.value, rel=0.02) == 1 / 0.8**3
    assert [(event.values, event.detail) for event in tried] == [({"data-tiling": "on"}, "")]


def test_what_is_slower_for_all_is_tried_for_halves(tmp_path: Path) -> None:
    found, tried = searched(tmp_path, Ops({LARGE: 0.5, MIDDLE: 0.8, SMALL: 3.0}))
    assert found is not None
    assert [choice.op for choice in found.choices] == [LARGE, MIDDLE]
    assert [set(event.ops) for event in tried] == [
        {op.label for op in OPS},
        {LARGE.label, MIDDLE.label},
        {SMALL.label},
    ]
    assert [event.detail == "" for event in tried] == [False, True, False]
    best = [event.best for event in tried]
    assert best == sorted(best)


@pytest.mark.parametrize("course", [Course.WRONG, Course.CRASH, Course.NOT_LOADABLE])
def test_an_op_that_fails_keeps_its_default(tmp_path: Path, course: Course) -> None:
    found, tried = searched(tmp_path, Ops({LARGE: 0.5, MIDDLE: 0.8, SMALL: 0.9}, {SMALL: course}))
    assert found is not None
    assert [choice.op for choice in found.choices] == [LARGE, MIDDLE]
    assert [event.time_s is None for event in tried] == [True, False, True]


def test_a_set_of_choices_is_repaired(tmp_path: Path) -> None:
    """Without a larger stack the compiler refuses the choices; the flag goes with them."""
    known, refusal = Ops(dict.fromkeys(OPS, 0.8), needs_stack=True), "exceeded stack allocation limit of 32768 bytes"
    tried: list[OpChoiceTried] = []

    def listen(event: Event) -> None:
        if isinstance(event, OpChoiceTried):
            tried.append(event)

    with workbench(tmp_path / "run", ReplayMachines.of(known), listen=listen, keep_flags=False) as bench:
        plain = replayed_plain_model(bench, known, refusal=f"{refusal} for function. Got 70784 bytes")
        found = choose_ops(bench, plain, OPS, bench.budget, 0.0)
    assert found is not None
    assert [event.detail for event in tried] == [""]
    assert any(flag.startswith(STACK) for flag in found.flags)


def test_what_gains_nothing_is_not_chosen(tmp_path: Path) -> None:
    found, tried = searched(tmp_path, Ops(dict.fromkeys(OPS, 1.1)))
    assert found is None
    assert len(tried) > 1


def test_a_search_that_is_repeated_measures_nothing_again(tmp_path: Path) -> None:
    known = Ops({LARGE: 0.5, MIDDLE: 0.8, SMALL: 3.0})
    machines = ReplayMachines.of(known, noise=0.001)
    tried: list[OpChoiceTried] = []

    def listen(event: Event) -> None:
        if isinstance(event, OpChoiceTried):
            tried.append(event)

    with workbench(tmp_path / "run", machines, listen=listen, keep_flags=False) as bench:
        plain = replayed_plain_model(bench, known)
        first, second = (choose_ops(bench, plain, OPS, bench.budget, 0.0) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.choices == second.choices
    assert [event.stored for event in tried] == [False] * 3 + [True] * 3


def test_flags_are_chosen_given_the_choices_for_ops() -> None:
    """Those that the choices need are pinned, so that what they allow is searched too."""
    named = f"{PREPROCESSING_FLAG}=x.mlir"
    assert pins_of("cpu", ("--iree-opt-data-tiling", named)) == ({"data-tiling": "on"}, (named,))


def test_a_device_that_is_lost_ends_the_search(tmp_path: Path) -> None:
    with pytest.raises(DeviceLostError, match="the device replay is lost"):
        searched(tmp_path, Ops({LARGE: 0.5, MIDDLE: 0.8, SMALL: 3.0}), lost_after=1)
