# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How full the rounds of workgroups are, which search strategies see of a GPU whose processors are counted."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from pathlib import Path

import pytest

import samples
from tuner import spaces
from tuner.constraints import Pool, enumerate_space
from tuner.dispatch import Problem
from tuner.dispatches.extract import extract
from tuner.model.model import Model
from tuner.targets import Limits
from tuner.targets.cuda import CudaTarget

pytestmark = pytest.mark.gpu

PROCESSORS = 132
RESIDENT = (256, 512, 1024)


def problem_of(folder: Path, text: str) -> tuple[Problem, Limits]:
    path = folder / "model.mlir"
    path.write_text(text)
    target = CudaTarget(processors=PROCESSORS)
    extracted = extract(Model.open(path, target.compile_flags), target, folder)
    (dispatch,) = extracted.dispatches
    assert dispatch.problem is not None
    return dispatch.problem, extracted.limits


def pool_of(problem: Problem, limits: Limits) -> Pool:
    found = spaces.find("cuda", problem)
    assert found is not None
    return enumerate_space(found[1].build(problem, limits))


@pytest.mark.parametrize(
    ("text", "batch"),
    [(samples.narrow_matmul(1280, 512, 256, "f16"), 1), (samples.batch_matmul(6, 256, 128, 64, "f16"), 6)],
)
def test_the_columns_are_what_they_say(tmp_path: Path, text: str, batch: int) -> None:
    pool = pool_of(*problem_of(tmp_path, text))
    assert len(pool) > 100
    seen = set()
    for row in range(len(pool)):
        point = pool.point(row)
        workgroups = batch * point["workgroups"]
        for resident in RESIDENT:
            places = PROCESSORS * max(1, resident // point["threads"])
            filled = 100 * workgroups // (ceil(workgroups / places) * places)
            assert point[f"filled_at_{resident}_threads"] == filled
            seen.add(filled)
    assert len(seen) > 5


def test_where_processors_are_not_counted_there_are_no_columns_and_as_many_points(tmp_path: Path) -> None:
    problem, limits = problem_of(tmp_path, samples.narrow_matmul(1280, 512, 256, "f16"))
    assert limits.gpu is not None
    counted = pool_of(problem, limits)
    uncounted = pool_of(problem, replace(limits, gpu=replace(limits.gpu, processors=None)))
    names = {knob.name for knob in counted.knobs} - {knob.name for knob in uncounted.knobs}
    filled = {f"filled_at_{resident}_threads" for resident in RESIDENT}
    assert filled <= names <= filled | {"along_columns"}
    ordered = [point for point in map(counted.point, range(len(counted))) if point.get("along_columns")]
    assert len(counted) - len(ordered) == len(uncounted)
