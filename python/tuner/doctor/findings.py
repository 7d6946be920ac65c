# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the doctor finds, and how bad it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a finding is: tuning works, works less well, or does not work."""

    FINE = "ok"
    WARNING = "note"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was examined, what was found, how bad it is, and what to do ("" if all is fine)."""

    subject: str
    text: str
    severity: Severity = Severity.FINE
    advice: str = ""

    def lines(self) -> list[str]:
        """The finding for people: one line, and a second with the advice if there is any."""
        first = f"{self.severity.value:<6}{self.subject}: {self.text}"
        return [first, f"{'':6}→ {self.advice}"] if self.advice else [first]


def wrong(subject: str, text: str, advice: str) -> Finding:
    """A finding with which tuning does not work."""
    return Finding(subject, text, Severity.WRONG, advice)


def warning(subject: str, text: str, advice: str) -> Finding:
    """A finding with which tuning works less well."""
    return Finding(subject, text, Severity.WARNING, advice)
