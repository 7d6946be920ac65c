# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What choices of flags gave on other models decides what is tried first; what they give here decides what is next."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import z3

from tuner.constraints import enumerate_space
from tuner.errors import InputError
from tuner.model_flags import FlagKnob, ModelFlags
from tuner.model_flags.expectation import Expectation, items_of
from tuner.model_flags.gains import MeasuredModel, Outcome, likeness, read_gains, written
from tuner.model_flags.order import FlagOrder

# Knobs whose names no shipped file knows: nothing here depends on the names.
FLAGS = ModelFlags(
    knobs=(
        FlagKnob("layout", {"last": ("--last",), "blocked": ("--blocked",)}),
        FlagKnob("tiling", {"early": ("--early",), "late": ("--late",)}),
        FlagKnob("fusion", {"more": ("--more",)}),
        FlagKnob("width", {"half": ("--half",), "double": ("--double",)}),
    ),
    rules={"blocked needs late tiling": lambda knobs: z3.Implies(knobs["layout"] == 2, knobs["tiling"] == 2)},
)
CONVOLUTIONS = {"convolution": 0.8, "elementwise": 0.2}
PRODUCTS = {"large product": 0.9, "reduction": 0.1}
SINGLES = [{knob.name: value} for knob in FLAGS.knobs for value in knob.choices if value != "blocked"]

Values = Mapping[str, str]


def factors(values: Values, gains: Mapping[str, float]) -> float:
    """A speed-up that is the product of what each value gives."""
    speedup = 1.0
    for name, value in values.items():
        speedup *= gains.get(f"{name}={value}", 1.0)
    return speedup


def measured(name: str, mix: Mapping[str, float], gains: Mapping[str, float]) -> MeasuredModel:
    outcomes = tuple(Outcome(values, factors(values, gains)) for values in SINGLES)
    return MeasuredModel(name, mix, outcomes)


OTHERS = (
    measured("convolutions", CONVOLUTIONS, {"layout=last": 1.6, "fusion=more": 1.1, "width=half": 0.7}),
    measured("products", PRODUCTS, {"tiling=early": 2.0, "layout=last": 0.9}),
)


def order(
    mix: Mapping[str, float],
    models: tuple[MeasuredModel, ...] = (),
    pins: Mapping[str, str] | None = None,
    given: tuple[str, ...] = (),
) -> FlagOrder:
    return FlagOrder(FLAGS, FLAGS.space(pins or {}, given), Expectation(mix, models))


def asked(chosen: FlagOrder, count: int, speedup_of: Callable[[Values], float | None]) -> list[dict[str, str]]:
    """The choices that are asked for one by one."""
    every = []
    for _ in range(count):
        for values in chosen.ask(1):
            every.append(values)
            chosen.tell(values, speedup_of(values))
    return every


def test_models_of_equal_mix_are_alike_and_others_are_not() -> None:
    assert likeness(CONVOLUTIONS, CONVOLUTIONS) == pytest.approx(1.0)
    assert likeness(CONVOLUTIONS, PRODUCTS) == 0.0
    assert 0.5 < likeness(CONVOLUTIONS, {"convolution": 0.4, "large product": 0.6}) < 1.0


def test_what_helped_alike_models_comes_first() -> None:
    (first,) = order(CONVOLUTIONS, OTHERS).ask(1)
    assert first == {"layout": "last"}
    (first,) = order(PRODUCTS, OTHERS).ask(1)
    assert first == {"tiling": "early"}


def test_without_other_models_single_values_come_in_the_order_of_the_knobs() -> None:
    """First the first value of each knob."""
    found = asked(order(CONVOLUTIONS), 4, lambda _: 1.0)
    assert found == [{"layout": "last"}, {"tiling": "early"}, {"fusion": "more"}, {"width": "half"}]


def test_what_gains_is_joined_with_what_gains_as_well() -> None:
    gains = {"layout=last": 1.5, "fusion=more": 1.3, "tiling=late": 1.2}
    found = asked(order(CONVOLUTIONS, OTHERS), 8, lambda values: factors(values, gains))
    assert {"layout": "last", "fusion": "more", "tiling": "late"} in found


def test_a_value_that_gains_nothing_is_not_kept() -> None:
    found = asked(order(CONVOLUTIONS, OTHERS), 5, lambda values: factors(values, {"layout=last": 1.5}))
    joined = [values for values in found if len(values) > 1]
    assert joined
    assert all(len(values) == 2 and values["layout"] == "last" for values in joined)


def test_a_value_that_leaves_the_code_as_it_is_is_not_joined_with_more() -> None:
    """Beside a layout the width means nothing, which is seen once for each of its values."""
    chosen = order(CONVOLUTIONS, OTHERS)
    found: list[dict[str, str]] = []
    for _ in range(12):
        (values,) = chosen.ask(1)
        found.append(values)
        speedup = factors(values, {"layout=last": 1.5, "fusion=more": 1.3, "tiling=late": 1.2})
        code = {name: value for name, value in values.items() if name != "width" or "layout" not in values}
        chosen.tell(values, speedup, str(sorted(code.items())))
    beside = [values["width"] for values in found if "layout" in values and "width" in values]
    assert sorted(beside) == ["double", "half"]


def test_a_pair_that_disturbs_each_other_is_left() -> None:
    def speedup_of(values: Values) -> float | None:
        return None if {"layout", "fusion"} <= values.keys() else factors(values, {"layout=last": 1.5})

    found = asked(order(CONVOLUTIONS, OTHERS), 10, speedup_of)
    assert len([values for values in found if {"layout", "fusion"} <= values.keys()]) <= 2


def test_joint_choices_that_gained_on_alike_models_are_tried_early() -> None:
    joint = {"layout": "blocked", "tiling": "late", "width": "double"}
    alike = MeasuredModel("alike", CONVOLUTIONS, (*OTHERS[0].outcomes, Outcome(joint, 2.5)))
    assert joint in asked(order(CONVOLUTIONS, (alike,)), 3, lambda values: 2.5 if values == joint else 1.0)


def test_a_choice_that_takes_long_to_compile_comes_later() -> None:
    def model(compile_factor: float) -> MeasuredModel:
        outcomes = (Outcome({"fusion": "more"}, 1.20, compile_factor), Outcome({"width": "half"}, 1.18))
        return MeasuredModel("alike", CONVOLUTIONS, outcomes)

    assert order(CONVOLUTIONS, (model(1.0),)).ask(1) == [{"fusion": "more"}]
    assert order(CONVOLUTIONS, (model(5.0),)).ask(1) == [{"width": "half"}]


def test_every_choice_is_asked_once_and_keeps_rules_pins_and_given_flags() -> None:
    chosen = order(CONVOLUTIONS, OTHERS, pins={"tiling": "late"}, given=("--half",))
    found = asked(chosen, 100, lambda values: factors(values, {"layout=blocked": 1.2, "fusion=more": 1.1}))
    names = [items_of(values) for values in found]
    assert len(names) == len(set(names)) == 6
    assert all(values["tiling"] == "late" and "width" not in values for values in found)
    assert chosen.ask(1) == []


def test_the_whole_space_is_asked_for_if_nothing_gains() -> None:
    every = len(enumerate_space(FLAGS.space({}, ()))) - 1
    assert len(asked(order(CONVOLUTIONS), 2 * every, lambda _: 1.0)) == every


def test_choices_of_one_batch_differ() -> None:
    batch = order(CONVOLUTIONS, OTHERS).ask(4)
    assert len({items_of(values) for values in batch}) == 4


def test_equal_answers_lead_to_equal_questions() -> None:
    def speedup_of(values: Values) -> float:
        return 1.0 + len(repr(values)) % 7 / 10

    assert asked(order(PRODUCTS, OTHERS), 9, speedup_of) == asked(order(PRODUCTS, OTHERS), 9, speedup_of)


def test_unknown_names_of_a_file_are_passed_over() -> None:
    other = MeasuredModel("other", CONVOLUTIONS, (Outcome({"colour": "red"}, 3.0), Outcome({"width": "none"}, 3.0)))
    found = asked(order(CONVOLUTIONS, (other,)), 4, lambda _: 1.0)
    assert all(values.keys() <= {knob.name for knob in FLAGS.knobs} for values in found)


def test_gains_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "gains.json"
    models = (*OTHERS, MeasuredModel("failing", PRODUCTS, (Outcome({"fusion": "more"}, None, 1.5),)))
    path.write_text(json.dumps(written(models, device="none")))
    read = read_gains(path)
    assert [model.name for model in read] == ["convolutions", "products", "failing"]
    assert read[0].outcomes == OTHERS[0].outcomes
    assert read[2].outcomes == models[2].outcomes


def test_the_shipped_gains_can_be_read() -> None:
    models = read_gains()
    assert models
    assert all(sum(model.mix.values()) == pytest.approx(1.0, abs=0.01) for model in models)
    assert any(outcome.speedup and outcome.speedup > 1.2 for model in models for outcome in model.outcomes)


@pytest.mark.parametrize(
    "spoilt",
    [
        "[",
        "[]",
        {"schema": 99, "models": []},
        {"schema": 1},
        {"schema": 1, "models": [{"name": "m", "mix": {"a": -1.0}, "choices": []}]},
        {
            "schema": 1,
            "models": [{"name": "m", "mix": {}, "choices": [{"values": {}, "speedup": -1.0, "compile_factor": 1.0}]}],
        },
    ],
)
def test_a_file_that_holds_no_gains_is_refused(tmp_path: Path, spoilt: Any) -> None:
    path = tmp_path / "gains.json"
    path.write_text(spoilt if isinstance(spoilt, str) else json.dumps(spoilt))
    with pytest.raises(InputError, match=r"holds no gains of flags"):
        read_gains(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no gains of flags"):
        read_gains(tmp_path / "gains.json")
