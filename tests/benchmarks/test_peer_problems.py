# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The problems of another tuner's tests: all can be read, and a candidate of ours compiles."""

from __future__ import annotations

from pathlib import Path

import pytest
from iree.compiler import ir

from peer_problems import CHIPS, PROBLEMS, all_apart, compared, fewest_first, opened, totals


def test_every_problem_is_a_model_for_every_chip(tmp_path: Path) -> None:
    assert len({problem.name for problem in PROBLEMS}) == len(PROBLEMS)
    for chip in CHIPS:
        for problem in PROBLEMS:
            with ir.Context():
                ir.Module.parseFile(str(opened(problem, chip, tmp_path).path))


@pytest.mark.compiler
@pytest.mark.gpu
def test_a_problem_of_theirs_has_solutions_that_compile() -> None:
    (problem,) = (problem for problem in PROBLEMS if problem.name == "matmul 30x30x30 f16")
    result = compared(problem, "gfx942", samples=2, workers=2, checkout=None)
    assert totals([result]) == {
        "problems": 1,
        "without_solutions": [],
        "compiled": {"gfx942 product": "2 of 2"},
        "min_valid": 1.0,
    }


def test_the_problem_with_the_fewest_results_is_first() -> None:
    first, second = PROBLEMS[:2]
    done = [(first.name, "gfx942"), (first.name, "gfx1100")]
    pairs = fewest_first([first, second], ["gfx942", "gfx950", "gfx1100"], done)
    assert [(problem, chip) for problem, chip in pairs if (problem.name, chip) in done] == []
    assert pairs == [
        (second, "gfx942"),
        (second, "gfx950"),
        (first, "gfx950"),
        (second, "gfx1100"),
    ]


@pytest.mark.compiler
@pytest.mark.gpu
def test_pairs_run_at_once_in_processes_of_their_own() -> None:
    pairs = [(problem, chip) for problem in PROBLEMS if problem.name == "matvec 8x224 f32" for chip in CHIPS[:2]]
    options = ["--samples=1", "--least=1", "--workers=1"]
    results = list(all_apart(pairs, options, at_once=2, until_s=float("inf")))
    assert sorted((result["name"], result["chip"]) for result in results) == [
        ("matvec 8x224 f32", "gfx942"),
        ("matvec 8x224 f32", "gfx950"),
    ]
    assert totals(results)["min_valid"] == 1.0


def test_a_pair_that_is_not_done_in_time_has_no_result() -> None:
    assert list(all_apart([(PROBLEMS[2], "gfx942")], ["--samples=40"], at_once=1, until_s=0.2)) == []
