# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads a run's folder back into values: what reports are made of, whether the run has ended or not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner.certificate import Certificate
from tuner.errors import InputError
from tuner.outcome import Fate
from tuner.plain import from_plain
from tuner.run_folder import RunFolder
from tuner.spec import late_path
from tuner.stopwatch import WallTime


@dataclass(frozen=True, slots=True)
class RecordedCandidate:
    """A candidate as it ended. Number 0 is the compiler's default, whose configuration is None.

    `configuration` is plain JSON, as `Configuration.to_json` writes it. `time_s` and `samples_s` are seconds of one
    run, `speedup` the default's median divided by its own.
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


@dataclass(frozen=True, slots=True)
class RecordedDispatch:
    """A dispatch with its candidates in order.

    Where the run has not ended, `verdict` is "" and `certificate` None. `told` is what went on around its measurements.
    """

    name: str
    problem: str
    verdict: str
    candidates: tuple[RecordedCandidate, ...]
    certificate: Certificate | None
    told: tuple[str, ...]

    @property
    def tried(self) -> tuple[RecordedCandidate, ...]:
        """The candidates besides the default."""
        return tuple(each for each in self.candidates if each.configuration is not None)

    @property
    def winner(self) -> RecordedCandidate | None:
        """The candidate that went into the spec, or None where the default stays."""
        certificate = self.certificate
        if certificate is None or not certificate.accepted or certificate.configuration is None:
            return None
        accepted = certificate.configuration.to_json()
        return next((each for each in self.tried if each.configuration == accepted), None)


@dataclass(frozen=True, slots=True)
class RecordedFlags:
    """Flags of the whole compilation that were tried: `values` of the knobs that were not at their default.

    `time_s` is the median seconds of a run of the model, None where it failed; `detail` then says why.
    """

    number: int
    values: Mapping[str, str]
    time_s: float | None
    detail: str


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A run. `has_ended` says whether it came to a result; without one, only candidates are known.

    `model` is the certificate of the whole model, where a spec was found. `command` is what started the run,
    `compile_command` what uses its spec, `spec` and `late_spec` the specs' text: each empty where unknown. `flags` were
    chosen for the whole compilation among `flags_tried`. `wall_time` is None for runs of earlier versions.
    """

    folder: Path
    has_ended: bool
    device: str
    dispatches: tuple[RecordedDispatch, ...]
    model: Certificate | None
    spec: str
    late_spec: str
    command: tuple[str, ...]
    compile_command: tuple[str, ...]
    flags: tuple[str, ...]
    flags_tried: tuple[RecordedFlags, ...]
    wall_time: WallTime | None = None

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        """Those of the dispatches, then that of the model."""
        found = [each.certificate for each in self.dispatches]
        return tuple(each for each in (*found, self.model) if each is not None)


def read_run(path: Path) -> RecordedRun:
    """The run in a folder. Raises InputError where there is none, or where its files are not what a run writes."""
    folder = RunFolder(path)
    if not folder.log.is_file():
        raise InputError(f"{path} holds no run (it has no {folder.log.name}); name the folder that a run has left")
    records = _read_lines(folder.log)
    result = _read_object(folder.path / "result.json")
    try:
        return _run(folder, records, result)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path} was not written by this version of iree-tuner ({type(error).__name__}: {error});"
            " report it with the version that wrote it"
        ) from error


def _run(folder: RunFolder, records: list[dict[str, Any]], result: dict[str, Any] | None) -> RecordedRun:
    ended = {each["dispatch"]: each for each in result["dispatches"]} if result is not None else {}
    names = list(ended) or list(dict.fromkeys(each["dispatch"] for each in records if "dispatch" in each))
    model = result["model"]["certificate"] if result is not None and result["model"] else None
    command = _read_object(folder.command) or {"command": []}
    return RecordedRun(
        folder=folder.path,
        has_ended=result is not None,
        device=result["device"] if result is not None else "",
        dispatches=tuple(
            _dispatch(name, folder, [each for each in records if each.get("dispatch") == name], ended.get(name))
            for name in names
        ),
        model=_certificate(model),
        spec=_text(folder.spec),
        late_spec=_text(late_path(folder.spec)),
        command=tuple(command["command"]),
        compile_command=tuple(result["compile_command"]) if result is not None else (),
        # Runs of earlier versions chose none.
        flags=tuple(result.get("flags", ())) if result is not None else (),
        flags_tried=tuple(
            RecordedFlags(each["number"], each["values"], each["time_s"], each["detail"])
            for each in records
            if each.get("event") == "flags tried"
        ),
        wall_time=_wall_time((result or {}).get("wall_time")),
    )


def _dispatch(
    name: str, folder: RunFolder, records: list[dict[str, Any]], ended: dict[str, Any] | None
) -> RecordedDispatch:
    return RecordedDispatch(
        name=name,
        problem=(ended or {}).get("problem") or "",
        verdict=ended["verdict"] if ended else "",
        candidates=tuple(_candidate(folder, each) for each in records if "candidate" in each),
        certificate=_certificate(ended["certificate"]) if ended else None,
        told=tuple(_told(each) for each in records if "event" in each),
    )


def _candidate(folder: RunFolder, record: dict[str, Any]) -> RecordedCandidate:
    configuration = record["configuration"]
    # The folder may have been moved since. What was taken from a store that runs share has its log in another's.
    log = folder.path / "candidates" / record["dispatch"] / f"{record['candidate']}.log"
    return RecordedCandidate(
        number=record["candidate"],
        configuration=None if configuration == "default" else configuration,
        fate=Fate(record["fate"]),
        detail=record["detail"],
        compile_s=record["compile_s"],
        log=log if log.exists() else Path(record["log"]),
        time_s=record["time_s"],
        speedup=record["speedup"],
        samples_s=tuple(record["samples_s"]),
    )


def _told(record: dict[str, Any]) -> str:
    if record["event"] == "finalist failed":
        return f"candidate {record['number']} was passed over: {record['fate']}, {record['detail']}"
    return str(record["detail"])


def _wall_time(data: dict[str, Any] | None) -> WallTime | None:
    if data is None:
        return None
    return from_plain(WallTime, {name: each for name, each in data.items() if name != "orchestration_s"})


def _certificate(data: Any) -> Certificate | None:
    return None if data is None else Certificate.from_json(data)


def _read_lines(log: Path) -> list[dict[str, Any]]:
    """The log's records. The last line may be cut short, where a run was killed while it wrote."""
    lines = log.read_text(errors="replace").splitlines()
    records = []
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
        except ValueError as error:
            if number == len(lines):
                break
            raise InputError(f"{log} is damaged in line {number}; take it out to read the rest") from error
        if not isinstance(record, dict):
            raise InputError(f"{log} is no log of a run: line {number} is no object")
        records.append(record)
    return records


def _read_object(path: Path) -> dict[str, Any] | None:
    """The object in a file, or None where there is no such file. Raises InputError where it holds something else."""
    try:
        data = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise InputError(f"{path} is damaged ({error}); take it away to report on the rest of the run") from error
    if not isinstance(data, dict):
        raise InputError(f"{path} holds no object; take it away to report on the rest of the run")
    return data


def _text(path: Path) -> str:
    return path.read_text() if path.is_file() else ""
