# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Candidates whose binaries are equal, byte for byte: what was measured of the first holds for the others."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from tuner.outcome import Compilation, Evaluation, Fate


class Twins:
    """The binaries of one dispatch that were measured."""

    def __init__(self) -> None:
        self._digests: dict[int, str] = {}
        self._first: dict[str, int] = {}
        self._measured: dict[str, Evaluation] = {}

    def without(self, compiled: Sequence[Compilation]) -> list[Compilation]:
        """Those whose binaries are new, of equal ones the first; and those that have none."""
        new = []
        for compilation in compiled:
            digest, number = _digest(compilation), compilation.candidate.number
            if digest:
                self._digests[number] = digest
            if not digest or self._first.setdefault(digest, number) == number:
                new.append(compilation)
        return new

    def add(self, evaluation: Evaluation) -> None:
        """Keeps how a candidate ended that `without` was asked about, if it was measured."""
        digest = self._digests.get(evaluation.candidate.number)
        if digest and evaluation.fate is Fate.MEASURED:
            self._measured.setdefault(digest, evaluation)

    def end_of(self, compilation: Compilation) -> Evaluation | None:
        """The end of a candidate by its twin's; None if no twin was measured."""
        known = self._measured.get(self._digests.get(compilation.candidate.number, ""))
        if known is None:
            return None
        # The twin's file stands for both, so that a final sees one program.
        same = replace(compilation, binary=known.compilation.binary)
        detail = f"its binary is that of candidate {known.candidate.number}"
        return replace(known, compilation=same, detail="; ".join(filter(None, (compilation.detail, detail))))


def different(ends: Sequence[Evaluation]) -> list[Evaluation]:
    """The ends of candidates without those whose program is an earlier one's."""
    found: dict[object, Evaluation] = {}
    for end in ends:
        found.setdefault(end.compilation.binary or end.candidate.number, end)
    return list(found.values())


def _digest(compilation: Compilation) -> str:
    """What stands for the content of a binary; "" without one that can be read here."""
    if compilation.binary is None or compilation.fate is not Fate.COMPILED:
        return ""
    try:
        return hashlib.sha256(compilation.binary.read_bytes()).hexdigest()
    except OSError:
        return ""
