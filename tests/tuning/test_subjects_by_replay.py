# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Of which models a store's choices of flags and for ops count: on machines that replay, nothing is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from pins import all_but
from tuner.dispatch import Loop
from tuner.events import Event, FlagsTried, OpChoiceTried
from tuner.model.model import PREPROCESSING_FLAG, PREPROCESSING_MARK, preprocessing_flag
from tuner.op_choices import InputOp
from tuner.testing.machines import ReplayMachines, workbench
from tuner.testing.model import replayed_plain_model
from tuner.testing.replay import Behaviour
from tuner.tuning.flag_search import choose_flags
from tuner.tuning.op_search import choose_ops
from tuner.tuning.whole_model import PlainModel
from tuner.tuning.workbench import Workbench

# Square products, which data tiling suits.
OPS = tuple(
    InputOp("linalg.matmul", (f"tensor<{size}x{size}xf32>",) * 3, tuple(Loop(size, role) for role in "mnk"))
    for size in (500, 300)
)
O3 = "--iree-opt-level=O3"
Change = Callable[[PlainModel], PlainModel]


@dataclass(frozen=True)
class Faster:
    """A model of 10 ms that a level of optimization or a choice for ops makes faster."""

    def behaviour(self, dispatch: str, choice: Any) -> Behaviour:
        del dispatch
        flags = [] if choice == "default" else choice
        chosen = sum(flag.startswith(PREPROCESSING_FLAG) for flag in flags)
        return Behaviour(10e-3 * 0.8 ** (chosen + flags.count(O3)))


def as_it_is(plain: PlainModel) -> PlainModel:
    return plain


def of_other_bytes(plain: PlainModel) -> PlainModel:
    plain.model.path.write_text("another model")
    return plain


def with_a_flag(plain: PlainModel) -> PlainModel:
    return replace(plain, model=plain.model.with_flags("--another"))


def with_the_caching_allocator(plain: PlainModel) -> PlainModel:
    return plain.with_allocator("caching")


def with_ops_of(text: str) -> Change:
    """The model with a preprocessing spec of ours, which lies in the run's folder."""

    def change(plain: PlainModel) -> PlainModel:
        spec = plain.program.binary.with_name("chosen.preprocessing.mlir")
        spec.write_text(f"{PREPROCESSING_MARK} {text}")
        return replace(plain, model=plain.model.with_flags(preprocessing_flag(spec)))

    return change


def flags_tried(bench: Workbench, plain: PlainModel) -> None:
    choose_flags(bench, plain, (), bench.budget, 0.0)


def ops_tried(bench: Workbench, plain: PlainModel) -> None:
    choose_ops(bench, plain, OPS, bench.budget, 0.0)


def from_store(
    folder: Path, change: Change, search: Callable[[Workbench, PlainModel], None], *known: Path
) -> set[bool]:
    """Whether what a run tried was taken from stores that it knows. Its own is `folder / "store.sqlite"`."""
    found: set[bool] = set()

    def listen(event: Event) -> None:
        if isinstance(event, FlagsTried | OpChoiceTried):
            found.add(event.stored)

    pins = all_but("opt-level") if search is flags_tried else {}
    machines = ReplayMachines.of(Faster(), noise=0.001)
    with workbench(folder, machines, listen=listen, keep_flags=False, pins=pins, read_only=known) as bench:
        search(bench, change(replayed_plain_model(bench, Faster())))
    return found


@pytest.mark.parametrize("search", [flags_tried, ops_tried])
@pytest.mark.parametrize(
    ("theirs", "mine", "is_known"),
    [
        pytest.param(as_it_is, as_it_is, True, id="same model"),
        pytest.param(as_it_is, of_other_bytes, False, id="another model"),
        pytest.param(as_it_is, with_a_flag, False, id="another flag"),
        pytest.param(as_it_is, with_the_caching_allocator, False, id="another allocator"),
        pytest.param(with_ops_of("{}"), with_ops_of("{}"), True, id="same ops chosen, file elsewhere"),
        pytest.param(with_ops_of("{}"), with_ops_of("{ }"), False, id="other ops chosen"),
        pytest.param(as_it_is, with_ops_of("{}"), False, id="ops chosen"),
    ],
)
def test_what_another_run_tried_counts_for_the_same_model_alone(
    tmp_path: Path, search: Callable[[Workbench, PlainModel], None], theirs: Change, mine: Change, is_known: bool
) -> None:
    assert from_store(tmp_path / "theirs" / "run", theirs, search) == {False}
    store = tmp_path / "theirs" / "run" / "store.sqlite"
    assert from_store(tmp_path / "mine" / "run", mine, search, store) == {is_known}
