# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The whole run at a glance: where the model's time goes, what each part gives, and the distance to the limit."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from places import DATA
from tuner.dispatch import Configured
from tuner.rates.breakdown import Breakdown, TimedDispatch
from tuner.rates.peaks import Peaks
from tuner.rates.work import Footprint
from tuner.report.changes import changes_of
from tuner.report.formats.html import html_report
from tuner.report.formats.json import json_report
from tuner.report.gain_bars import gain_bars, steps_of
from tuner.report.plot import Plot
from tuner.report.recorded_run import RecordedRun, read_run
from tuner.report.roofline import giga, rates_of, roofline
from tuner.report.svg import PALETTE, WIDTH
from tuner.report.time_split import parts_of, time_split
from tuner.speedup import Gains, Ratio
from tuner.terminal.units import duration

SVG = "{http://www.w3.org/2000/svg}"
PRODUCT, SOFTMAX = "contraction m512 n512 k512 f32", "reduction parallel784 k200 f32"
PRODUCT_WORK, SOFTMAX_WORK = Footprint(2 * 512.0**3, 3 * 4 * 512.0**2, "f32"), Footprint(0.0, 1.3e6, "f32")
PEAKS = Peaks("a processor", "local-sync", 1, 100e9, 10e9)


def timed(name: str, problem: str, seconds: float | None, *, runs: int = 1, tuned: bool = False) -> TimedDispatch:
    footprint = {PRODUCT: PRODUCT_WORK, SOFTMAX: SOFTMAX_WORK}.get(problem)
    return TimedDispatch(name, problem, runs, seconds, tuned, footprint)


BREAKDOWN = Breakdown(
    untuned=(
        timed("d0", PRODUCT, 10e-3, runs=2),
        timed("d1", SOFTMAX, 5e-3),
        timed("d2", "", None),
        timed("loader", "", 1.0, runs=0),
    ),
    tuned=(timed("f0", PRODUCT, 4e-3, runs=2, tuned=True), timed("f1", SOFTMAX, 5e-3), timed("f2", "", 1e-3)),
)
GAINS = Gains(Ratio(2.0, 1.9, 2.1), Ratio(3.0, 2.9, 3.1), Ratio(1.5, 1.4, 1.6), Ratio(4.5, 4.4, 4.6))


@pytest.fixture(name="run", scope="module")
def read_recorded() -> RecordedRun:
    """A run on a GPU, with what runs of today add."""
    return replace(read_run(DATA / "h200_run"), breakdown=BREAKDOWN, gains=GAINS, peaks=PEAKS, model_digest="ab" * 32)


def texts_of(plot: Plot) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(plot.svg).iter(f"{SVG}text")]


def test_dispatches_of_one_problem_are_one_part_and_what_the_model_does_not_run_is_none() -> None:
    product, softmax, *others = parts_of(BREAKDOWN)
    assert (product.label, product.before_s, product.after_s, product.is_tuned) == (PRODUCT, 20e-3, 8e-3, True)
    assert (softmax.label, softmax.before_s, softmax.after_s, softmax.is_tuned) == (SOFTMAX, 5e-3, 5e-3, False)
    assert {part.label: part.known for part in others} == {"f2": True, "d2": False}


def test_bars_are_as_long_as_the_times_and_the_rest_of_the_model_is_shown() -> None:
    """The untuned model takes 30 ms, 25 of them in dispatches that were timed."""
    plot = time_split("split", BREAKDOWN, (30e-3, 14e-3))
    boxes = [box for box in ElementTree.fromstring(plot.svg).iter(f"{SVG}rect") if box.get("height") == "26.0"]
    named = {title: float(box.get("width", "0")) for box in boxes if (title := box.findtext(f"{SVG}title"))}
    assert named[f"{PRODUCT}: 20 ms"] == pytest.approx(WIDTH * 20 / 30, abs=1.5)
    assert named[f"{PRODUCT}: 8 ms"] == pytest.approx(WIDTH * 8 / 30, abs=1.5)
    assert named["the rest: 5 ms"] == pytest.approx(WIDTH * 5 / 30, abs=1.5)
    texts = texts_of(plot)
    assert "untuned model: 30 ms, dispatches alone 25 ms" in texts
    assert "20 ms → 8 ms" in texts
    assert plot.columns == ("problem", "dispatches", "untuned model", "tuned model", "in the spec")
    assert plot.rows[0] == (PRODUCT, "1", "20 ms", "8 ms", "yes")
    assert ("d2", "1", "not timed", "not timed", "no") in plot.rows
    assert plot.rows[-1] == ("whole model", "", "30 ms", "14 ms", "")


def test_if_the_default_stays_there_is_one_bar() -> None:
    plot = time_split("split", Breakdown(BREAKDOWN.untuned), None)
    assert plot.columns == ("problem", "dispatches", "untuned model", "in the spec")
    assert not any("tuned model:" in text and not text.startswith("untuned") for text in texts_of(plot))


def test_a_model_of_many_problems_has_a_part_for_the_others() -> None:
    many = Breakdown(tuple(timed(f"d{index}", f"elementwise m{index}", 1e-3) for index in range(20)))
    plot = time_split("split", many, None)
    assert "12 others" in texts_of(plot)
    assert len(plot.rows) == 22


def test_gains_have_one_base() -> None:
    steps = steps_of(GAINS)
    assert [(step.name, step.over_untuned, step.alone) for step in steps] == [
        ("choices for single ops", GAINS.ops, GAINS.ops),
        ("choices and flags", GAINS.flags, None),
        ("all together, with the spec", GAINS.together, GAINS.spec),
    ]
    assert [step.name for step in steps_of(Gains(None, None, GAINS.spec, GAINS.together))] == ["the spec"]
    assert [step.name for step in steps_of(Gains(None, GAINS.flags, None, GAINS.flags or GAINS.together))] == [
        "flags",
        "all together",
    ]
    rows = gain_bars("gains", GAINS).rows
    assert rows[-1] == ("all together, with the spec", "4.50x [4.40, 4.60]", "1.50x [1.40, 1.60]")


def test_rates_and_their_part_of_the_limit() -> None:
    """The product does 268 million operations in 4 ms; at 100 GFLOP/s it would take 2.7."""
    product, softmax = rates_of(BREAKDOWN.tuned, PEAKS)
    assert giga(product.operations_per_s) == "67.1"
    assert product.limit == "67%"
    assert (giga(softmax.operations_per_s), giga(softmax.bytes_per_s), softmax.limit) == ("-", "0.26", "3%")
    assert all(rate.limit == "-" for rate in rates_of(BREAKDOWN.tuned, None))


def test_a_dispatch_whose_type_has_no_peak_has_rates_and_no_part_of_the_limit() -> None:
    """Nor a place below a roof that is not its own."""
    half = replace(BREAKDOWN.tuned[0], footprint=replace(PRODUCT_WORK, types="f16xf16xf32"))
    (rate,) = rates_of((half,), PEAKS)
    assert (giga(rate.operations_per_s), rate.limit_part, rate.limit) == ("67.1", None, "-")
    assert roofline("roofline", Breakdown((half,)), PEAKS) is None


def test_more_than_the_memory_gives_is_at_the_limit() -> None:
    (rate,) = rates_of((timed("d", SOFTMAX, 1e-5),), PEAKS)
    assert rate.limit == "at the limit"


def test_no_mark_of_a_roofline_is_above_the_roof_or_outside(run: RecordedRun) -> None:
    assert run.breakdown is not None
    plot = roofline("roofline", run.breakdown, PEAKS)
    assert plot is not None
    svg = ElementTree.fromstring(plot.svg)
    _, _, width, height = map(float, (svg.get("viewBox") or "").split())
    for mark in svg.iter(f"{SVG}circle"):
        assert 0 <= float(mark.get("cx", "-1")) <= width
        assert 0 <= float(mark.get("cy", "-1")) <= height
    assert "100 GFLOP/s of f32, 10 GB/s from memory, on 1 thread" in (svg.findtext(f"{SVG}desc") or "")
    assert [row[:2] for row in plot.rows] == [("untuned", PRODUCT), ("tuned", PRODUCT)]
    assert roofline("roofline", Breakdown((timed("d1", SOFTMAX, 1e-3),)), PEAKS) is None


def test_what_a_winner_changes_in_words(run: RecordedRun) -> None:
    (dispatch,) = run.dispatches
    lowering = (
        "#iree_gpu.lowering_config<{promote_operands = [0, 1], workgroup = [64, 128, 0], reduction = [0, 0, 32]}>"
    )
    default = Configured("#iree_codegen.translation_info<pipeline = #iree_gpu.pipeline<VectorDistribute>>", (lowering,))
    sentences = [str(change) for change in changes_of(default, dispatch.certificate)]
    assert sentences[0] == "The pipeline is TileAndFuse instead of VectorDistribute."
    assert "A workgroup computes 128 of m and 128 of n instead of 64 of m and 128 of n." in sentences
    assert changes_of(None, dispatch.certificate) == []
    words = html_report(replace(run, dispatches=(replace(dispatch, default=default),)))
    assert all(sentence in words for sentence in sentences)


class Structure(HTMLParser):
    """The tags of a page with their attributes, and the classes that an element is in."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.tables_outside: list[dict[str, str]] = []
        self.words = ""
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.tags.append((tag, attributes))
        if tag == "table" and "wide" not in self._open and attributes.get("class") != "cards":
            self.tables_outside.append(attributes)
        if tag == "div":
            self._open.append(attributes.get("class", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "div":
            self._open.pop()

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_page_has_it_all(run: RecordedRun) -> None:
    page = Structure(html_report(run))
    for expected in (
        "Where the model's time goes",
        "What each part gives, over the untuned model",
        "Distance to the machine's limit",
        "SHA-256 abababab",
        "spec.late.mlir",
        "iree-compile 3.13.0",
        "1 dispatch of the untuned model could not be timed alone",
    ):
        assert expected in page.words, expected


def test_nothing_is_wider_than_a_phone(run: RecordedRun) -> None:
    """No fixed widths beyond 390 px; a table scrolls in its own box, or its rows are cards there."""
    text = html_report(run)
    page = Structure(text)
    assert page.tables_outside == []
    assert all("width" not in attributes for tag, attributes in page.tags if tag in ("svg", "table", "td", "th", "img"))
    style = text[text.index("<style>") : text.index("</style>")]
    fixed = [float(rem) for rem in re.findall(r"(?<!max-)(?<![\w-])(?:min-)?width: ([\d.]+)rem", style)]
    assert all(16 * rem <= 390 for rem in fixed)
    # The speed-up is the second cell of a row, so that it is the first below the name.
    rows = [attributes for tag, attributes in page.tags if tag == "td" and "data-label" in attributes]
    assert rows[0]["data-label"] == "speed-up"


def test_dark_colours_are_the_readers_choice(run: RecordedRun) -> None:
    text = html_report(run)
    assert text.count("@media (prefers-color-scheme: dark)") == 2
    for light, dark in PALETTE.values():
        assert light in text
        assert dark in text


@pytest.mark.parametrize("name", [name for name in PALETTE if name not in ("grid", "paper", "empty", "dot")])
@pytest.mark.parametrize("place", [0, 1], ids=["light", "dark"])
def test_colours_of_words_can_be_read(name: str, place: int) -> None:
    """By the contrast ratio of WCAG 2.2, level AA, on the page."""

    def luminance(color: str) -> float:
        parts = [int(color[index : index + 2], 16) / 255 for index in (1, 3, 5)]
        r, g, b = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    low, high = sorted((luminance(PALETTE[name][place]), luminance(PALETTE["paper"][place])))
    assert (high + 0.05) / (low + 0.05) >= 4.5


def test_json_has_the_same(run: RecordedRun) -> None:
    data = json_report(run)
    assert data["gains"]["together"]["value"] == 4.5
    assert data["breakdown"]["tuned"][0]["limit_part"] == pytest.approx(0.671, abs=1e-3)
    assert data["breakdown"]["untuned"][2]["limit_part"] is None
    assert data["peaks"]["bytes_per_s"] == 10e9
    assert data["model_digest"] == "ab" * 32


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1.28, "1.28 s"),
        (12.84, "12.8 s"),
        (128.4, "128 s"),
        (0.9999, "1 s"),
        (0.1284, "128 ms"),
        (9.99e-5, "99.9 us"),
    ],
)
def test_times_for_people(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_where_peaks_come_from_is_named_on_the_cpu_alone(run: RecordedRun) -> None:
    """The run is one on a GPU, whose peaks nobody measures."""
    hint = "iree-tune doctor</code>, which measures the peaks"
    text = html_report(replace(run, peaks=None))
    assert "Rates of the dispatches" in text
    assert hint not in text
    model = run.model
    assert model is not None
    (dispatch,) = run.dispatches
    on_cpu = replace(model, circumstances=replace(model.circumstances, target="cpu"))
    assert hint in html_report(
        replace(run, peaks=None, model=on_cpu, dispatches=(replace(dispatch, certificate=None),))
    )


def test_a_run_of_an_earlier_version_has_a_page_without_them() -> None:
    old = read_run(DATA / "h200_run")
    assert (old.breakdown, old.gains, old.peaks, old.model_digest) == (None, None, None, "")
    assert "Where the model's time goes" not in html_report(old)
