# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The results of the other machine: one JSON object a line, written as soon as a candidate or a final ends."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuner.bundle import manifest
from tuner.errors import InputError
from tuner.evaluate.final import Final
from tuner.foreign import check_edge_slowdown, check_ratios, check_rounds, check_times, parse_json, shown
from tuner.jsonable import field_from_plain, from_plain, to_plain
from tuner.measuring import Verification
from tuner.measuring.racecheck import RaceCheck, check_checked
from tuner.measuring.sampling import Paired
from tuner.outcome import Compilation, Evaluation, Fate
from tuner.speedup import Ratio, is_faster_anywhere, speedup

SCHEMA = "iree-tuner-results/4"
FILE = "results.jsonl"


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine that measures a bundle: its processor or GPU by name, IREE's URI of that, and the versions."""

    processor: str
    device: str
    runtime_version: str
    python_version: str


@dataclass(frozen=True, slots=True)
class Ended:
    """How a candidate ended there. Times are seconds of one run, as in `tuner.outcome.Evaluation`."""

    number: int
    fate: str
    detail: str
    time_s: float | None
    speedup: float | None
    samples_s: tuple[float, ...]
    edge_slowdown: float

    @staticmethod
    def of(evaluation: Evaluation) -> Ended:
        """The end of a candidate as it is kept."""
        return Ended(
            evaluation.candidate.number,
            evaluation.fate.value,
            evaluation.detail,
            evaluation.time_s,
            evaluation.speedup,
            evaluation.samples_s,
            evaluation.edge_slowdown,
        )

    def evaluation(self, compilation: Compilation) -> Evaluation:
        """As in a run; `compilation` is that of the same candidate."""
        fate = Fate(self.fate)
        return Evaluation(compilation, fate, self.detail, self.time_s, self.speedup, self.samples_s, self.edge_slowdown)


@dataclass(frozen=True, slots=True)
class FinalSamples:
    """The final of the best candidate against the default, round by round, and the verification of its outputs."""

    number: int
    paired: Paired
    verification: Verification
    seeds: tuple[int, ...]
    runs: int
    races: RaceCheck | None

    @staticmethod
    def of(final: Final) -> FinalSamples:
        """The final as it is kept."""
        number = final.evaluation.candidate.number
        return FinalSamples(number, final.paired, final.verification, final.seeds, final.runs, final.races)

    @property
    def ratio(self) -> Ratio:
        """The speed-up over the default."""
        return speedup(self.paired.baseline_s, self.paired.candidate_s)

    def final(self, evaluation: Evaluation, min_gain: float) -> Final:
        """As in a run; `evaluation` is that of the candidate `number`."""
        accepted = is_faster_anywhere(self.ratio, evaluation.edge_slowdown, min_gain)
        return Final(
            evaluation, self.paired, self.ratio, self.verification, accepted, self.seeds, self.runs, self.races
        )


@dataclass(slots=True)
class DispatchResults:
    """The results of one dispatch so far.

    `is_complete`: it was measured to its end; then `final` is None if no candidate ran. `refused`: why nothing of it
    could be measured the last time.
    """

    ended: dict[int, Ended] = field(default_factory=dict)
    final: FinalSamples | None = None
    is_complete: bool = False
    refused: str = ""


class Results:
    """The results of a bundle, read from its folder and added to."""

    def __init__(self, path: Path, machine: Machine, dispatches: dict[str, DispatchResults]) -> None:
        """Use `read` or `open`."""
        self.path = path
        self.machine = machine
        self._dispatches = dispatches

    @staticmethod
    def read(folder: Path) -> Results | None:
        """The results so far, None if there are none. A last line that was cut off is left out.

        Raises InputError for another bundle's results, and for a file that holds no results.
        """
        path = folder / FILE
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}") from error
        lines = content.decode(errors="replace").splitlines(keepends=True)
        lines = [line for line in lines if line.endswith("\n")]
        if not lines:
            return None
        try:
            records = [parse_json(line) for line in lines]
            machine = _machine(path, records[0], _bundle(folder))
            dispatches: dict[str, DispatchResults] = {}
            for record in records[1:]:
                _take(dispatches.setdefault(field_from_plain(str, record, "dispatch"), DispatchResults()), record)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path} is broken ({error}); remove it and measure the bundle again") from error
        return Results(path, machine, dispatches)

    @staticmethod
    def open(folder: Path, machine: Machine) -> Results:
        """The results so far, or a new file. Raises InputError for another machine's results."""
        found = Results.read(folder)
        path = folder / FILE
        if found is not None:
            if found.machine != machine:
                raise InputError(
                    f"{path} was started on {found.machine.processor} ({found.machine.device}, iree-base-runtime"
                    f" {found.machine.runtime_version}); remove it, or measure a fresh copy of the bundle here"
                )
            _cut_to_whole_lines(path)
            return found
        path.unlink(missing_ok=True)
        results = Results(path, machine, {})
        results._append({"schema": SCHEMA, "bundle": _bundle(folder), "machine": to_plain(machine)})
        return results

    def of(self, dispatch: str) -> DispatchResults:
        """The results of a dispatch so far."""
        return self._dispatches.setdefault(dispatch, DispatchResults())

    def add_ended(self, dispatch: str, ended: Ended) -> None:
        """Keeps how a candidate ended. It is on the disk when this returns."""
        self._add(dispatch, {"ended": to_plain(ended)})

    def add_final(self, dispatch: str, final: FinalSamples | None) -> None:
        """Keeps the final of a dispatch, None if no candidate ran. The dispatch is then complete."""
        self._add(dispatch, {"final": to_plain(final)})

    def add_refused(self, dispatch: str, reason: str) -> None:
        """Keeps why nothing of a dispatch can be measured."""
        self._add(dispatch, {"refused": reason})

    def _add(self, dispatch: str, record: dict[str, Any]) -> None:
        self._append({"dispatch": dispatch, **record})
        _take(self.of(dispatch), record)

    def _append(self, record: dict[str, Any]) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps(record) + "\n")
            file.flush()
            os.fsync(file.fileno())


def _machine(path: Path, header: Any, bundle: str) -> Machine:
    if header["schema"] != SCHEMA:
        raise InputError(f"{path} has the schema {shown(header['schema'])}, this version reads {SCHEMA}")
    if header["bundle"] != bundle:
        raise InputError(f"{path} belongs to another bundle; copy it to the one that was measured")
    return from_plain(Machine, header["machine"])


def _take(known: DispatchResults, record: dict[str, Any]) -> None:
    if "ended" in record:
        ended = field_from_plain(Ended, record, "ended")
        _check_ended(ended)
        known.ended[ended.number] = ended
    if "final" in record:
        known.final = field_from_plain(FinalSamples | None, record, "final")
        if known.final is not None:
            _check_final(known.final, known.ended)
        known.is_complete, known.refused = True, ""
    if "refused" in record:
        known.refused = field_from_plain(str, record, "refused")


def _check_ended(ended: Ended) -> None:
    """Raises ValueError for values that the types allow and no measurement gives."""
    if Fate(ended.fate) is Fate.MEASURED and (ended.time_s is None or ended.speedup is None):
        raise ValueError(f"candidate {ended.number} was measured and has no time")
    if ended.number < 0:
        raise ValueError(f"a candidate has the number {ended.number}")
    check_times("time_s", (ended.time_s,))
    check_times("samples_s", ended.samples_s)
    check_ratios("speedup", (ended.speedup,))
    check_edge_slowdown(ended.edge_slowdown)


def _check_final(final: FinalSamples, ended: Mapping[int, Ended]) -> None:
    """Raises ValueError for values that the types allow and no measurement gives."""
    found = ended.get(final.number)
    if final.number < 1 or found is None or Fate(found.fate) is not Fate.MEASURED:
        raise ValueError(f"the final's candidate {final.number} was not measured")
    if final.verification.max_error < 0 or not final.verification.passed:
        raise ValueError(f"the final's candidate {final.number} did not pass its verification")
    check_rounds(final.paired.baseline_s, final.paired.candidate_s)
    check_checked(final.runs, final.races)


def _bundle(folder: Path) -> str:
    """The identity of a bundle: a digest of its manifest."""
    return hashlib.sha256((folder / manifest.FILE).read_bytes()).hexdigest()


def _cut_to_whole_lines(path: Path) -> None:
    """Removes a last line that was cut off, so that the next record has a line of its own."""
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        with path.open("r+b") as file:
            file.truncate(len(whole))
