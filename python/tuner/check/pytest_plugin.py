# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A pytest plugin that guards specs: `NAME.check.toml` says which specs must hold on which model, each entry is a test.

    model = "model.onnx"
    specs = ["spec.mlir", "spec.late.mlir"]
    dims = ["batch=1"]

Paths are relative to the file. `target`, `threads`, `allocator`, `function`, `dims`, `inputs` and `flags` are those of
`iree-tune check`. pytest loads this module wherever iree-tuner is installed, so it imports the rest only when it is
needed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest

from tuner.errors import InputError, TunerError

if TYPE_CHECKING:
    from tuner.check.options import CheckOptions
    from tuner.check.verdicts import CheckReport
    from tuner.specs.read import CertifiedEntry

SUFFIX = ".check.toml"
_TEXT, _TEXTS, _NUMBER = "a text", "a list of texts", "a number"
_KEYS = {
    "model": _TEXT,
    "specs": _TEXTS,
    "target": _TEXT,
    "threads": _NUMBER,
    "allocator": _TEXT,
    "function": _TEXT,
    "dims": _TEXTS,
    "inputs": _TEXTS,
    "flags": _TEXTS,
}
_MODEL, _FLAGS = "whole model", "flags"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collects `*.check.toml`."""
    if not file_path.name.endswith(SUFFIX):
        return None
    found: pytest.Collector = CheckFile.from_parent(parent, path=file_path)
    return found


@dataclass(frozen=True, slots=True)
class Guarded:
    """What a file asks for."""

    model: Path
    specs: tuple[Path, ...]
    options: CheckOptions


def read_guarded(path: Path) -> Guarded:
    """Reads a file. Raises InputError."""
    from tuner.check.options import CheckOptions
    from tuner.model.shapes import Shapes
    from tuner.targets import Allocator

    try:
        asked = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path} is no TOML file ({error})") from error
    _check_keys(path, asked)
    if asked.get("allocator") not in (None, *get_args(Allocator)):
        raise InputError(f"{path}: allocator is one of {', '.join(get_args(Allocator))}, not '{asked['allocator']}'")
    options = CheckOptions(
        target=asked.get("target"),
        threads=asked.get("threads"),
        allocator=asked.get("allocator"),
        flags=tuple(asked["flags"]) if "flags" in asked else None,
        function=asked.get("function", ""),
        shapes=Shapes.parse(asked.get("dims", ()), asked.get("inputs", ())),
    )
    return Guarded(path.parent / asked["model"], tuple(path.parent / spec for spec in asked["specs"]), options)


def _check_keys(path: Path, asked: Mapping[str, Any]) -> None:
    for key, value in asked.items():
        if key not in _KEYS:
            raise InputError(f"{path}: there is no key '{key}'; there are {', '.join(_KEYS)}")
        if not _is(value, _KEYS[key]):
            raise InputError(f"{path}: {key} is {_KEYS[key]}, not {value!r}")
    for key in ("model", "specs"):
        if not asked.get(key):
            raise InputError(f'{path}: {key} is missing, as in model = "model.mlir", specs = ["spec.mlir"]')


def _is(value: object, what: str) -> bool:
    if what == _NUMBER:
        return isinstance(value, int) and not isinstance(value, bool)
    if what == _TEXT:
        return isinstance(value, str)
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


class CheckFile(pytest.File):
    """One file: the check runs once, when the first of its tests does."""

    _report: CheckReport | TunerError | None = None

    def collect(self) -> Iterator[pytest.Item]:
        """A test for each entry of the specs, one for the flags that were chosen with them, one for the model."""
        from tuner.specs.read import UnreadableSpecError, read_spec

        try:
            self.guarded = read_guarded(self.path)
            flags = False
            for path in self.guarded.specs:
                try:
                    spec = read_spec(path)
                except UnreadableSpecError:
                    yield Judged.from_parent(self, name=path.name)
                    continue
                flags = flags or bool(spec.flags)
                for entry in spec.entries:
                    yield Judged.from_parent(self, name=_name_of(path, entry))
        except InputError as error:
            raise self.CollectError(str(error)) from error
        if flags:
            yield Judged.from_parent(self, name=_FLAGS)
        yield Judged.from_parent(self, name=_MODEL)

    def report(self) -> CheckReport:
        """What the check found. Raises TunerError, again for each test."""
        from tuner.check.check import check_specs
        from tuner.events import nobody

        if self._report is None:
            guarded = self.guarded
            try:
                self._report = check_specs(guarded.model, guarded.specs, guarded.options, nobody)
            except TunerError as error:
                self._report = error
        if isinstance(self._report, TunerError):
            raise self._report
        return self._report


class FailedError(Exception):
    """A verdict that is a failure."""


class Judged(pytest.Item):
    """The verdict on an entry, on the chosen flags or on the whole model."""

    def runtest(self) -> None:
        """Fails if the verdict is a failure; is skipped if there is none."""
        file = self.parent
        assert isinstance(file, CheckFile)
        report = file.report()
        text, failed = verdict_in(report, self.name)
        if not text:
            pytest.skip(report.lost or "not judged")
        self.add_report_section("call", "verdict", text)
        if failed:
            raise FailedError(f"{text}\nLogs and binaries: {report.run_dir}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Verdicts and errors as sentences."""
        if isinstance(excinfo.value, FailedError | TunerError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """The file that asks for it."""
        return self.path, None, self.name


def _name_of(spec: Path, entry: CertifiedEntry) -> str:
    return f"{spec.name}: {entry.label}"


def verdict_in(report: CheckReport, name: str) -> tuple[str, bool]:
    """The verdict that a test stands for as a line, "" if there is none, and whether it is a failure."""
    from tuner.check.verdicts import Verdict

    for path, reason in report.unreadable:
        if name == path.name:
            return f"does not parse: {reason}", True
    for judged in report.entries:
        if name == _name_of(judged.path, judged.entry):
            return f"{judged.verdict.value}: {judged.detail}", judged.verdict.is_failure
    if name == _FLAGS and report.flags_verdict is not None:
        found = report.flags_verdict
        # Flags that are slow alone may pay with the entries.
        return f"{found.verdict.value}: {found.detail}", found.verdict.is_failure and found.verdict is not Verdict.SLOW
    if name == _MODEL and report.model is not None:
        return f"{report.model.verdict.value}: {report.model.detail}", report.model.verdict.is_failure
    return "", False
