# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a run shows while it goes on: events for programs, a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

import samples
from pins import all_but
from tuner.evaluate.budget import Budget
from tuner.events import (
    CandidateEnded,
    DispatchEnded,
    Disturbance,
    FlagsTried,
    Listener,
    Note,
    PhaseStarted,
    SearchPlanned,
    StageStarted,
)
from tuner.outcome import Candidate, Compilation, Evaluation, Fate
from tuner.speedup import Ratio
from tuner.terminal.names import short_names, shortened
from tuner.terminal.outlook import Outlook
from tuner.terminal.progress import Detail, ProgressView, progress_on_stderr
from tuner.terminal.tally import Tally
from tuner.terminal.units import counted, duration, rough

KINDS = {
    "run started",
    "stage started",
    "phase started",
    "search planned",
    "candidate ended",
    "dispatch ended",
    "flags tried",
    "op choice tried",
    "finalist checked",
    "finalist failed",
    "disturbance",
    "note",
}


def ended(number: int, fate: Fate = Fate.MEASURED) -> Evaluation:
    compilation = Compilation(Candidate(number), Fate.COMPILED, "", 0.1, Path("1.log"))
    return Evaluation(compilation, fate, "", 1e-3, 2.0)


ENDED = ended(1)
FINAL = "final, best against default: d0"


def iree_tune(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "tuner", *map(str, arguments)]


@pytest.mark.runs
def test_programs_read_a_run_from_stdout(tmp_path: Path) -> None:
    """Stdout has phases, candidates with their fates, flags and the result alone. Text for people is on stderr."""
    (tmp_path / "model.mlir").write_text(samples.matmul(96, 64, 48))
    pins = [word for name, value in all_but("data-tiling").items() for word in ("--pin", f"{name}={value}")]
    arguments = ("run", "model.mlir", "--trials", "2", *pins, "--run-dir", "run", "--json")
    command = iree_tune(*arguments, "-o", "spec.mlir")
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=300)
    assert done.returncode == 0, done.stderr
    *events, result = map(json.loads, done.stdout.splitlines())
    assert {event["event"] for event in events} <= KINDS
    at = [event["at_s"] for event in (*events, result)]
    assert at == sorted(at)
    phases = [event["text"] for event in events if event["event"] == "phase started"]
    assert phases[0] == "reading model.mlir"
    assert any("2 of" in phase for phase in phases)
    (planned,) = (event for event in events if event["event"] == "search planned")
    assert planned["candidates"] == 2 * planned["dispatches"] > 0
    candidates = [event for event in events if event["event"] == "candidate ended"]
    logged = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    keys = ("dispatch", "candidate", "fate", "samples_s")
    of_log = [record for record in logged if "candidate" in record]
    assert [[event[key] for key in keys] for event in candidates] == [
        [record[key] for key in keys] for record in of_log
    ]
    assert not any(candidate["stored"] for candidate in candidates)
    assert [event["number"] for event in events if event["event"] == "flags tried"][:2] == [1, 2]
    written = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["event"] == "result"
    assert {name: result[name] for name in written} == written
    assert result["output"] == "spec.mlir"
    assert (tmp_path / "spec.mlir").exists()
    assert "reading model.mlir" in done.stderr
    assert "Tuned on" in done.stderr


@pytest.mark.runs
def test_a_reader_that_goes_away_is_reported_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "model.mlir").write_text(samples.matmul(96, 64, 48))
    command = iree_tune("run", "model.mlir", "--trials", "4", "--keep-flags", "--json")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["event"] == "run started"
        process.stdout.close()
        printed = process.stderr.read()
    assert process.returncode == 1, printed
    assert "nobody reads the events" in printed.splitlines()[-1]
    assert "Traceback" not in printed
    assert "Exception ignored" not in printed


def play_a_search(view: Listener, seconds: list[float], count: int, final: str = FINAL) -> None:
    """Plays the events of a search: a candidate each second, of which every fifth does not compile; then a final."""
    view(SearchPlanned(1, count))
    view(PhaseStarted("d0: 60 of 900 configurations", count))
    for number in range(1, count + 1):
        seconds[0] += 1.0
        fate = Fate.MEASURED if number % 5 else Fate.COMPILE_FAILED
        view(CandidateEnded("d0", ended(number, fate), 1.0 + number / 100))
    if final:
        view(PhaseStarted(final))


def test_plain_lines_come_every_ten_seconds_and_for_each_phase() -> None:
    seconds, written = [100.0], io.StringIO()
    with ProgressView(Console(file=written, width=120), clock=lambda: seconds[0]) as view:
        play_a_search(view, seconds, 60)
        view(Note("something to read"))
    lines = written.getvalue().splitlines()
    assert lines[0] == "d0: 60 of 900 configurations"
    assert "" not in lines
    counts = [line for line in lines if "candidates" in line]
    assert len(counts) == 6
    assert counts[2] == (
        "  30 of 60 candidates, 60 a minute, raw best 1.30x, failed: CompileFailed 6, the run ends in about 30 s"
    )
    assert counts[-1] == "  60 of 60 candidates, 60 a minute, raw best 1.60x, failed: CompileFailed 12"
    assert lines[-2:] == [FINAL, "something to read"]


def test_a_search_that_turns_between_dispatches_names_each_once() -> None:
    seconds, written = [0.0], io.StringIO()
    with ProgressView(Console(file=written, width=120), clock=lambda: seconds[0]) as view:
        view(SearchPlanned(2, 80))
        for batch in range(20):
            view(PhaseStarted(f"d{batch % 2}: 40 of 900 configurations", 40))
            for _ in range(4):
                seconds[0] += 0.5
                view(CandidateEnded("d0", ENDED, 2.0))
    lines = written.getvalue().splitlines()
    assert len([line for line in lines if "configurations" in line]) == 2
    assert 3 <= len([line for line in lines if "candidates" in line]) <= 4


def test_a_terminal_shows_pace_failures_and_what_is_left_of_the_budget() -> None:
    seconds, written = [0.0], io.StringIO()
    console = Console(file=written, width=160, force_terminal=True)
    budget = Budget(600.0)
    with ProgressView(console, budget=budget, clock=lambda: seconds[0]) as view:
        play_a_search(view, seconds, 60, final="")
    shown = written.getvalue()
    assert "60 of 60 candidates, 60 a minute, raw best 1.60x, failed: CompileFailed 12" in shown
    assert "budget: 10 min left" in shown


NAME = "classify$async_dispatch_12_matmul_like_4x200x64x784_f32xf32xf32"
SHORT = "matmul like 4x200x64x784 f32 (dispatch_12)"


def shown_at(columns: int, view: ProgressView) -> list[str]:
    """The lines that a terminal of this width has of a view now."""
    console = Console(file=io.StringIO(), width=columns, record=True)
    console.print(*view.bars.get_renderables(), sep="\n")
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_a_terminal_of_80_columns_shows_the_step_the_counts_and_when_the_run_ends() -> None:
    seconds = [0.0]
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    with ProgressView(console, clock=lambda: seconds[0]) as view:
        view(StageStarted(5, 6, "tune"))
        view(SearchPlanned(2, 60, finals_s=20.0, then_s=15.0))
        view(PhaseStarted(f"{NAME}: 30 of 900 configurations", 30))
        for number in range(1, 31):
            seconds[0] += 2.0
            view(CandidateEnded(NAME, ended(number), 1.3))
        bar, counts, time = shown_at(80, view)
        assert f"[5/6] {SHORT}" in bar
        assert "30/30" in bar
        assert counts == "  30 of 60 candidates, 30 a minute, raw best 1.30x"
        # 30 candidates of 2 s, two finals of 10 s, and 15 s after the search.
        assert time == "  the run ends in about 95 s"
        view(PhaseStarted(f"final, best against default: {NAME}"))
        seconds[0] += 4.0
        bar, time = shown_at(80, view)
        assert "[5/6] final, best against default: matmul like" in bar
        assert time == "  the run ends in about 91 s"
        view(DispatchEnded(NAME, "tuned", True, Ratio(1.1, 1.05, 1.2)))
        # The second final is taken to be as long as the first one was.
        assert shown_at(80, view)[-1] == "  the run ends in about 79 s"
        view(StageStarted(6, 6, "prove model"))
        seconds[0] += 5.0
        assert shown_at(80, view)[-1] == "  the run ends in about 10 s"
        seconds[0] += 11.0
        assert len(shown_at(80, view)) == 1
        assert max(map(len, shown_at(80, view))) <= 80


def test_raw_and_confirmed_speed_ups_are_told_apart_and_names_are_short() -> None:
    written = io.StringIO()
    with ProgressView(Console(file=written, width=80)) as view:
        play_a_search(view, [0.0], 4)
        view(DispatchEnded(NAME, "tuned", True, Ratio(1.1, 1.05, 1.2)))
        view(DispatchEnded(NAME, "the default stays: it is the best", False, Ratio(1.0, 0.9, 1.1)))
        view(DispatchEnded(NAME, "left alone: nothing to gain", False, None))
    *_, tuned, kept = written.getvalue().splitlines()
    assert "raw best 1.04x" in written.getvalue()
    assert tuned == f"  {SHORT}: confirmed 1.10x [1.05, 1.20]"
    assert kept == f"  {SHORT}: the default stays: it is the best"


def disturbed(detail: Detail) -> list[str]:
    written = io.StringIO()
    with ProgressView(Console(file=written, width=80), detail=detail) as view:
        for percent in (5, 7, 12.5):
            view(Disturbance(NAME, f"the machine is noisy (samples spread by {percent}%)"))
        view(Disturbance("", "the device is lost"))
        view(CandidateEnded(NAME, ENDED, 1.3))
    return written.getvalue().splitlines()


def test_noise_is_reported_once_unless_all_is_wanted() -> None:
    usual = disturbed("usual")
    assert usual[:2] == ["  the machine is noisy (samples spread by 5%)", "  the device is lost"]
    assert usual[-1] == "  2 disturbances more of the same kinds; the run's log has all"
    much = disturbed("much")
    assert len([line for line in much if "noisy" in line]) == 3
    assert f"  {NAME}, candidate 1: 1 ms, raw 2.00x" in much
    assert disturbed("none") == []


def test_paths_and_names_of_other_forms_are_not_shortened() -> None:
    for text in (f"candidates/{NAME}/3.log", f"{NAME}.mlir", "a dispatch_3 of matmul", "_dispatch_1"):
        assert shortened(text) == text
    assert shortened(f"{NAME}: see main_dispatch_0.") == f"{SHORT}: see dispatch_0."
    alike = [f"{name}_dispatch_0_matmul_4x4x4_f32" for name in ("f", "g")]
    assert short_names([*alike, NAME]) == {**{name: name for name in alike}, NAME: SHORT[: -len(" (dispatch_12)")]}
    stored = "f_dispatch_2_softmax_784x200xf32_dispatch_tensor_store"
    assert shortened(stored) == "softmax 784x200xf32 (dispatch_2)"
    numbered = [f"f_dispatch_{number}_matmul_4x4x4_f16xf16xf32" for number in (0, 1)]
    assert list(short_names(numbered).values()) == [
        f"matmul 4x4x4 f16xf16xf32 (dispatch_{number})" for number in (0, 1)
    ]


def test_flags_that_fail_are_counted() -> None:
    written = io.StringIO()
    with ProgressView(Console(file=written, width=120)) as view:
        view(PhaseStarted("flags of the whole model: 2 of 2 choices", 2))
        view(FlagsTried(1, {"a": "b"}, 1.0, 1.5))
        view(FlagsTried(2, {"a": "c"}, None, 1.5, "it does not compile"))
        view(PhaseStarted("next"))
    assert "2 of 2 candidates" in written.getvalue()
    assert "raw best 1.50x, failed: Unusable 1" in written.getvalue()


def test_candidates_of_an_earlier_run_do_not_count_towards_the_pace() -> None:
    tally = Tally()
    tally.expect(100, 0.0)
    for _ in range(50):
        tally.add(2.0, None, 0.0, stored=True)
    assert tally.left_s(1.0) is None
    for number in range(10):
        tally.add(2.0, None, 2.0 * (number + 1), stored=False)
    assert tally.left_s(20.0) == pytest.approx(40 * 20.0 / 10)


def test_the_time_left_only_goes_down_while_a_candidate_is_tried() -> None:
    tally, outlook = Tally(), Outlook(40, 1, 0.0, 0.0)
    tally.expect(40, 0.0)
    outlook.start("candidates", 0.0)
    for number in range(10):
        tally.add(2.0, None, 2.0 * (number + 1), stored=False)
        outlook.add_candidate(2.0 * (number + 1), stored=False)
    assert "30 a minute" in tally.text
    for left_s in (tally.left_s, outlook.left_s):
        assert [left_s(20.0 + waited_s) for waited_s in (0.0, 1.0, 2.0, 9.0)] == [60.0, 59.0, 58.0, 58.0]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0 s"), (99.4, "99 s"), (99.6, "2 min"), (3000.0, "50 min"), (5400.0, "90 min"), (7500.0, "2 h 5 min")],
)
def test_times_have_the_units_that_people_use(seconds: float, text: str) -> None:
    assert rough(seconds) == text


def test_python_gets_plain_lines_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_on_stderr(None) as view:
        view(PhaseStarted("matmul: 1 of 4 configurations", 1))
        view(CandidateEnded("matmul", ENDED, 2.0))
        view(Note("[a note]"))
    printed = capsys.readouterr()
    assert printed.out == ""
    phase, counts, note = printed.err.splitlines()
    assert phase == "matmul: 1 of 4 configurations"
    assert counts.startswith("  1 of 1 candidates, ")
    assert note == "[a note]"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1.28, "1.28 s"),
        (1280.0, "1,280 s"),
        (0.0142, "14.2 ms"),
        (0.9996, "1 s"),
        (0.7, "700 ms"),
        (1e-4, "0.1 ms"),
        (5.25e-5, "52.5 us"),
    ],
)
def test_measured_times_are_readable(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [(1, "dispatch", "1 dispatch"), (0, "dispatch", "0 dispatches"), (1200, "problem", "1,200 problems")],
)
def test_one_of_something_is_no_plural(count: int, noun: str, text: str) -> None:
    assert counted(count, noun) == text
