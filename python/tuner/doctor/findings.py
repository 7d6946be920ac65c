# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What an examination finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Gravity(StrEnum):
    """How bad a finding is: tuning works, works less well, or does not work."""

    FINE = "ok"
    WARNING = "note"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, what was seen, how bad it is, and what to do ("" where all is fine)."""

    subject: str
    text: str
    gravity: Gravity = Gravity.FINE
    advice: str = ""

    def lines(self) -> list[str]:
        """The finding for people: one line, and one for what to do."""
        first = f"{self.gravity.value:<6}{self.subject}: {self.text}"
        return [first, f"{'':6}→ {self.advice}"] if self.advice else [first]


def wrong(subject: str, text: str, advice: str) -> Finding:
    """A finding that keeps tuning from working."""
    return Finding(subject, text, Gravity.WRONG, advice)


def warning(subject: str, text: str, advice: str) -> Finding:
    """A finding that makes tuning work less well."""
    return Finding(subject, text, Gravity.WARNING, advice)
