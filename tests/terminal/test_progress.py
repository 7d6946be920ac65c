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
from tuner.evaluate.budget import Budget
from tuner.events import CandidateEnded, FlagsTried, Listener, Note, PhaseStarted, SearchPlanned
from tuner.outcome import Candidate, Compilation, Evaluation, Fate
from tuner.terminal import ProgressView
from tuner.terminal.tally import Tally
from tuner.terminal.units import rough

KINDS = {
    "run started",
    "phase started",
    "search planned",
    "candidate ended",
    "flags tried",
    "op choice tried",
    "finalist failed",
    "disturbance",
    "note",
}


def ended(number: int, fate: Fate = Fate.MEASURED) -> Evaluation:
    compilation = Compilation(Candidate(number), Fate.COMPILED, "", 0.1, Path("1.log"))
    return Evaluation(compilation, fate, "", 1e-3, 2.0)


ENDED = ended(1)


def iree_tune(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "tuner", *map(str, arguments)]


@pytest.mark.runs
def test_programs_read_a_run_from_stdout(tmp_path: Path) -> None:
    """Stdout has phases, candidates with their fates, flags and the result alone. Text for people is on stderr."""
    (tmp_path / "model.mlir").write_text(samples.matmul(96, 64, 48))
    arguments = ("run", "model.mlir", "--trials", "4", "--pin", "opt-level=default", "--run-dir", "run", "--json")
    command = iree_tune(*arguments, "-o", "spec.mlir")
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=300)
    assert done.returncode == 0, done.stderr
    *events, result = map(json.loads, done.stdout.splitlines())
    assert {event["event"] for event in events} <= KINDS
    at = [event["at_s"] for event in (*events, result)]
    assert at == sorted(at)
    phases = [event["text"] for event in events if event["event"] == "phase started"]
    assert phases[0] == "reading model.mlir"
    assert any("4 of" in phase for phase in phases)
    (planned,) = (event for event in events if event["event"] == "search planned")
    assert planned["candidates"] == 4 * planned["dispatches"] > 0
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


def play_a_search(view: Listener, seconds: list[float], count: int) -> None:
    """Plays the events of a search: a candidate each second, of which every fifth does not compile."""
    view(SearchPlanned(1, count))
    view(PhaseStarted("d0: 60 of 900 configurations", count))
    for number in range(1, count + 1):
        seconds[0] += 1.0
        fate = Fate.MEASURED if number % 5 else Fate.COMPILE_FAILED
        view(CandidateEnded("d0", ended(number, fate), 1.0 + number / 100))
    view(PhaseStarted("d0: best against default, interleaved"))


def test_plain_lines_come_every_ten_seconds_and_for_each_phase() -> None:
    seconds, written = [100.0], io.StringIO()
    with ProgressView(Console(file=written, width=120), clock=lambda: seconds[0]) as view:
        play_a_search(view, seconds, 60)
        view(Note("something to read"))
    lines = written.getvalue().splitlines()
    assert lines[0] == "d0: 60 of 900 configurations"
    counts = [line for line in lines if "candidates" in line]
    assert len(counts) == 6
    assert counts[2] == ("  30 of 60 candidates, 60 a minute, best 1.30x, failed: CompileFailed 6, about 30 s left")
    assert counts[-1] == "  60 of 60 candidates, 60 a minute, best 1.60x, failed: CompileFailed 12"
    assert lines[-2:] == ["d0: best against default, interleaved", "something to read"]


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
        play_a_search(view, seconds, 60)
    shown = written.getvalue()
    assert "60 of 60 candidates, 60 a minute, best 1.60x, failed: CompileFailed 12; budget: 10 min left" in shown


def test_flags_that_fail_are_counted() -> None:
    written = io.StringIO()
    with ProgressView(Console(file=written, width=120)) as view:
        view(PhaseStarted("flags of the whole model: 2 of 2 choices", 2))
        view(FlagsTried(1, {"a": "b"}, 1.0, 1.5))
        view(FlagsTried(2, {"a": "c"}, None, 1.5, "it does not compile"))
        view(PhaseStarted("next"))
    assert "2 of 2 candidates" in written.getvalue()
    assert "best 1.50x, failed: Unusable 1" in written.getvalue()


def test_candidates_of_an_earlier_run_do_not_count_towards_the_pace() -> None:
    tally = Tally()
    tally.expect(100, 0.0)
    for _ in range(50):
        tally.add(2.0, None, stored=True)
    assert tally.left_s(1.0) is None
    for _ in range(10):
        tally.add(2.0, None, stored=False)
    assert tally.left_s(20.0) == pytest.approx(40 * 20.0 / 10)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0 s"), (99.4, "99 s"), (99.6, "2 min"), (3000.0, "50 min"), (5400.0, "90 min"), (7500.0, "2 h 5 min")],
)
def test_times_have_the_units_that_people_use(seconds: float, text: str) -> None:
    assert rough(seconds) == text
