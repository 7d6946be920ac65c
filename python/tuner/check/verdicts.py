# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a check of specs says: a verdict for each entry, and one for the whole model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from tuner.specs.certificate import Certificate, Moment
from tuner.specs.read import CertifiedEntry


class Verdict(StrEnum):
    """What became of an entry, or of the whole model with its specs.

    STALE: no dispatch of the model has its problem. NOT_APPLIED: the model compiled with the spec holds something else.
    REFUSED: the compiler refuses its configuration. WRONG: its outputs differ from the default's. UNDECIDED: as far as
    could be measured, it is not slower, and not so much faster that a run would accept it.
    """

    HOLDS = "holds"
    UNDECIDED = "undecided"
    STALE = "stale"
    NOT_APPLIED = "does not apply"
    REFUSED = "refused"
    WRONG = "wrong"
    NOT_RUNNING = "does not run"
    SLOW = "slow"

    @property
    def is_failure(self) -> bool:
        """Whether the spec should no longer be used as it is."""
        return self not in (Verdict.HOLDS, Verdict.UNDECIDED)


@dataclass(frozen=True, slots=True)
class EntryVerdict:
    """The verdict on one entry of the spec `path`.

    `dispatches` are those of the model that have its problem. `certificate` is the new one if it was compared with the
    default; then it may be kept.
    """

    path: Path
    moment: Moment
    entry: CertifiedEntry
    verdict: Verdict
    detail: str
    dispatches: tuple[str, ...] = ()
    certificate: Certificate | None = None

    @property
    def is_kept(self) -> bool:
        """Whether a refreshed spec holds the entry."""
        return self.certificate is not None and not self.verdict.is_failure

    def to_json(self) -> dict[str, Any]:
        """The verdict as plain JSON."""
        return {
            "spec": str(self.path),
            "moment": self.moment,
            "entry": self.entry.name,
            "problem": self.entry.problem.label,
            "verdict": self.verdict.value,
            "detail": self.detail,
            "dispatches": list(self.dispatches),
            "certificate": None if self.certificate is None else self.certificate.to_json(),
        }


@dataclass(frozen=True, slots=True)
class ModelVerdict:
    """The verdict on the whole model with all the specs, with a certificate if both models were compared."""

    verdict: Verdict
    detail: str
    certificate: Certificate | None = None

    def to_json(self) -> dict[str, Any]:
        """The verdict as plain JSON."""
        return {
            "verdict": self.verdict.value,
            "detail": self.detail,
            "certificate": None if self.certificate is None else self.certificate.to_json(),
        }


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check found.

    `unreadable` are specs that the compiler refuses as a whole, each with the reason; `foreign` entries without a
    certificate, by spec, which are not judged one by one. `flags` are those that were chosen with the specs, and
    `flags_verdict` compares the model compiled with them alone to the plain one (None without flags); `model` compares
    it compiled with flags and specs, and is None if a spec could not be read. `notes` say what is otherwise here than
    where the specs were made. `refreshed` is the spec that was written. If the device was lost, `lost` says how, and
    `unjudged` are the entries without a verdict, by spec.
    """

    entries: tuple[EntryVerdict, ...]
    unreadable: tuple[tuple[Path, str], ...]
    foreign: tuple[tuple[Path, str], ...]
    flags: tuple[str, ...]
    flags_verdict: ModelVerdict | None
    model: ModelVerdict | None
    notes: tuple[str, ...]
    run_dir: Path
    refreshed: Path | None = None
    lost: str = ""
    unjudged: tuple[tuple[Path, str], ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing failed. Flags that are slow alone may pay with the entries: that is reported, no failure."""
        verdicts = [judged.verdict for judged in (*self.entries, self.model) if judged is not None]
        if self.flags_verdict is not None and self.flags_verdict.verdict is not Verdict.SLOW:
            verdicts.append(self.flags_verdict.verdict)
        return not self.lost and not self.unreadable and not any(verdict.is_failure for verdict in verdicts)

    def lines(self) -> Iterator[str]:
        """The notes, then a line for each entry and the model."""
        yield from (f"Note: where the specs were made, {note}." for note in self.notes)
        for path, reason in self.unreadable:
            yield f"does not parse: {path}: {reason}"
        for judged in self.entries:
            yield f"{judged.verdict.value}: {judged.path.name}: {judged.entry.label}: {judged.detail}"
        for path, label in self.unjudged:
            yield f"not judged: {path.name}: {label}: the device was lost before"
        for path, name in self.foreign:
            yield f"not judged alone: {path.name}: {name}: it has no certificate"
        if self.flags_verdict is not None:
            flags = " ".join(self.flags)
            yield f"{self.flags_verdict.verdict.value}: flags {flags}: {self.flags_verdict.detail}"
        if self.model is not None:
            yield f"{self.model.verdict.value}: whole model: {self.model.detail}"

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON."""
        return {
            "passed": self.passed,
            "notes": list(self.notes),
            "unreadable": [{"spec": str(path), "reason": reason} for path, reason in self.unreadable],
            "entries": [judged.to_json() for judged in self.entries],
            "foreign": [{"spec": str(path), "entry": name} for path, name in self.foreign],
            "flags": list(self.flags),
            "flags_verdict": None if self.flags_verdict is None else self.flags_verdict.to_json(),
            "model": None if self.model is None else self.model.to_json(),
            "refreshed": None if self.refreshed is None else str(self.refreshed),
            "lost": self.lost,
            "unjudged": [{"spec": str(path), "entry": label} for path, label in self.unjudged],
        }
