# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The report in a real browser, offline: every plot is drawn without errors, on phones too, and accessible."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from places import DATA
from tuner.report.formats.html import html_report
from tuner.report.live import LiveRun
from tuner.report.recorded_run import read_run
from tuner.tuning.result import TuneResult

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here (on Debian: apt install chromium)")
# Of each plot: its size, its visible marks, the marks outside the plot, and the rows of its table.
PLOTS = """() => [...document.querySelectorAll("figure.plot")].map(figure => {
  const svg = figure.querySelector("svg"), box = svg.getBoundingClientRect();
  const marks = [...svg.querySelectorAll("polyline, circle, rect, path, text")];
  const drawn = marks.filter(mark => { const b = mark.getBoundingClientRect(); return b.width + b.height > 0; });
  const outside = marks.filter(mark => {
    const b = mark.getBoundingClientRect();
    return b.left < box.left - 2 || b.right > box.right + 2 || b.top < box.top - 2 || b.bottom > box.bottom + 2;
  });
  return {
    title: figure.querySelector("figcaption").textContent,
    width: box.width,
    height: box.height,
    drawn: drawn.length,
    outside: outside.map(mark => mark.outerHTML),
    rows: figure.querySelectorAll("tbody tr").length,
  };
})"""


@pytest.fixture(name="browser", scope="module")
def launch() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(name="page_file", scope="module", params=["this machine", "an H200"])
def write_page(
    request: pytest.FixtureRequest, recorded: tuple[TuneResult, Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The report of a run on this machine's CPU, and of one that was recorded on a GPU, with its dispatch twice."""
    run = read_run(recorded[1] if request.param == "this machine" else DATA / "h200_run")
    if request.param == "an H200":
        (dispatch,) = run.dispatches
        run = replace(run, dispatches=(dispatch, replace(dispatch, name="another")))
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(html_report(run))
    return path


def broken_rules(page: Page) -> str:
    """What axe-core finds with all details open; "" if that is nothing."""
    page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true })")
    found = Axe().run(page)
    assert found.response["passes"]
    return found.generate_report() if found.violations_count else ""


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (360, 740)], ids=["desk", "phone"])
def test_every_plot_is_drawn_without_errors(browser: Browser, page_file: Path, width: int, height: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": height}, offline=True)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    page.goto(page_file.as_uri())
    plots = page.evaluate(PLOTS)
    titles = [plot["title"] for plot in plots]
    assert "Speed-up over the default, with 95 % intervals" in titles
    assert {"Best raw speed-up so far", "Which knobs matter"} <= set(titles)
    assert any("(across)" in title for title in titles)
    for plot in plots:
        assert plot["width"] >= 250, plot
        assert plot["height"] >= 40, plot
        assert plot["drawn"] >= 3, plot
        assert plot["outside"] == [], plot
        assert plot["rows"] >= 1, plot
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert complaints == []
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_rule_of_accessibility_is_broken(
    browser: Browser, page_file: Path, scheme: Literal["light", "dark"]
) -> None:
    page = browser.new_page(color_scheme=scheme)
    page.goto(page_file.as_uri())
    assert broken_rules(page) == ""
    page.close()


def test_the_live_page_in_the_middle_of_a_run(browser: Browser, tmp_path: Path) -> None:
    shutil.copy(DATA / "h200_run" / "command.json", tmp_path)
    lines = (DATA / "h200_run" / "log.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "log.jsonl").write_text("".join(lines[:11]))
    (tmp_path / "page.html").write_text(LiveRun(tmp_path).page())
    page = browser.new_page(viewport={"width": 360, "height": 740})
    page.goto((tmp_path / "page.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    best = page.get_by_role("cell").filter(has_text="x raw").first.bounding_box()
    assert best is not None
    assert best["x"] + best["width"] <= 360
    assert broken_rules(page) == ""
    page.close()
