# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reports of a real run, of an unfinished run and of damaged folders, and their analysis of knobs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands import assert_fails, here
from places import DATA
from tuner.errors import InputError
from tuner.events import FlagsTried, OpChoiceTried
from tuner.outcome import Fate
from tuner.report.analysis import analyse
from tuner.report.formats.html import html_report
from tuner.report.importance import importance
from tuner.report.knobs import Knobs, knobs_of, varying
from tuner.report.plots import convergence, heat_map, intervals
from tuner.report.recorded_run import RecordedRun, read_run
from tuner.report.svg import readable_on, shortened, ticks
from tuner.report.writing import write_report
from tuner.runs.store import now
from tuner.specs.certificate import Certificate
from tuner.tuning.result import TuneResult

Recorded = tuple[TuneResult, Path]


class Page(HTMLParser):
    """The tags, words and addresses of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.identities: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src", "action", "srcset")]
        self.identities += [value or "" for name, value in attrs if name == "id"]

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.fixture(name="run", scope="module")
def read_recorded(recorded: Recorded) -> RecordedRun:
    return read_run(recorded[1])


def copy_of(recorded: Recorded, tmp_path: Path) -> Path:
    return Path(shutil.copytree(recorded[1], tmp_path / "copy", ignore=shutil.ignore_patterns("*.vmfb")))


def rewrite(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(old, new))


def iree_tune(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tuner", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_a_run_is_read_as_it_was(recorded: Recorded, run: RecordedRun) -> None:
    result, folder = recorded
    (tuned,), (read,) = result.dispatches, run.dispatches
    assert run.has_ended
    assert run.spec == result.spec
    assert run.device == result.device_label
    assert run.compile_command == result.compile_command
    assert run.breakdown == result.breakdown
    assert run.peaks == result.peaks
    assert run.gains == result.gains
    assert result.gains is not None
    assert result.model is not None
    assert result.gains.spec == result.gains.together == result.model.ratio
    assert result.gains.flags is None
    assert run.model == (result.model and result.model.certificate(result.circumstances))
    assert (read.name, read.verdict) == (tuned.dispatch.name, tuned.verdict)
    assert read.certificate == tuned.certificate(result.circumstances)
    assert len(read.candidates) == len(tuned.evaluations) == 31
    for ours, theirs in zip(read.candidates, tuned.evaluations, strict=True):
        assert (ours.number, ours.fate, ours.time_s, ours.samples_s) == (
            theirs.candidate.number,
            theirs.fate,
            theirs.time_s,
            theirs.samples_s,
        )
        assert ours.log.is_relative_to(folder)
    assert tuned.winner is not None
    assert read.winner is not None
    assert read.winner.number == tuned.winner.candidate.number
    assert run.command


def test_the_winner_of_a_gpu_is_found_among_its_candidates() -> None:
    (dispatch,) = read_run(DATA / "h200_run").dispatches
    assert dispatch.winner is not None
    assert dispatch.winner.time_s == min(tried.time_s for tried in dispatch.tried if tried.time_s is not None)


def test_the_page_needs_nothing_else(run: RecordedRun) -> None:
    text = html_report(run)
    page = Page(text)
    assert not {"script", "iframe", "object", "embed", "img"} & set(page.tags)
    assert all(address.startswith(("#", "data:")) for address in page.addresses)
    assert "url(" not in text
    assert "@import" not in text
    assert len(page.identities) == len(set(page.identities))
    assert {address[1:] for address in page.addresses if address.startswith("#")} <= set(page.identities)


def test_the_page_shows_everything(recorded: Recorded, run: RecordedRun) -> None:
    result, _ = recorded
    words = Page(html_report(run)).words
    assert result.model is not None
    (dispatch,) = run.dispatches
    assert dispatch.certificate is not None
    for expected in (
        "Tuning of primes.mlir",
        str(result.model.ratio),
        str(dispatch.certificate.ratio),
        dispatch.name,
        "RunFailed: 1 candidate\n",
        "its process died (SIGSEGV)",
        "WrongResult: 1 candidate\n",
        result.spec.strip(),
        " ".join(result.compile_command),
        result.circumstances.compiler_version,
        "Which knobs matter",
        "Where the model's time goes",
        "What each part gives, over the untuned model",
        "What changed",
        run.model_digest[:16],
        "Best raw speed-up so far",
    ):
        assert expected in words, expected


def test_words_of_a_run_are_no_markup(run: RecordedRun) -> None:
    nasty = '<script>alert(1)</script> & "quotes" \''
    (dispatch,) = run.dispatches
    candidates = tuple(
        tried if tried.fate is Fate.MEASURED else replace(tried, detail=nasty) for tried in dispatch.candidates
    )
    spoilt = replace(dispatch, name=nasty, verdict=nasty, candidates=candidates, incidents=(nasty,))
    page = Page(html_report(replace(run, dispatches=(spoilt,), spec=nasty, command=(nasty,))))
    assert "script" not in page.tags
    assert page.words.count(nasty) >= 6


def test_every_plot_is_well_formed_and_has_its_table(run: RecordedRun) -> None:
    (dispatch,) = run.dispatches
    analysis = analyse(dispatch)
    assert analysis.importance is not None
    assert analysis.pairs
    plots = [
        convergence("a", dispatch.candidates, dispatch.winner.number if dispatch.winner else None),
        intervals("b", run.certificates),
        *(heat_map(f"c{index}", pair.names, pair.values, pair.speedups) for index, pair in enumerate(analysis.pairs)),
    ]
    for plot in plots:
        svg = ElementTree.fromstring(plot.svg)
        space = "{http://www.w3.org/2000/svg}"
        assert svg.get("role") == "img"
        assert svg.findtext(f"{space}title") == plot.title
        assert svg.findtext(f"{space}desc")
        assert plot.rows
        assert all(len(row) == len(plot.columns) for row in plot.rows)
    best = max(candidate.speedup or 0.0 for candidate in dispatch.candidates)
    assert plots[0].rows[-1][1] == f"{best:.3f}"
    # Failures, other candidates and the winner are marks with words of their own.
    marks = plots[0].svg
    assert marks.count("<title>candidate") == 2
    assert "the winner" in marks


def test_failures_by_kind_with_a_sample(run: RecordedRun) -> None:
    failures = analyse(run.dispatches[0]).failures
    assert {kind.fate: (kind.count, kind.sample.number) for kind in failures} == {
        Fate.RUN_FAILED: (1, 1),
        Fate.WRONG_RESULT: (1, 6),
    }


def test_json_has_the_same(recorded: Recorded, run: RecordedRun, tmp_path: Path) -> None:
    _, folder = recorded
    done = iree_tune("report", folder, "--json", tmp_path / "report.json")
    assert done.returncode == 0, done.stderr
    data = json.loads((tmp_path / "report.json").read_text())
    (dispatch,), (read,) = data["dispatches"], run.dispatches
    assert Certificate.from_json(dispatch["certificate"]) == read.certificate
    assert Certificate.from_json(data["model"]) == run.model
    assert [written["time_s"] for written in dispatch["candidates"]] == [
        candidate.time_s for candidate in read.candidates
    ]
    assert dispatch["failures"] == {"RunFailed": 1, "WrongResult": 1}
    assert sum(dispatch["importance"]["shares"].values()) == pytest.approx(1)
    assert read.certificate is not None
    assert read.certificate.configuration is not None
    winner = dispatch["candidates"][dispatch["winner"]]
    m, n, *_ = read.certificate.configuration.levels["distribution"]
    assert (winner["knobs"]["distribution[m]"], winner["knobs"]["distribution[n]"]) == (m, n)


def test_flags_of_the_whole_compilation(recorded: Recorded, tmp_path: Path) -> None:
    """The run logged the flags that it tried, and its result names those that it chose."""
    folder = copy_of(recorded, tmp_path)
    tried = (
        FlagsTried(1, {}, 0.004, 1.0),
        FlagsTried(2, {"data-tiling": "on"}, 0.002, 2.0),
        FlagsTried(3, {"opt-level": "O3"}, None, 2.0, "it <crashed>"),
    )
    with (folder / "log.jsonl").open("a") as log:
        log.writelines(json.dumps(event.to_json()) + "\n" for event in tried)
    rewrite(folder / "result.json", '"flags": []', '"flags": ["--iree-opt-data-tiling"]')
    run = read_run(folder)
    assert run.flags == ("--iree-opt-data-tiling",)
    assert [(flags.number, flags.values, flags.time_s) for flags in run.flags_tried] == [
        (event.number, event.values, event.time_s) for event in tried
    ]
    words = Page(html_report(run)).words
    for expected in ("Chosen: --iree-opt-data-tiling", "data-tiling=on", "2 ms", "it <crashed>"):
        assert expected in words, expected


def test_choices_for_single_ops(recorded: Recorded, tmp_path: Path) -> None:
    """The run logged the choices that it tried, and its result names those that it kept."""
    folder = copy_of(recorded, tmp_path)
    tried = (
        OpChoiceTried(1, {"pointwise": "tiled"}, ("a convolution", "another"), 0.002, 2.0),
        OpChoiceTried(2, {"winograd": "on"}, ("a convolution",), None, 2.0, "it computes <something> else"),
    )
    with (folder / "log.jsonl").open("a") as log:
        log.writelines(json.dumps(event.to_json()) + "\n" for event in tried)
    rewrite(folder / "result.json", '"ops": []', '"ops": ["pointwise=tiled for a convolution"]')
    (folder / "spec.preprocessing.mlir").write_text("// The file of the choices.")
    run = read_run(folder)
    assert run.ops == ("pointwise=tiled for a convolution",)
    assert [(entry.number, entry.values, entry.ops, entry.detail) for entry in run.ops_tried] == [
        (event.number, event.values, event.ops, event.detail) for event in tried
    ]
    words = Page(html_report(run)).words
    for expected in (run.ops[0], "winograd=on", "2 ms", "no: it computes <something> else", "The file of the choices."):
        assert expected in words, expected


def test_a_run_that_has_not_ended(recorded: Recorded, tmp_path: Path) -> None:
    """A run as Ctrl-C leaves it, with the last line cut short."""
    folder = copy_of(recorded, tmp_path)
    (folder / "result.json").unlink()
    (folder / "spec.mlir").unlink()
    lines = (folder / "log.jsonl").read_text().splitlines()
    (folder / "log.jsonl").write_text("\n".join(lines[:21]) + "\n" + lines[21][:40])
    run = read_run(folder)
    assert not run.has_ended
    assert len(run.dispatches[0].candidates) == sum('"candidate"' in line for line in lines[:21]) >= 20
    done = iree_tune("report", folder)
    assert done.returncode == 0, done.stderr
    page = Page((folder / "report.html").read_text())
    assert "This run has not ended" in page.words
    assert "Best raw speed-up so far" in page.words
    exported = iree_tune("report", folder, "--json", tmp_path / "r.json", "--t4", tmp_path / "t4")
    assert exported.returncode == 0, exported.stderr
    assert len(list((tmp_path / "t4").iterdir())) == 2


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "log.jsonl").unlink(), "holds no run"),
        (lambda folder: (folder / "log.jsonl").write_text('{"dispatch"\n{}\n'), "is damaged in line 1"),
        (lambda folder: (folder / "log.jsonl").write_text("[1]\n{}\n"), "line 1 is no object"),
        (lambda folder: rewrite(folder / "log.jsonl", '"fate"', '"fates"'), "there is no 'fate'"),
        (lambda folder: (folder / "result.json").write_text("{"), "result.json is damaged"),
        (lambda folder: (folder / "result.json").write_text("[]"), "holds no object"),
        (lambda folder: (folder / "result.json").write_text("{}"), "not written by this version"),
    ],
)
def test_a_damaged_folder_gets_one_sentence(recorded: Recorded, tmp_path: Path, spoil: object, message: str) -> None:
    folder = copy_of(recorded, tmp_path)
    assert callable(spoil)
    spoil(folder)
    with pytest.raises(InputError, match=message):
        read_run(folder)


def test_what_belongs_to_the_run_is_not_overwritten(recorded: Recorded, tmp_path: Path) -> None:
    folder = copy_of(recorded, tmp_path)
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    log = folder / "log.jsonl"
    for name, path, message in (
        ("html", log, "belongs to the run itself"),
        ("json", folder / "result.json", "belongs to the run itself"),
        ("html", tmp_path, "is a folder"),
        ("html", tmp_path / "missing" / "r.html", "there is no folder"),
        ("t4", log, "cannot make the folder .*; choose another --t4"),
    ):
        with pytest.raises(InputError, match=message):
            write_report(folder, {name: path})
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_a_folder_without_a_run_gets_one_sentence(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert_fails(here("report", tmp_path / "nowhere", output=capfd), 2, "holds no run")


@pytest.mark.runs
def test_a_run_records_what_started_it(tmp_path: Path) -> None:
    model = tmp_path / "model.mlir"
    model.write_text("func.func @same(%a: tensor<4xf32>) -> tensor<4xf32> { return %a : tensor<4xf32> }")
    arguments = ("run", model, "--keep-flags", "--run-dir", tmp_path / "run")
    assert iree_tune(*arguments).returncode == 0
    written = json.loads((tmp_path / "run" / "command.json").read_text())
    assert written.pop("began") <= now()
    assert written.pop("asked")["--keep-flags"] == "True"
    assert written == {
        "command": ["iree-tune", *map(str, arguments)],
        "folder": str(Path.cwd()),
        "model": str(model),
        "version": 2,
    }


def test_importance_finds_the_knob_that_matters() -> None:
    rng = np.random.default_rng(0)
    values = [[int(a), int(b), word] for a, b, word in zip(*rng.integers(1, 9, (2, 80)), "xy" * 40, strict=True)]
    times = [1.0 + 1.0 / row[0] + 0.01 * rng.random() for row in values]
    found = importance(["tile", "other", "word"], values, times)
    assert found is not None
    assert found.shares[0][0] == "tile"
    assert found.shares[0][1] > 0.9
    assert found.explained > 0.9


def test_importance_admits_that_it_knows_nothing() -> None:
    rng = np.random.default_rng(0)
    values = [[int(a), int(b)] for a, b in rng.integers(1, 9, (60, 2))]
    noise = importance(["a", "b"], values, (1 + rng.random(60)).tolist())
    assert noise is not None
    assert noise.explained < 0.2
    equal = importance(["a", "b"], values, [1.0] * 60)
    assert equal is not None
    assert [share for _, share in equal.shares] == [0.0, 0.0]
    assert importance(["a"], values[:10], [1.0] * 10) is None
    assert importance([], [[]] * 60, [1.0] * 60) is None


def test_knobs_have_the_names_of_their_loops() -> None:
    configuration = {
        "pipeline": "TileAndFuse",
        "options": ["enable_loop_peeling"],
        "levels": {"workgroup": [1, 2, 4], "reduction": [0, 8]},
        "gpu": {"workgroup_size": [64, 1], "intrinsic": None, "prefetch": True},
    }
    assert knobs_of(configuration, ["image", "image", "k"]) == {
        "pipeline": "TileAndFuse",
        "option enable_loop_peeling": 1,
        "workgroup[image0]": 1,
        "workgroup[image1]": 2,
        "workgroup[k]": 4,
        "reduction[0]": 0,
        "reduction[1]": 8,
        "workgroup_size[0]": 64,
        "workgroup_size[1]": 1,
        "intrinsic": "compiler's",
        "prefetch": 1,
    }


def test_knobs_that_never_differ_are_left_out_and_of_equal_ones_one_is_kept() -> None:
    points: list[Knobs] = [{"a": 1, "b": 1, "c": 7}, {"a": 2, "b": 2, "c": 7, "option": 1}]
    assert varying(points) == (["a", "option"], [[1, 0], [2, 1]])
    assert varying([]) == ([], [])


@given(st.floats(1e-6, 1e6), st.floats(1e-3, 1e3))
def test_ticks_are_few_round_and_inside(low: float, extent: float) -> None:
    marks = ticks(low, low + low * extent)
    assert 1 <= len(marks) <= 11
    assert all(low * (1 - 1e-6) <= mark <= (low + low * extent) * (1 + 1e-6) for mark in marks)


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_numbers_on_a_colour_can_be_read(parts: tuple[int, int, int]) -> None:
    """By the contrast ratio of WCAG 2.2, level AA."""

    def luminance(color: str) -> float:
        linear = [int(color[index : index + 2], 16) / 255 for index in (1, 3, 5)]
        r, g, b = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in linear)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    color = "#" + "".join(f"{part:02x}" for part in parts)
    low, high = sorted((luminance(color), luminance(readable_on(color))))
    assert (high + 0.05) / (low + 0.05) >= 4.5


@given(st.text(max_size=80), st.integers(3, 40))
def test_shortened_words_fit(words: str, letters: int) -> None:
    short = shortened(words, letters)
    assert len(short) == min(len(words), letters)
    assert short == words or "…" in short
