# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Merges specs into one: each problem keeps one entry, the faster if the certificates can be compared."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tuner.dispatch import Problem
from tuner.specs.certificate import Circumstances, Moment
from tuner.specs.deliver import check_remaking, deliver
from tuner.specs.overlaps import overlaps
from tuner.specs.preprocessing import portable, text_in
from tuner.specs.range import Range
from tuner.specs.read import CertifiedEntry, read_spec
from tuner.specs.write import late_path, late_spec, problem_spec


@dataclass(frozen=True, slots=True)
class Source:
    """An entry and the spec that it comes from."""

    path: Path
    moment: Moment
    entry: CertifiedEntry

    @property
    def time_s(self) -> float:
        """Seconds of one run with the entry, from its certificate."""
        return statistics.median(self.entry.certificate.candidate_s)

    def __str__(self) -> str:
        return f"{self.path} {self.entry.name} ({self.entry.certificate.ratio}, {self.time_s * 1e3:.4g} ms)"


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two different entries for one problem: the one that is kept, the one that is dropped, and why."""

    kept: Source
    dropped: Source
    reason: str

    def __str__(self) -> str:
        label = self.kept.entry.problem.label
        return f"conflict: {label} ({self.kept.moment}): {self.kept} is kept, {self.dropped} is not: {self.reason}"


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two entries that are kept and are both for a problem, and perhaps for others. The first one serves these."""

    first: Source
    second: Source
    problem: Problem

    def __str__(self) -> str:
        first, second = (f"{source.path} {source.entry.name}{_range(source)}" for source in (self.first, self.second))
        return f"Note: of {first} and {second} the first one serves what both are for, such as {self.problem.label}."


@dataclass(frozen=True, slots=True)
class Merged:
    """The result of a merge: the entries that are kept, in the specs' order, the conflicts and the overlaps.

    `equal` counts the entries that were equal to one that is kept; `files` are those written. `flags` were chosen for
    the whole compilation with every spec; if the specs differ, `dropped_flags` are those of each spec.
    """

    kept: tuple[Source, ...]
    conflicts: tuple[Conflict, ...]
    equal: int
    files: tuple[Path, ...]
    flags: tuple[str, ...] = ()
    dropped_flags: tuple[tuple[Path, tuple[str, ...]], ...] = ()
    overlaps: tuple[Overlap, ...] = ()

    def lines(self) -> Iterator[str]:
        """The result as text: conflicts, notes, counts and files."""
        yield from map(str, self.conflicts)
        yield from map(str, self.overlaps)
        for path, flags in self.dropped_flags:
            yield f"Note: {path} was made with {' '.join(flags) or 'no chosen flags'}; the merged spec names none."
        made = _made(self.kept)
        if len(made) > 1:
            yield f"Note: the entries were made in {len(made)} different ways (device, versions or flags):"
            yield from (f"  {way}" for way in made)
        early = sum(source.moment == "early" for source in self.kept)
        late = len(self.kept) - early
        lost = f"{self.equal} more were equal, {len(self.conflicts)} lost a conflict"
        yield f"Entries: {len(self.kept)} ({early} early, {late} late); {lost}."
        yield f"Spec: {' '.join(map(str, self.files))}"


def merge_specs(paths: Sequence[Path], output: Path) -> Merged:
    """Writes the entries of several specs as one: early ones to `output`, late ones beside it.

    Of two different entries for one problem the faster is kept if both were measured alike, else the one named first.
    Raises InputError if one is no spec, or if an entry without a certificate would be lost.
    """
    specs = [read_spec(path) for path in dict.fromkeys(paths)]
    check_remaking(output, specs, kept={}, run_dir=None)
    kept: dict[tuple[str, Moment, Range | None], Source] = {}
    conflicts: list[Conflict] = []
    equal = 0
    for spec in specs:
        for entry in spec.entries:
            source = Source(spec.path, spec.moment, entry)
            key = entry.problem.key, spec.moment, entry.sizes
            known = kept.setdefault(key, source)
            if known is source:
                continue
            if known.entry.annotations == entry.annotations:
                equal += 1
                continue
            conflict = _decide(known, source)
            conflicts.append(conflict)
            kept[key] = conflict.kept
    sources = tuple(kept.values())
    lines = [f"A tuning spec merged by iree-tuner {version('iree-tuner')} from {len(specs)} specs.", *_made(sources)]
    early, late = (
        [source.entry.rewritten() for source in sources if source.moment == moment] for moment in ("early", "late")
    )
    alike = len({portable(spec.flags) for spec in specs}) == 1
    flags = specs[0].flags if alike else ()
    dropped = () if alike else tuple((spec.path, spec.flags) for spec in specs)
    early_text, late_text = problem_spec(early, lines, None, flags), late_spec(late, lines, None, flags)
    deliver(output, early_text, late_text if late else "", text_in(flags))
    files = (output, late_path(output)) if late else (output,)
    return Merged(sources, tuple(conflicts), equal, files, flags, dropped, _overlaps(sources))


def _overlaps(kept: Sequence[Source]) -> tuple[Overlap, ...]:
    early = [source for source in kept if source.moment == "early"]
    found = overlaps([source.entry for source in early])
    return tuple(Overlap(early[first], early[second], problem) for first, second, problem in found)


def _range(source: Source) -> str:
    sizes = source.entry.sizes
    return "" if sizes is None else f" ({sizes.words(source.entry.problem)})"


def _decide(first: Source, second: Source) -> Conflict:
    one, other = (source.entry.certificate.circumstances for source in (first, second))
    for what, this, that in (
        ("targets", one.target, other.target),
        ("processors", one.processor, other.processor),
        ("features", one.features, other.features),
        ("numbers of threads", one.threads, other.threads),
    ):
        if this != that:
            reason = f"they were measured with different {what}, so the one named first stays"
            return Conflict(first, second, reason)
    if second.time_s == first.time_s:
        return Conflict(first, second, "they were equally fast, so the one named first stays")
    if second.time_s < first.time_s:
        first, second = second, first
    return Conflict(first, second, "it was slower")


def _made(sources: Sequence[Source]) -> list[str]:
    """The different circumstances that the entries were made in, a line for each."""
    found: dict[Circumstances, None] = {source.entry.certificate.circumstances: None for source in sources}
    return [f"{made.processor}, iree-compile {made.compiler_version}, flags {' '.join(made.flags)}" for made in found]
