# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads a run's folder back into values, whether the run has ended or not. Reports are made of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tuner.dispatch import Configuration, Configured, plain_name
from tuner.errors import InputError
from tuner.facts import BinaryFacts, check_facts
from tuner.foreign import check_edge_slowdown, check_ratios, check_times, parse_json, printable
from tuner.jsonable import field_from_plain as _field
from tuner.jsonable import from_plain, to_plain
from tuner.outcome import Fate
from tuner.rates.breakdown import Breakdown
from tuner.rates.peaks import Peaks, check_peaks
from tuner.runs.folder import RunFolder
from tuner.specs.allocator import UNCHOSEN, AllocatorChoice
from tuner.specs.certificate import Certificate, Circumstances
from tuner.specs.preprocessing import preprocessing_path
from tuner.specs.write import late_path
from tuner.speedup import Gains, Ratio
from tuner.stopwatch import WallTime

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RecordedCandidate:
    """A candidate as it ended. Number 0 is the compiler's default, whose configuration is None.

    `configuration` is plain JSON, as `Configuration.to_json` writes it. `facts` are those of its binary, None if they
    are not known. The others are those of `tuner.outcome.Evaluation`.
    """

    number: int
    configuration: Mapping[str, Any] | None
    fate: Fate
    detail: str
    compile_s: float
    log: Path
    time_s: float | None
    speedup: float | None
    samples_s: tuple[float, ...]
    edge_slowdown: float
    facts: BinaryFacts | None = None


@dataclass(frozen=True, slots=True)
class RecordedDispatch:
    """A dispatch with its candidates in order.

    If the run has not ended, `verdict` is "" and `certificate` is None. `incidents` are what happened during its
    measurements: disturbances, and finalists that failed. `default` is the compiler's own configuration; None if it is
    not known. `default_facts` and `winner_facts` are those of the binaries of the default and of the winner.
    """

    name: str
    problem: str
    verdict: str
    candidates: tuple[RecordedCandidate, ...]
    certificate: Certificate | None
    incidents: tuple[str, ...]
    default: Configured | None = None
    default_facts: BinaryFacts | None = None
    winner_facts: BinaryFacts | None = None

    @property
    def tried(self) -> tuple[RecordedCandidate, ...]:
        """The candidates other than the default."""
        return tuple(candidate for candidate in self.candidates if candidate.configuration is not None)

    @property
    def winner(self) -> RecordedCandidate | None:
        """The candidate that is in the spec, or None if the default stays."""
        certificate = self.certificate
        if certificate is None or not certificate.accepted or certificate.configuration is None:
            return None
        accepted = certificate.configuration.to_json()
        return next((candidate for candidate in self.tried if candidate.configuration == accepted), None)


@dataclass(frozen=True, slots=True)
class RecordedFlags:
    """Flags of the whole compilation that were tried: `values` of the knobs that were not at their default.

    `time_s` is the median seconds of a run of the model, or None if it failed; `detail` then says why.
    """

    number: int
    values: Mapping[str, str]
    time_s: float | None
    detail: str


@dataclass(frozen=True, slots=True)
class RecordedOps:
    """A choice for single ops that was tried: `values` has its kind and its value. It was kept if `detail` is ""."""

    number: int
    values: Mapping[str, str]
    ops: tuple[str, ...]
    time_s: float | None
    detail: str


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A run. `has_ended` says whether it came to a result; without one, only candidates are known.

    `model` is the certificate of the whole model if a spec was found. `command` started the run, `compile_command`
    uses its spec, `spec`, `late_spec` and `preprocessing` are the specs' text; each is empty if unknown. `flags` were
    chosen for the whole compilation among `flags_tried`, `ops` for single ops among `ops_tried`, `allocator` for its
    runs. `late_gain` is the speed-up by late entries over what plain iree-compile applies. `command_shown` says how
    `compile_command` was shown to be enough. `gains` and `breakdown` are those of the result, None if it has none.
    `peaks` are the machine's, if they were known. `model_digest` is the SHA-256 of the model's file, "" if unknown.
    `wall_time` is None for runs of earlier versions.
    """

    folder: Path
    has_ended: bool
    device: str
    dispatches: tuple[RecordedDispatch, ...]
    model: Certificate | None
    spec: str
    late_spec: str
    preprocessing: str
    command: tuple[str, ...]
    compile_command: tuple[str, ...]
    flags: tuple[str, ...]
    flags_tried: tuple[RecordedFlags, ...]
    ops: tuple[str, ...]
    ops_tried: tuple[RecordedOps, ...]
    allocator: AllocatorChoice = UNCHOSEN
    late_gain: Ratio | None = None
    command_shown: str = ""
    wall_time: WallTime | None = None
    gains: Gains | None = None
    breakdown: Breakdown | None = None
    peaks: Peaks | None = None
    model_digest: str = ""

    @property
    def circumstances(self) -> Circumstances | None:
        """What the certificates share; None if there are none."""
        return next((certificate.circumstances for certificate in self.certificates), None)

    @property
    def model_file(self) -> str:
        """The name of the model's file, "" if unknown."""
        place = 2 if self.compile_command[:1] == ("iree-tune",) else 1
        return next((Path(word).name for word in self.compile_command[place : place + 1]), "")

    @property
    def spec_files(self) -> tuple[str, ...]:
        """The names of the files that `compile_command` applies to the model."""
        words = [word.rpartition("=")[2] for word in self.compile_command]
        named = dict.fromkeys(Path(word).name for word in words if word.endswith(".mlir"))
        return tuple(name for name in named if name != self.model_file)

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        """The certificates of the dispatches, then that of the model."""
        found = [dispatch.certificate for dispatch in self.dispatches]
        return tuple(certificate for certificate in (*found, self.model) if certificate is not None)


def read_run(path: Path) -> RecordedRun:
    """The run in a folder. Raises InputError if there is none, or if its files are not what a run writes."""
    folder = RunFolder(path)
    if not folder.log.is_file():
        raise InputError(f"{path} holds no run (it has no {folder.log.name}); name the folder of a run")
    records = _read_lines(folder.log)
    result = _read_object(folder.result)
    try:
        return _run(folder, records, result)
    except ValueError as error:
        raise InputError(
            f"{path} was not written by this version of iree-tuner ({error}); report it with the version that wrote it"
        ) from error


def _run(folder: RunFolder, records: list[dict[str, Any]], result: dict[str, Any] | None) -> RecordedRun:
    ended = [] if result is None else _objects(result, "dispatches")
    results = {_field(str, dispatch, "dispatch"): dispatch for dispatch in ended}
    named = [_field(str, record, "dispatch") for record in records if record.get("dispatch", "") != ""]
    names = list(results) or list(dict.fromkeys(named))
    command = _read_object(folder.command) or {"command": []}
    return RecordedRun(
        folder=folder.path,
        has_ended=result is not None,
        device="" if result is None else _field(str, result, "device"),
        dispatches=tuple(
            _dispatch(name, folder, [record for record in records if record.get("dispatch") == name], results.get(name))
            for name in names
        ),
        model=None if result is None or result.get("model") is None else _certificate(result["model"]),
        spec=_text(folder.spec),
        late_spec=_text(late_path(folder.spec)),
        preprocessing=_text(preprocessing_path(folder.spec)),
        command=_field(tuple[str, ...], command, "command"),
        compile_command=() if result is None else _field(tuple[str, ...], result, "compile_command"),
        # Runs of earlier versions chose none.
        flags=_field(tuple[str, ...], result, "flags") if result is not None and "flags" in result else (),
        flags_tried=tuple(_flags_tried(record) for record in records if record.get("event") == "flags tried"),
        allocator=UNCHOSEN if result is None else _allocator(result),
        late_gain=None if result is None else _field(Ratio | None, result, "late_gain"),
        command_shown="" if result is None else _field(str, result, "command_shown"),
        ops=_field(tuple[str, ...], result, "ops") if result is not None and "ops" in result else (),
        ops_tried=tuple(_ops_tried(record) for record in records if record.get("event") == "op choice tried"),
        wall_time=_wall_time((result or {}).get("wall_time")),
        gains=_gains(result or {}),
        breakdown=_breakdown(result or {}),
        peaks=_peaks(result or {}),
        model_digest=_digest(command),
    )


def _allocator(result: dict[str, Any]) -> AllocatorChoice:
    """What the model ran with. Earlier versions wrote nothing of flags."""
    written = result.get("allocator")
    if isinstance(written, dict):
        result = {"allocator": {"flagged": None, **written}}
    read: AllocatorChoice = _field(AllocatorChoice, result, "allocator")
    return read


def _dispatch(
    name: str, folder: RunFolder, records: list[dict[str, Any]], ended: dict[str, Any] | None
) -> RecordedDispatch:
    return RecordedDispatch(
        name=name,
        problem="" if ended is None else _field(str | None, {"problem": None, **ended}, "problem") or "",
        verdict="" if ended is None else _field(str, ended, "verdict"),
        candidates=tuple(_candidate(folder, record) for record in records if "candidate" in record),
        certificate=None if ended is None else _certificate(ended),
        incidents=tuple(_incident(record) for record in records if "event" in record),
        default=_optional(Configured, ended or {}, "default"),
        default_facts=_facts((ended or {}).get("facts"), "default"),
        winner_facts=_facts((ended or {}).get("facts"), "winner"),
    )


def _candidate(folder: RunFolder, record: dict[str, Any]) -> RecordedCandidate:
    number, configuration = _field(int, record, "candidate"), record.get("configuration")
    read = RecordedCandidate(
        number=number,
        configuration=None if configuration == "default" else _configuration(configuration),
        fate=_field(Fate, record, "fate"),
        detail=_field(str, record, "detail"),
        compile_s=_field(float, record, "compile_s"),
        log=_log(folder, _field(str, record, "dispatch"), number, _field(Path, record, "log")),
        time_s=_field(float | None, record, "time_s"),
        speedup=_field(float | None, record, "speedup"),
        samples_s=_field(tuple[float, ...], record, "samples_s"),
        edge_slowdown=_field(float, record, "edge_slowdown"),
        facts=_facts(record, "facts"),
    )
    if number < 0 or read.compile_s < 0:
        raise ValueError(f"a candidate has the number {number} and took {read.compile_s:g} s to compile")
    check_times("time_s", (read.time_s,))
    check_times("samples_s", read.samples_s)
    check_ratios("speedup", (read.speedup,))
    check_edge_slowdown(read.edge_slowdown)
    return read


def _facts(holder: Any, name: str) -> BinaryFacts | None:
    """The facts of a binary under a name of an object, None if it has none. Raises ValueError."""
    facts = _optional(BinaryFacts, holder, name) if isinstance(holder, dict) else None
    check_facts(facts)
    return facts


def _configuration(data: Any) -> Mapping[str, Any]:
    """A configuration as `Configuration.to_json` wrote it. That leaves out fields that are not set."""
    unset = to_plain(Configuration(_field(str, data, "pipeline"), {}))
    return from_plain(Configuration, {**unset, **data}).to_json()


def _log(folder: RunFolder, dispatch: str, number: int, recorded: Path) -> Path:
    """The log of a candidate, in the folder as it lies now: it may have been moved since the log was recorded.

    A candidate from a store that runs share has its log in the folder of another run. Only `*.log` is read there.
    """
    aside = "rival" if recorded.parts[-4:-3] == ("rival",) else "."
    here = folder.path / aside / "candidates" / plain_name(dispatch) / f"{number}.log"
    return here if here.exists() or recorded.suffix != ".log" else recorded


def _flags_tried(record: dict[str, Any]) -> RecordedFlags:
    time_s = _field(float | None, record, "time_s")
    check_times("time_s", (time_s,))
    values = _field(Mapping[str, str], record, "values")
    return RecordedFlags(_field(int, record, "number"), values, time_s, _field(str, record, "detail"))


def _ops_tried(record: dict[str, Any]) -> RecordedOps:
    flags = _flags_tried(record)
    return RecordedOps(flags.number, flags.values, _field(tuple[str, ...], record, "ops"), flags.time_s, flags.detail)


def _incident(record: dict[str, Any]) -> str:
    detail: str = _field(str, record, "detail")
    if record["event"] == "finalist failed":
        number, fate = _field(int, record, "number"), _field(Fate, record, "fate")
        return f"candidate {number} was passed over: {fate}, {detail}"
    return detail


def _wall_time(data: Any) -> WallTime | None:
    if data is None:
        return None
    if isinstance(data, dict):
        data = {name: value for name, value in data.items() if name != "orchestration_s"}
    read = from_plain(WallTime, data)
    check_times("total_s", (read.total_s,))
    if min(read.compiling_s, read.measuring_s, read.solving_s, read.starting_s) < 0:
        raise ValueError("a part of the wall time is negative")
    return read


def _optional(kind: type[T], record: Mapping[str, Any], name: str) -> T | None:
    """The value of a field that results of earlier versions lack."""
    found: T | None = _field(kind, record, name) if record.get(name) is not None else None
    return found


def _gains(result: Mapping[str, Any]) -> Gains | None:
    gains = _optional(Gains, result, "gains")
    if gains is not None:
        for ratio in (gains.ops, gains.flags, gains.spec, gains.together):
            check_ratios("gains", () if ratio is None else (ratio.value, ratio.low, ratio.high))
    return gains


def _breakdown(result: Mapping[str, Any]) -> Breakdown | None:
    breakdown = _optional(Breakdown, result, "breakdown")
    for dispatch in () if breakdown is None else (*breakdown.untuned, *breakdown.tuned):
        check_times("seconds", (dispatch.seconds,))
        if dispatch.runs < 0 or (
            dispatch.footprint and min(dispatch.footprint.operations, dispatch.footprint.bytes) < 0
        ):
            raise ValueError(f"the dispatch {dispatch.name} of the breakdown has a negative number")
    return breakdown


def _peaks(result: Mapping[str, Any]) -> Peaks | None:
    peaks = _optional(Peaks, result, "peaks")
    if peaks is not None:
        check_peaks(peaks)
    return peaks


def _digest(command: Mapping[str, Any]) -> str:
    asked = command.get("asked")
    digest = asked.get("MODEL") if isinstance(asked, dict) else None
    return digest if isinstance(digest, str) and re.fullmatch("[0-9a-f]{64}", digest) else ""


def _certificate(holder: Any) -> Certificate | None:
    """The certificate of an object, None if it has null there. Raises ValueError if it is no certificate."""
    if not isinstance(holder, dict) or "certificate" not in holder:
        raise ValueError("there is no 'certificate'")
    try:
        return None if holder["certificate"] is None else Certificate.from_json(holder["certificate"])
    except InputError as error:
        raise ValueError(str(error)) from error


def _objects(record: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = record.get(name)
    if not isinstance(found, list) or not all(isinstance(element, dict) for element in found):
        raise ValueError(f"'{name}' is no list of objects")
    return found


def _read_lines(log: Path) -> list[dict[str, Any]]:
    """The log's records. The last line may be cut short: the run may have been killed while it wrote."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError as error:
        raise InputError(f"{log} cannot be read: {error.strerror}") from error
    records = []
    for number, line in enumerate(lines, 1):
        try:
            record = parse_json(line)
        except ValueError as error:
            if number == len(lines):
                break
            raise InputError(f"{log} is damaged in line {number}; delete that line to read the rest") from error
        if not isinstance(record, dict):
            raise InputError(f"{log} is no log of a run: line {number} is no object")
        records.append(record)
    return records


def _read_object(path: Path) -> dict[str, Any] | None:
    """The object in a file, or None if there is no such file. Raises InputError if the file holds something else."""
    try:
        data = parse_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; remove it to report on the rest") from error
    except ValueError as error:
        raise InputError(f"{path} is damaged ({error}); remove it to report on the rest of the run") from error
    if not isinstance(data, dict):
        raise InputError(f"{path} holds no object; remove it to report on the rest of the run")
    return data


def _text(path: Path) -> str:
    return printable(path.read_text(errors="replace")) if path.is_file() else ""
