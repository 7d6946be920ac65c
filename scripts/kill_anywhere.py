# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kills runs at random moments by SIGKILL, resumes each, and looks whether anything was lost or done twice.

    python scripts/kill_anywhere.py --kills 30

Victims are the driver alone, its whole process group, the process that measures, and one that compiles. After each
kill the store is whole, holds all that the log says had ended, and nothing that it held has changed; no process and
no temporary file is left. A resumed run takes what is stored and evaluates the rest, and asks for what the run before
asked, in the same order. When a run has ended, one more with the same seed on its store asks for the same candidates,
evaluates none and finds a winner among the fastest: it is an unbroken run that is told the same times. An unbroken run
with a store of its own asks for the same until it is told its first times, which are others; then the two go their own
ways.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import faults
import samples
from tuner.evaluate.final_costs import FINALISTS

VICTIMS = ("driver", "group", "measuring", "compiling")
ENDS_WITHIN_S = 30.0
# A run asks for its first batch, of at least so many candidates, before it is told any time.
UNTOLD = 4


@dataclass
class Run:
    """A run that is broken off and resumed: its folder, what each attempt asked, what the store held before it."""

    folder: Path
    trials: int
    attempts: int = 0
    asked: list[str] = field(default_factory=list)
    stored: dict[str, tuple[Any, ...]] = field(default_factory=dict)

    @property
    def store(self) -> Path:
        return self.folder / "store.sqlite"

    @property
    def events(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.{self.attempts}.jsonl")

    def start(self, *more: str) -> subprocess.Popen[bytes]:
        """Begins it, or goes on with it where it was broken off."""
        self.attempts += 1
        self.stored = rows(self.store)
        resume = ("--resume",) if (self.folder / "command.json").exists() else ()
        model = self.folder.parent / "model.mlir"
        command = ["run", model, "--trials", self.trials, "--seed", 3, "--run-dir", self.folder, "--keep-flags"]
        with self.events.open("wb") as events, self.events.with_suffix(".stderr").open("wb") as said:
            return subprocess.Popen(
                [sys.executable, "-m", "tuner", *map(str, command), "--json", *resume, *more, "--", samples.NO_PEELING],
                stdout=events,
                stderr=said,
                cwd=self.folder.parent,
                env={**os.environ, "TMPDIR": str(self.folder.parent / "temporary")},
                start_new_session=True,
            )

    def check(self) -> None:
        """What must hold after every attempt, however it ended."""
        kept = rows(self.store)
        assert {name: kept.get(name) for name in self.stored} == self.stored, "a stored evaluation is gone or another"
        ended = [each for each in told(self.events) if each["event"] == "candidate ended" and each["candidate"]]
        for each in ended:
            known = choice(each) in self.stored
            assert each["stored"] == known, f"candidate {each['candidate']}: stored {known}, evaluated {not known}"
            assert choice(each) in kept, f"candidate {each['candidate']} ended and was not kept"
        asked = [choice(each) for each in ended]
        common = min(len(asked), len(self.asked))
        assert asked[:common] == self.asked[:common], "a resumed run asks for something else"
        self.asked = max(asked, self.asked, key=len)
        temporary = self.folder.parent / "temporary"
        assert not list(temporary.iterdir()), f"left behind: {list(temporary.iterdir())}"


def choice(event: dict[str, Any]) -> str:
    return json.dumps(event["configuration"], sort_keys=True, separators=(",", ":"))


def told(events: Path) -> list[dict[str, Any]]:
    """A run's events; the last line may be cut short by the kill."""
    lines = events.read_text().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def rows(store: Path) -> dict[str, tuple[Any, ...]]:
    """The evaluations of a store, which must be whole; a kill may come before it has a table."""
    if not store.exists():
        return {}
    connection = sqlite3.connect(store, timeout=60)
    try:
        assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]
        if not connection.execute("select 1 from sqlite_master where name = 'evaluations'").fetchone():
            return {}
        found = connection.execute("select choice, fate, detail, time_s, speedup, samples_s, ended from evaluations")
        return {name: tuple(rest) for name, *rest in found}
    finally:
        connection.close()


def wait_until_gone(process: subprocess.Popen[bytes]) -> None:
    process.wait(timeout=ENDS_WITHIN_S)
    deadline = time.monotonic() + ENDS_WITHIN_S
    while faults.group_lives(process.pid):
        assert time.monotonic() < deadline, f"still there: {faults.children(1)}"
        time.sleep(0.05)


def strike(process: subprocess.Popen[bytes], victim: str) -> bool:
    """Kills one, as soon as there is one; whether that ended the run."""
    pids: Callable[[int], list[int]] = faults.measuring if victim == "measuring" else faults.compiling
    deadline = time.monotonic() + 2
    while victim in ("measuring", "compiling") and time.monotonic() < deadline and process.poll() is None:
        if faults.kill(pids(process.pid)[:1]):
            return False
        time.sleep(0.005)
    if victim == "group":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    wait_until_gone(process)
    return True


def check_winner(folder: Path, store: Path) -> None:
    """The winner of a run that has ended is among the fastest candidates of the store.

    Which of them wins may differ: the final measures them anew, on a machine that others use.
    """
    (dispatch,) = json.loads((folder / "result.json").read_text())["dispatches"]
    times = {name: time_s for name, (_, _, time_s, *_) in rows(store).items() if time_s is not None}
    fastest = sorted(times, key=lambda name: times[name])[:FINALISTS]
    winner = choice({"configuration": dispatch["winner"]})
    assert winner in fastest, f"{winner} is none of the {FINALISTS} fastest"


def winners_speedup(run: Run) -> float:
    """How many times faster the winner of a run that has ended is than the default."""
    (dispatch,) = json.loads((run.folder / "result.json").read_text())["dispatches"]
    assert dispatch["winner"] is not None
    baseline, candidate = (np.median(dispatch["certificate"][name]) for name in ("baseline_s", "candidate_s"))
    return float(baseline / candidate)


def finish(run: Run, process: subprocess.Popen[bytes], unbroken: Run) -> str:
    """Waits for the end of a run and looks at all that it says; in a word what came of it."""
    process.wait(timeout=600)
    said = run.events.with_suffix(".stderr").read_text()
    assert process.returncode == 0, said
    wait_until_gone(process)
    run.check()
    assert len(run.asked) == len(set(run.asked)) == run.trials
    assert set(run.asked) == set(rows(run.store))
    assert run.asked[:UNTOLD] == unbroken.asked[:UNTOLD], "an unbroken run begins elsewhere"
    assert not list(run.folder.rglob("iree-tuner-*"))
    again = Run(run.folder.with_name(f"{run.folder.name}-again"), run.trials)
    replay = again.start("--store", str(run.store))
    assert replay.wait(timeout=600) == 0, again.events.with_suffix(".stderr").read_text()
    events = [each for each in told(again.events) if each["event"] == "candidate ended" and each["candidate"]]
    assert [choice(each) for each in events] == run.asked, "an unbroken run asks for something else"
    assert all(each["stored"] for each in events)
    found, replayed = winners_speedup(run), winners_speedup(again)
    result = f"winner {found:.1f}x after {run.attempts} attempts, replayed {replayed:.1f}x"
    check_winner(run.folder, run.store)
    check_winner(again.folder, run.store)
    shutil.rmtree(again.folder)
    return result


def kill_anywhere(place: Path, trials: int, kills: int, seed: int, say: Callable[[str], object]) -> Counter[str]:
    """Does it all in `place`, with runs of so many candidates; how often each victim was killed.

    Raises AssertionError where something is lost.
    """
    moments = random.Random(seed)
    (place / "model.mlir").write_text(samples.matmul(101, 211, 103))
    (place / "temporary").mkdir()
    first = Run(place / "unbroken", trials)
    started = time.monotonic()
    process = first.start()
    assert process.wait(timeout=600) == 0, first.events.with_suffix(".stderr").read_text()
    span_s = time.monotonic() - started
    first.check()
    say(f"unbroken: {span_s:.1f} s, {len(first.asked)} candidates, winner {winners_speedup(first):.1f}x")
    killed: Counter[str] = Counter()
    number = 1
    run = Run(place / f"run-{number}", trials)
    running: subprocess.Popen[bytes] | None = None
    while sum(killed.values()) < kills:
        running = running or run.start()
        wait_s = moments.uniform(0, span_s)
        try:
            running.wait(timeout=wait_s)
        except subprocess.TimeoutExpired:
            victim = moments.choice(VICTIMS)
            ended = strike(running, victim)
            killed[victim] += 1
            if ended:
                run.check()
                running = None
            say(f"kill {sum(killed.values())}: {victim} after {wait_s:.1f} s, {len(rows(run.store))} evaluations kept")
        else:
            say(f"run {number} ended: {finish(run, running, first)}")
            number += 1
            run, running = Run(place / f"run-{number}", trials), None
    running = running or run.start()
    say(f"run {number} ended: {finish(run, running, first)}")
    return killed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--trials", type=int, default=24, help="of each run")
    parser.add_argument("--seed", type=int, default=None, help="of the moments (drawn anew where none is given)")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    print(f"moments by seed {seed}", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kill-anywhere-") as place:
        killed = kill_anywhere(Path(place), options.trials, options.kills, seed, lambda text: print(text, flush=True))
    counts = ", ".join(f"{victim} {count}" for victim, count in sorted(killed.items()))
    print(f"{sum(killed.values())} kills ({counts}) in {time.monotonic() - started:.0f} s: nothing lost, nothing twice")


if __name__ == "__main__":
    main()
