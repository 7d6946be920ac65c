# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Entries for a range of sizes: which sizes of a loop the configuration of a measured problem suits as well.

A workgroup computes one tile, whatever the number of tiles is. If the tile of a parallel loop divides the loop, with
each size that it divides there are only more or fewer equal workgroups. So the code is that which was checked;
how fast it is beside the default of that size was not measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from tuner.errors import InputError
from tuner.specs.deliver import check_remaking, deliver
from tuner.specs.preprocessing import text_in
from tuner.specs.range import Range
from tuner.specs.read import CertifiedEntry, read_spec
from tuner.specs.write import problem_spec

# Kinds whose tiles mean elements of a loop, whatever the compiler makes of the op.
_KINDS = ("attention", "contraction", "convolution")
# Levels whose tile is that of a workgroup, on CPUs and on GPUs.
_WORKGROUPS = ("distribution", "workgroup")


@dataclass(frozen=True, slots=True)
class Widened:
    """The result: the spec that was written, its entries, and why others keep their one size, by their labels."""

    file: Path
    entries: tuple[CertifiedEntry, ...]
    exact: tuple[tuple[str, str], ...]

    def lines(self) -> Iterator[str]:
        """The result as text."""
        for entry in self.entries:
            if entry.sizes is not None:
                yield f"{entry.label}: {entry.sizes.words(entry.problem)}"
        for label, reason in self.exact:
            yield f"{label} keeps its sizes: {reason}"
        yield f"Spec: {self.file}"


def widen_spec(path: Path, output: Path, loop: str, most: int) -> Widened:
    """Writes a spec whose entries are for every size of a loop, up to `most`, that their tile divides.

    `loop` is named as in a problem's label: m, batch or image0, for example. Entries that are for one size only stay as
    they are. Raises InputError if the file is no early spec of ours, or if none of its entries can be widened.
    """
    spec = read_spec(path)
    if spec.moment == "late":
        raise InputError(f"{path} holds late entries, which name their problem; only early ones can match a range")
    check_remaking(output, [spec], kept={}, run_dir=None)
    entries, exact = [], []
    for entry in spec.entries:
        try:
            entries.append(replace(entry, sizes=_range_of(entry, loop, most)))
        except _ExactError as error:
            entries.append(entry)
            exact.append((entry.label, str(error)))
    if len(exact) == len(entries):
        reasons = "; ".join(f"{label}: {reason}" for label, reason in exact) or "it has none"
        raise InputError(f"no entry of {path} suits a range of {loop}: {reasons}")
    written = [entry.rewritten() for entry in entries]
    header = [f"A tuning spec of {path.name}, widened by iree-tuner {version('iree-tuner')}."]
    deliver(output, problem_spec(written, header, None, spec.flags), "", text_in(spec.flags))
    return Widened(output, tuple(entries), tuple(exact))


class _ExactError(Exception):
    """An entry is for its own sizes only. The message is the reason."""


def _range_of(entry: CertifiedEntry, name: str, most: int) -> Range:
    """The sizes of a loop that the entry suits. Raises _ExactError."""
    problem, configuration = entry.problem, entry.certificate.configuration
    if problem.kind not in _KINDS:
        raise _ExactError(
            f"only products, convolutions and attention have ranges, and it is of the kind {problem.kind}"
        )
    loops = [index for index, loop in enumerate(problem.loop_names) if loop == name]
    if not loops:
        raise _ExactError(f"it has no loop {name}; it has {', '.join(problem.loop_names)}")
    (loop,) = loops
    extent = problem.loops[loop].extent
    if not problem.loops[loop].is_parallel:
        raise _ExactError(f"{name} is summed, so its size is part of the code")
    if extent < 2:
        raise _ExactError(f"{name} was one, which is another problem for the compiler than several")
    levels = {} if configuration is None else configuration.levels
    step = next((levels[level][loop] for level in _WORKGROUPS if len(levels.get(level, ())) > loop), 0)
    if not step:
        raise _ExactError(f"no tile of a workgroup is known for {name}")
    if extent % step:
        raise _ExactError(f"its tile of {step} leaves a remainder of {name} {extent}, which other sizes have not")
    if most < extent:
        raise _ExactError(f"{name} {extent} was measured, which is more than {most}")
    if most < 2 * step:
        raise _ExactError(f"there is no other multiple of its tile of {step} up to {most}")
    if not any(loop in operand.loops for operand in problem.operands):
        raise _ExactError(f"no operand has a dimension that is {name} alone")
    return Range(loop, step, most)
