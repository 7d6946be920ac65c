# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes every fault happen at every station of a run, and looks at how the run ends and how it goes on.

    python scripts/fault_matrix.py                       # all, about an hour on two busy cores
    python scripts/fault_matrix.py --station proof --fault crash

Faults are real. Machine code is overwritten while the run is stopped, so that the program crashes, hangs or computes
nothing; compilers are killed by SIGSEGV or stopped; memory is limited in a process at the moment when it is to work;
of a device that is gone every measuring process is killed at once. Whatever holds is delivered: a choice of flags, a
candidate or an entry is lost, never the run. If the device is gone, winners are written to the run's folder, and
nothing to the user's file. Then the same command with --resume ends well.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import faults
import pins
import sabotage
import samples

STATIONS = ("flags", "search", "final", "read-back", "proof", "check")
# What goes wrong, and with whom: a program that runs, or the compiler that makes it.
FAULTS = (
    "wrong output",
    "crash",
    "hang",
    "out of memory",
    "device gone",
    "compiler crashes",
    "compiler hangs",
    "compiler out of memory",
)
_DEEDS = {"wrong output": "write nothing", "crash": "segfault", "hang": "hang"}
_NOTHING_RUNS = "nothing is run there: the compiler's IR is read"
CANNOT_OCCUR = {("read-back", fault): _NOTHING_RUNS for fault in FAULTS if not fault.startswith("compiler")}

# Two products of primes, whose defaults are poor: both have a winner for certain. The second is tuned first.
TWO = samples.two_matmuls(101, 211, 107, 103)
FIRST, SECOND = "dispatch_1_matmul_101x107x211", "dispatch_0_matmul_101x211x103"
ENTRY = "transform.iree.match.contraction"
# The only flags to choose from: a knob of one value, which makes other code of a product.
_CHOICE = "loop-unrolling"
# The file that the compiler writes at a station, which tells it from others.
_OUTPUTS = {
    "flags": f"{_CHOICE}-on.vmfb",
    "read-back": "configured-with-spec.mlir",
    "proof": "model-tuned.vmfb",
    "check": "model-with-specs.vmfb",
}
_ENDS_WITHIN_S = 600.0


@dataclass(frozen=True)
class Cell:
    """A fault at a station."""

    station: str
    fault: str

    @property
    def hits_compiler(self) -> bool:
        return self.fault.startswith("compiler")

    @property
    def is_in_candidates(self) -> bool:
        """Whether the fault is one of a candidate: those are compiled by workers."""
        return self.station in ("search", "final")

    @property
    def costs_nothing(self) -> bool:
        """Whether the plain model, which is loaded first, meets the fault: it is loaded again in a fresh process."""
        return self.station in ("proof", "check") and self.fault == "out of memory"

    @property
    def exit_code(self) -> int:
        if self.costs_nothing:
            return 0
        return 1 if self.fault == "device gone" or self.station == "check" else 0

    @property
    def entries(self) -> int:
        """How many entries are delivered in spite of it. The faults of the proof are those of one of two entries."""
        if self.costs_nothing:
            return 2
        return {"flags": 1, "search": 1, "final": 2, "read-back": 2, "proof": 1, "check": 0}[self.station]

    @property
    def winners(self) -> int:
        """How many winners there are when the device is gone."""
        return {"final": 1, "proof": 2}.get(self.station, 0)

    @property
    def says(self) -> str:
        """What a check says of the model."""
        if self.fault == "device gone":
            return "the device local-sync is lost"
        return {"wrong output": "wrong: whole model"}.get(
            self.fault, "refused: whole model" if self.hits_compiler else "does not run: whole model"
        )


def cells(stations: Sequence[str] = STATIONS, kinds: Sequence[str] = FAULTS) -> list[Cell]:
    """All that can occur."""
    return [Cell(station, fault) for station in stations for fault in kinds if (station, fault) not in CANNOT_OCCUR]


@dataclass
class Prepared:
    """What cells begin with: a store in which the search of both products is done, and a spec of them."""

    store: Path
    spec: Path


@dataclass
class Saboteur:
    """Makes one fault happen to a run, each time that it comes by; `hits` counts."""

    cell: Cell
    run: Path
    driver: int
    hits: int = 0
    _seen: set[int] = field(default_factory=set)
    _there: set[int] = field(default_factory=set)
    _limited: list[tuple[int, int]] = field(default_factory=list)

    def step(self) -> None:
        """Looks whether it is time, and does it."""
        if self._there:
            # Also those that have just started, and are not named yet.
            there = faults.children(self.driver).items()
            fresh = {pid for pid, (name, _) in there if name != "iree-compile"} - self._there
            found = fresh | set(faults.measuring(self.driver))
            self.hits += faults.kill(sorted(found))
        elif self.cell.is_in_candidates:
            self._to_candidates()
        else:
            self._to_model()

    def _to_model(self) -> None:
        for pid, output in compilers(self.driver):
            if output.name == _OUTPUTS[self.cell.station] and pid not in self._seen and self._concerns():
                self._seen.add(pid)
                if self.cell.hits_compiler:
                    self._to_compiler(pid)
                else:
                    with stopped(self.driver):
                        wait_until_ended(pid, self.driver)
                        self._to_program(output)

    def _concerns(self) -> bool:
        """In the proof only what holds the entry of the one product; else everything."""
        spec = self.run / "spec.mlir"
        if self.cell.station not in ("read-back", "proof"):
            return True
        return spec.exists() and SECOND in spec.read_text()

    def _to_candidates(self) -> None:
        dispatch = SECOND if self.cell.station == "final" else "matmul_101"
        folder = next((self.run / "candidates").glob(f"*{dispatch}*"), None)
        if folder is None or self.hits:
            self._forgive()
            return
        # One worker compiles in order: as soon as there is a second binary, the first is whole.
        binaries = sorted(folder.glob("[1-9]*.vmfb"), key=lambda each: each.stat().st_mtime_ns)
        if self.cell.hits_compiler:
            if list(folder.glob("[1-9]*.log")) and not binaries:
                for pid in faults.compiling(self.driver)[:1]:
                    self._to_compiler(pid)
        elif len(binaries) > 1:
            self._to_program(binaries[0])

    def _to_program(self, binary: Path) -> None:
        if self.cell.fault == "device gone":
            self._there = set(faults.children(self.driver))
            return
        if self.cell.fault == "out of memory":
            for pid in faults.measuring(self.driver):
                self._limit(pid)
            return
        whole = binary.with_suffix(".spoiled")
        shutil.copyfile(binary, whole)
        sabotage.spoil(whole, _DEEDS[self.cell.fault])
        whole.replace(binary)
        self.hits += 1

    def _to_compiler(self, pid: int) -> None:
        with suppress(ProcessLookupError):
            if self.cell.fault == "compiler out of memory":
                self._limit(pid)
                return
            os.kill(pid, signal.SIGSTOP if self.cell.fault == "compiler hangs" else signal.SIGSEGV)
            self.hits += 1

    def _limit(self, pid: int) -> None:
        """Lets a process have no more memory, not even what it gave back."""
        soft, hard = resource.prlimit(pid, resource.RLIMIT_AS)
        resource.prlimit(pid, resource.RLIMIT_AS, (resource.getpagesize(), hard))
        self._limited.append((pid, soft))
        self.hits += 1
        self._lines = lines_of(self.run / "log.jsonl")

    def _forgive(self) -> None:
        """Takes a limit away when a candidate has ended that met it: others need less."""
        if self._limited and lines_of(self.run / "log.jsonl") > self._lines:
            for pid, soft in self._limited:
                with suppress(ProcessLookupError):
                    resource.prlimit(pid, resource.RLIMIT_AS, (soft, resource.prlimit(pid, resource.RLIMIT_AS)[1]))
            self._limited.clear()


def lines_of(log: Path) -> int:
    return len(log.read_text().splitlines()) if log.exists() else 0


def compilers(driver: int) -> Iterator[tuple[int, Path]]:
    """The runs of iree-compile that a process has started and that have not ended, and where each writes."""
    for pid, (name, state) in faults.children(driver).items():
        if name == "iree-compile" and state != "Z":
            with suppress(OSError, ValueError):
                words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
                yield pid, Path(words[words.index("-o") + 1])


@contextmanager
def stopped(process: int) -> Iterator[None]:
    """Inside, the process stands still; what it has started goes on."""
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def wait_until_ended(pid: int, parent: int) -> None:
    deadline = time.monotonic() + 60
    while faults.children(parent).get(pid, ("", "Z"))[1] != "Z":
        assert time.monotonic() < deadline, "the compiler does not end"
        time.sleep(0.005)


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code, and what it wrote."""

    exit_code: int
    output: str
    error: str

    @property
    def all(self) -> str:
        return self.output + self.error


def command(*words: object, cwd: Path, watching: Callable[[subprocess.Popen[bytes]], object] | None = None) -> Ended:
    """Runs `iree-tune`; `watching` is done again and again meanwhile. None of its processes is left afterwards."""
    output, error = cwd / "stdout.txt", cwd / "stderr.txt"
    with output.open("wb") as out, error.open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "tuner", *map(str, words)], stdout=out, stderr=err, cwd=cwd, start_new_session=True
        )
        try:
            deadline = time.monotonic() + _ENDS_WITHIN_S
            while process.poll() is None:
                assert time.monotonic() < deadline, f"it does not end: {error.read_text()}"
                if watching is not None:
                    watching(process)
                time.sleep(0.01)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return Ended(process.returncode, output.read_text(), error.read_text())


def run_words(cell: Cell, spec: str = "spec.mlir") -> list[object]:
    """The run that meets a fault; only the flags' has choices of flags, and only one."""
    words: list[object] = ["run", "model.mlir", "-o", spec, "--run-dir", "run", "--json", "--trials", 3, "--workers", 1]
    if cell.station == "flags":
        words += [word for name, value in pins.all_but(_CHOICE).items() for word in ("--pin", f"{name}={value}")]
    else:
        words += ["--keep-flags"]
    if cell.fault == "compiler hangs":
        words += ["--compile-timeout", 15]
    if cell.station not in ("flags", "search"):
        words += ["--store", "store.sqlite"]
    return words


def prepare(place: Path) -> Prepared:
    """Tunes both products once."""
    (place / "model.mlir").write_text(TWO)
    ended = command(*run_words(Cell("proof", "")), "--", samples.NO_PEELING, cwd=place)
    assert ended.exit_code == 0, ended.all
    assert (place / "spec.mlir").read_text().count(ENTRY) == 2, ended.all
    return Prepared(place / "store.sqlite", place / "spec.mlir")


def meet(cell: Cell, place: Path, prepared: Prepared) -> str:
    """Has a run meet a fault in `place`, then go on without. Returns what came of it, or raises AssertionError."""
    one = cell.station in ("flags", "search")
    (place / "model.mlir").write_text(samples.matmul(101, 211, 103) if one else TWO)
    shutil.copy(prepared.store, place / "store.sqlite")
    saboteurs: list[Saboteur] = []

    def watch(process: subprocess.Popen[bytes]) -> None:
        if not saboteurs:
            saboteurs.append(Saboteur(cell, place / "run", process.pid))
        with suppress(ProcessLookupError, FileNotFoundError):
            saboteurs[0].step()

    if cell.station == "check":
        words = ["check", "model.mlir", prepared.spec, "-o", "spec.mlir", "--run-dir", "run"]
        again = [*words[:-1], "again"]
    else:
        words = run_words(cell)
        again = [*words, "--resume"]
    started = time.monotonic()
    ended = command(*words, "--", samples.NO_PEELING, cwd=place, watching=watch)
    took_s = time.monotonic() - started
    assert saboteurs[0].hits, f"the fault did not happen: {ended.all}"
    said = look_at(cell, place, ended)
    resumed = command(*again, "--", samples.NO_PEELING, cwd=place)
    assert resumed.exit_code == 0, f"does not go on: {resumed.all}"
    spec = place / "spec.mlir"
    assert spec.exists(), f"no spec after going on: {resumed.all}"
    assert ENTRY in spec.read_text() or chosen_flags(place / "run"), resumed.all
    assert not (place / "run" / "spec.unproved.mlir").exists()
    return f"{said} ({saboteurs[0].hits} times, {took_s:.0f} s)"


def look_at(cell: Cell, place: Path, ended: Ended) -> str:
    """Looks at the end of the run that met the fault; in a few words what came of it."""
    assert ended.exit_code == cell.exit_code, f"exit code {ended.exit_code}: {ended.all}"
    assert "Traceback" not in ended.all, ended.all
    assert "internal error" not in ended.all, ended.all
    spec, unproved = place / "spec.mlir", place / "run" / "spec.unproved.mlir"
    if cell.station == "check" and not cell.costs_nothing:
        assert cell.says in ended.all, ended.all
        assert not spec.exists()
        return "exit code 1, " + cell.says
    if cell.fault == "device gone":
        assert not spec.exists()
        assert "the device local-sync is lost" in ended.error.splitlines()[-1]
        assert unproved.exists() == (cell.winners > 0)
        if cell.winners:
            assert unproved.read_text().count(ENTRY) == cell.winners
            assert str(unproved) in ended.output
            assert "continue with: iree-tune run model.mlir" in ended.error.splitlines()[-1]
        return f"exit code 1, {cell.winners} winners in spec.unproved.mlir"
    late = place / "spec.late.mlir"
    entries = spec.read_text().count(ENTRY) + (late.read_text().count("iree_tuner.problem") if late.exists() else 0)
    assert entries == cell.entries, f"{entries} entries: {ended.all}"
    if cell.costs_nothing:
        return f"exit code 0, {entries} entries; lost: nothing"
    return f"exit code 0, {entries} entries; lost: {lost_in(cell, place / 'run', ended)}"


def lost_in(cell: Cell, run: Path, ended: Ended) -> str:
    """What the fault cost, and the reason that the run gives."""
    told = [json.loads(line) for line in ended.output.splitlines()]
    logged = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    if cell.station == "flags":
        failed = [each for each in told if each["event"] == "flags tried" and each["time_s"] is None]
        assert len(failed) == 1, told
        return f"a choice, {failed[0]['detail']}"
    if cell.is_in_candidates:
        ends = [each for each in logged if each.get("fate", "Measured") != "Measured"]
        return f"a candidate, {ends[0]['fate']}: {ends[0]['detail']}" if ends else "nothing"
    notes = [each["text"] for each in told if each["event"] == "note" and SECOND in each["text"]]
    lost = [note for note in notes if not note.endswith("known from earlier runs")]
    assert lost, told
    return str(lost[0])


def chosen_flags(run: Path) -> bool:
    """Whether the result of a run holds flags."""
    result: dict[str, Any] = json.loads((run / "result.json").read_text())
    return bool(result.get("flags"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--station", action="append", choices=STATIONS)
    parser.add_argument("--fault", action="append", choices=FAULTS)
    options = parser.parse_args()
    bad = 0
    print("| station | fault | what happens |\n|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory(prefix="fault-matrix-") as folder:
        base = Path(folder) / "prepared"
        base.mkdir()
        prepared = prepare(base)
        for station in options.station or STATIONS:
            for fault in options.fault or FAULTS:
                place = Path(folder) / f"{station}-{fault}".replace(" ", "-")
                place.mkdir()
                try:
                    said = CANNOT_OCCUR.get((station, fault)) or meet(Cell(station, fault), place, prepared)
                except AssertionError as error:
                    bad += 1
                    said = f"BAD: {error}"
                print(f"| {station} | {fault} | {' '.join(said.split())} |", flush=True)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
