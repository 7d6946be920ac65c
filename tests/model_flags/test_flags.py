# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Knobs of flags: their passes make one flag, their values suit a host, and only what they set is a choice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuner.model_flags import FlagKnob, Host, ModelFlags, gpu
from tuner.model_flags.cpu import FLAGS
from tuner.model_flags.cuda import FLAGS as GPU_FLAGS

PASSES = "--iree-preprocessing-pass-pipeline"
SMALL = ModelFlags(
    (
        FlagKnob("first", {"a": ("pass-a",), "b": ("--flag", "pass-b{n=4}")}),
        FlagKnob("width", {"2": ("--width=2",), "4": ("--width=4",)}, {"4": lambda host: host.may_have("+wide")}),
        FlagKnob("second", {"c": ("pass-c",)}),
    )
)


def domains(pins: dict[str, str], given: tuple[str, ...] = (), host: Host | None = None) -> dict[str, tuple[int, ...]]:
    return {knob.name: knob.domain for knob in SMALL.space(pins, given, host).knobs}


def test_passes_of_several_knobs_make_one_flag_in_the_order_of_the_knobs() -> None:
    assert SMALL.flags({"second": "c", "first": "a"}) == (f"{PASSES}=builtin.module(util.func(pass-a,pass-c))",)
    both = SMALL.flags({"second": "c", "width": "2", "first": "b"})
    assert both == ("--flag", "--width=2", f"{PASSES}=builtin.module(util.func(pass-b{{n=4}},pass-c))")
    assert SMALL.flags({"width": "4"}) == ("--width=4",)


def test_every_flag_of_a_choice_is_known_and_no_other() -> None:
    for values in ({"first": "b", "second": "c"}, {"first": "a", "second": "c"}, {"second": "c"}, {"width": "2"}):
        assert all(SMALL.has(flag) for flag in SMALL.flags(values))
    for passes in (
        "pass-c,pass-a",
        "pass-a,pass-a",
        "pass-d",
        "pass-b",
        "pass-a,pass-c)),builtin.module(util.func(pass-d",
    ):
        assert not SMALL.has(f"{PASSES}=builtin.module(util.func({passes}))")
    assert not any(SMALL.has(text) for text in ("pass-a", "--width", "--width=3", PASSES, f"{PASSES}=", ""))


def test_a_pipeline_that_the_user_gave_settles_the_knobs_with_passes() -> None:
    assert domains({}, (f"{PASSES}=builtin.module()",)) == {"first": (0,), "width": (0, 1, 2), "second": (0,)}


def test_values_that_do_not_suit_the_host_are_left_out_unless_pinned() -> None:
    narrow, wide, unknown = Host(1, frozenset()), Host(1, frozenset({"+wide"})), Host(1)
    assert domains({}, host=narrow)["width"] == (0, 1)
    for host in (wide, unknown, None):
        assert domains({}, host=host)["width"] == (0, 1, 2)
    assert domains({"width": "4"}, host=narrow)["width"] == (2,)


@pytest.mark.parametrize(
    ("host", "threads", "edges"),
    [
        (Host(1, frozenset({"+avx2"})), {"1"}, {"mask", "none"}),
        (Host(4, frozenset({"+avx2", "+avx512f"})), {"4"}, {"peel", "none"}),
        (Host(5), set(), {"peel", "mask", "none"}),
    ],
)
def test_the_cpus_values_suit_its_host(host: Host, threads: set[str], edges: set[str]) -> None:
    found = {knob.name: {knob.values[number] for number in knob.suited(host)} - {"default"} for knob in FLAGS.knobs}
    assert found["threads"] == threads
    assert found["ragged-edges"] == edges
    assert ("none" in found["distribution"]) == (host.threads == 1)


@pytest.mark.parametrize("flags", [FLAGS, GPU_FLAGS], ids=["cpu", "gpu"])
def test_a_model_without_convolutions_has_no_choice_of_their_layout_and_algorithm(flags: ModelFlags) -> None:
    left = {knob.name: len(knob.domain) for knob in flags.space({}, (), convolutions=False).knobs}
    assert left["convolution-layout"] == left["convolution-algorithm"] == 1
    assert left["opt-level"] == 3
    pinned = flags.space({"convolution-layout": "channels-last"}, (), convolutions=False)
    assert {knob.name: knob.domain for knob in pinned.knobs}["convolution-layout"] == (1,)


def test_no_two_values_of_the_cpus_knobs_stand_for_the_same() -> None:
    every = [parts for knob in FLAGS.knobs for parts in knob.choices.values()]
    assert len(every) == len(set(every))


@pytest.mark.parametrize(("title", "knobs"), [("Which flags there are", FLAGS.knobs), ("Flags on GPUs", gpu.KNOBS)])
def test_the_page_names_every_knob(title: str, knobs: tuple[FlagKnob, ...]) -> None:
    """Names that share a row are separated by commas."""
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text()
    (section,) = [part for part in page.split("\n### ") if part.startswith(f"{title}\n")]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    named = [name.strip(" `") for cell in cells for name in cell.split(",")]
    assert sorted(knob.name for knob in knobs) == sorted(named)
