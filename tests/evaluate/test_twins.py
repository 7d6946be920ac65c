# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Candidates with equal binaries are measured once."""

from __future__ import annotations

from pathlib import Path

from tuner.evaluate.final import finalists
from tuner.evaluate.twins import Twins
from tuner.outcome import Candidate, Compilation, Evaluation, Fate


def compiled(folder: Path, number: int, content: str | None) -> Compilation:
    binary = None
    if content is not None:
        binary = folder / f"{number}.vmfb"
        binary.write_text(content)
    fate = Fate.COMPILED if content is not None else Fate.COMPILE_FAILED
    return Compilation(Candidate(number), fate, "", 0.1, folder / f"{number}.log", binary)


def measured(compilation: Compilation, time_s: float) -> Evaluation:
    return Evaluation(compilation, Fate.MEASURED, "", time_s, 1 / time_s, (time_s,))


def test_a_twin_ends_as_the_first_did(tmp_path: Path) -> None:
    twins = Twins()
    first, twin, other, failed = (
        compiled(tmp_path, number, content) for number, content in enumerate(("a", "a", "b", None), 1)
    )
    assert twins.without([first, twin, other, failed]) == [first, other, failed]
    assert twins.end_of(twin) is None
    twins.add(measured(first, 0.5))
    end = twins.end_of(twin)
    assert end is not None
    assert (end.candidate.number, end.time_s, end.fate) == (2, 0.5, Fate.MEASURED)
    assert "candidate 1" in end.detail
    assert twins.end_of(other) is None
    later = compiled(tmp_path, 5, "a")
    assert twins.without([later]) == []
    assert twins.end_of(later) is not None


def test_what_failed_says_nothing_of_its_twin(tmp_path: Path) -> None:
    twins = Twins()
    first, twin = (compiled(tmp_path, number, "a") for number in (1, 2))
    twins.without([first, twin])
    twins.add(Evaluation(first, Fate.RUN_FAILED, "killed"))
    assert twins.end_of(twin) is None


def test_a_lost_file_has_no_twin(tmp_path: Path) -> None:
    twins = Twins()
    first, second = (compiled(tmp_path, number, "a") for number in (1, 2))
    (tmp_path / "2.vmfb").unlink()
    assert twins.without([first, second]) == [first, second]


def test_a_final_sees_equal_programs_once(tmp_path: Path) -> None:
    twins = Twins()
    first, twin, other = (compiled(tmp_path, number, content) for number, content in enumerate("aab", 1))
    twins.without([first, twin, other])
    twins.add(measured(first, 0.5))
    end = twins.end_of(twin)
    assert end is not None
    numbers = [one.candidate.number for one in finalists([end, measured(first, 0.5), measured(other, 0.6)])]
    assert numbers == [2, 3]
