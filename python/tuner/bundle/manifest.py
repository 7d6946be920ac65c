# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The manifest of a bundle: its device, its dispatches, the candidates of each. It is checked when it is read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from tuner.dispatch import Arithmetic, BenchmarkProgram, Configuration, Problem, Region, check_problem, plain_name
from tuner.errors import InputError
from tuner.facts import BinaryFacts, check_facts
from tuner.foreign import parse_json, shown
from tuner.jsonable import from_plain, to_plain
from tuner.outcome import Candidate, Compilation, Fate
from tuner.targets import Device
from tuner.targets.device import CUPTI, HOST_CLOCKS, Clock

SCHEMA = "iree-tuner-bundle/3"
FILE = "manifest.json"
# The program in the bundle that measures it.
PROGRAM = "measure.pyz"
# The values of `tuner.targets.Device.clock`.
_CLOCKS = (*HOST_CLOCKS, CUPTI)


@dataclass(frozen=True, slots=True)
class BundledDevice:
    """The device that a bundle is for: the fields of `tuner.targets.Device` that hold on another machine too."""

    uri: str
    runtime_flags: tuple[str, ...]
    clock: str
    label: str
    compiles_on_load: bool
    in_host_memory: bool
    may_race: bool
    has_racecheck: bool

    @staticmethod
    def of(device: Device) -> BundledDevice:
        """The device as a bundle describes it."""
        return BundledDevice(
            device.uri,
            device.runtime_flags,
            device.clock,
            device.label,
            device.compiles_on_load,
            device.in_host_memory,
            device.may_race,
            device.has_racecheck,
        )

    @property
    def asked_clock(self) -> Clock:
        """The clock of dispatches that the bundle was made with."""
        return "host" if self.clock in HOST_CLOCKS else "device"

    def device(self, uri: str = "") -> Device:
        """The device to measure on, with another URI if one is given."""
        return Device(
            uri or self.uri,
            self.runtime_flags,
            self.clock,
            self.label,
            compiles_on_load=self.compiles_on_load,
            in_host_memory=self.in_host_memory,
            may_race=self.may_race,
            has_racecheck=self.has_racecheck,
        )


@dataclass(frozen=True, slots=True)
class BundledCandidate:
    """One candidate: its knobs, how compiling it ended, and its program's file in the bundle if there is one.

    `number` counts from 0, the compiler's default, which has no knobs. `fate` is a value of `tuner.outcome.Fate`.
    `facts` are those of `tuner.outcome.Compilation`.
    """

    number: int
    point: Mapping[str, int]
    fate: str
    detail: str
    compile_s: float
    binary: str | None
    facts: BinaryFacts | None

    def compilation(self, log: Path, configuration: Configuration | None = None) -> Compilation:
        """How compiling it ended, without its program."""
        candidate = Candidate(self.number, point=self.point, configuration=configuration)
        return Compilation(candidate, Fate(self.fate), self.detail, self.compile_s, log, facts=self.facts)


@dataclass(frozen=True, slots=True)
class BundledDispatch:
    """A dispatch, the data that it works on, and its candidates.

    `subject` is a digest of the program that the candidates configure, `space` the name of their space. The other
    fields are those of `tuner.dispatch.BenchmarkProgram`.
    """

    name: str
    subject: str
    space: str
    problem: Problem
    entry: str
    buffer_setter: str
    buffer_bytes: int
    regions: tuple[Region, ...]
    arithmetic: Arithmetic
    candidates: tuple[BundledCandidate, ...]

    @property
    def failures(self) -> Counter[str]:
        """Why candidates did not compile, with the number of candidates for each reason."""
        return Counter(
            f"{candidate.fate}: {candidate.detail}" for candidate in self.candidates if candidate.binary is None
        )

    @property
    def program(self) -> BenchmarkProgram:
        """How to run a candidate. It has no IR, which stays on the machine that compiled the candidates."""
        return BenchmarkProgram(
            "", "", self.entry, self.buffer_setter, self.buffer_bytes, self.regions, arithmetic=self.arithmetic
        )


@dataclass(frozen=True, slots=True)
class Manifest:
    """The contents of a bundle: the versions and options that it was made with, and its dispatches.

    `target`, `threads`, `flags`, `dims`, `inputs`, `plain`, `seed` and `min_gain` are the options of the run that
    wrote it. `left` says for each other dispatch of the model why it is not in the bundle.
    """

    tuner_version: str
    compiler_version: str
    target: str
    threads: int
    device: BundledDevice
    flags: tuple[str, ...]
    dims: Mapping[str, int]
    inputs: tuple[str, ...]
    plain: bool
    seed: int
    min_gain: float
    left: Mapping[str, str]
    dispatches: tuple[BundledDispatch, ...]

    def to_text(self) -> str:
        """The text of the manifest's file."""
        return json.dumps({"schema": SCHEMA, **to_plain(self)}, indent=1) + "\n"


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the bundle `folder`. Raises InputError if it is no bundle, or one of a later version."""
    path = folder / FILE
    try:
        data = parse_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"{folder} is no bundle: it has no {FILE}; name a folder that --bundle wrote") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path} is broken ({error}); copy the bundle again") from error
    _check_schema(path, data)
    try:
        manifest = from_plain(Manifest, {name: value for name, value in data.items() if name != "schema"})
        _check(manifest)
    except ValueError as error:
        raise InputError(f"{path} is broken ({error}); copy the bundle again") from error
    return manifest


def _check_schema(path: Path, data: Any) -> None:
    schema = data.get("schema") if isinstance(data, dict) else None
    if schema == SCHEMA:
        return
    name, version = SCHEMA.split("/")
    found_name, _, found = shown(schema).partition("/")
    if found_name == name and found.isdecimal() and int(found) > int(version):
        raise InputError(f"{path} has the schema {shown(schema)}, this version reads {SCHEMA}; update iree-tuner")
    raise InputError(f"{path} is no bundle's manifest: its schema is {shown(schema)}, not {SCHEMA}")


def _check(manifest: Manifest) -> None:
    """Raises ValueError for values that the types allow and a bundle does not."""
    if manifest.seed < 0 or manifest.min_gain < 0 or manifest.threads < 1:
        raise ValueError("its seed and min_gain must not be negative, and it needs a thread")
    if manifest.device.clock not in _CLOCKS:
        raise ValueError(f"its clock is '{shown(manifest.device.clock)}', not one of {', '.join(_CLOCKS)}")
    names = [dispatch.name for dispatch in manifest.dispatches]
    if len(names) != len(set(names)):
        raise ValueError("two dispatches have the same name")
    for dispatch in manifest.dispatches:
        _check_dispatch(dispatch)


def _check_dispatch(dispatch: BundledDispatch) -> None:
    check_problem(dispatch.problem)
    if plain_name(dispatch.name) != dispatch.name:
        raise ValueError(f"'{shown(dispatch.name)}' is no dispatch's name")
    numbers = [candidate.number for candidate in dispatch.candidates]
    if len(numbers) != len(set(numbers)) or min(numbers, default=0) < 0:
        raise ValueError(f"two candidates of {dispatch.name} have the same number, or one is negative")
    if not any(candidate.number == 0 and candidate.binary for candidate in dispatch.candidates):
        raise ValueError(f"{dispatch.name} has no default")
    if dispatch.buffer_bytes < 0 or not all(_lies_within(region, dispatch.buffer_bytes) for region in dispatch.regions):
        raise ValueError(f"the data of {dispatch.name} lies outside of its buffer")
    for candidate in dispatch.candidates:
        if candidate.fate not in set(Fate) or candidate.compile_s < 0:
            raise ValueError(f"candidate {candidate.number} of {dispatch.name} ended as '{shown(candidate.fate)}'")
        check_facts(candidate.facts)
        place = PurePosixPath(candidate.binary or "none")
        if place.is_absolute() or ".." in place.parts:
            raise ValueError(f"candidate {candidate.number} of {dispatch.name} lies outside of the bundle")


def _lies_within(region: Region, buffer_bytes: int) -> bool:
    return 0 <= region.offset_bytes <= buffer_bytes and min(region.shape, default=0) >= 0
