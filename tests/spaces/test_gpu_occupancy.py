# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A wish for occupancy on NVIDIA GPUs is a limit on registers: in search, in both kinds of spec, and read back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from places import DATA
from samples import narrow_matmul
from tuner import spaces
from tuner.compile.pool import CompileJob, CompilePool
from tuner.compile.specified import compile_with_specs
from tuner.constraints import enumerate_space
from tuner.dispatch import Annotations, Problem
from tuner.dispatches.extract import extract
from tuner.events import nobody
from tuner.model.model import Model
from tuner.options import Options
from tuner.outcome import Candidate, Compilation, Fate
from tuner.specs.certificate import Moment
from tuner.specs.read import read_spec
from tuner.specs.write import Entry, late_spec, problem_spec
from tuner.targets.cuda import CudaTarget
from tuner.toolchain.tools import run_tool

pytestmark = [pytest.mark.compiler, pytest.mark.gpu]

TARGET = CudaTarget()
# 512 registers of a lane are a scheduler's; for 2, 3 and 4 subgroups, in steps of 8, and 255 at most.
LIMITS = {0: None, 2: b".maxnreg 255", 3: b".maxnreg 168", 4: b".maxnreg 128"}
RECORDED = DATA / "h200_run" / "spec.late.mlir"


@pytest.fixture(name="model", scope="module")
def write_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("product") / "model.mlir"
    path.write_text(narrow_matmul(256, 256, 512, "f16"))
    return path


@pytest.fixture(name="compiled", scope="module")
def compile_each(model: Path) -> tuple[Problem, dict[int, Compilation]]:
    """One point of the space with each wish."""
    folder = model.parent
    extracted = extract(Model.open(model, TARGET.compile_flags), TARGET, folder)
    (dispatch,) = extracted.dispatches
    assert dispatch.problem is not None
    assert dispatch.program is not None
    found = spaces.find(TARGET.name, dispatch.problem)
    assert found is not None
    builder = found[1]
    pool = enumerate_space(builder.build(dispatch.problem, extracted.limits))
    points = [pool.point(row) for row in range(len(pool))]
    alike: dict[tuple[int, ...], dict[int, dict[str, int]]] = {}
    for point in points:
        others = tuple(value for name, value in point.items() if name != "occupancy")
        alike.setdefault(others, {})[point["occupancy"]] = point
    chosen = next(each for each in alike.values() if each.keys() == LIMITS.keys())
    jobs = [
        CompileJob(
            dispatch.program,
            dispatch.name,
            Candidate(occupancy, point=point, configuration=builder.configuration(dispatch.problem, point)),
            TARGET,
            folder / f"{occupancy}.vmfb",
            folder / f"{occupancy}.log",
        )
        for occupancy, point in chosen.items()
    ]
    with CompilePool(2, 60.0) as compilers:
        return dispatch.problem, dict(zip(chosen, compilers.compile(jobs), strict=True))


def test_each_wish_is_in_the_code(compiled: tuple[Problem, dict[int, Compilation]]) -> None:
    for occupancy, end in compiled[1].items():
        assert end.fate is Fate.COMPILED, end.detail
        assert end.binary is not None
        limits = [limit for limit in LIMITS.values() if limit and limit in end.binary.read_bytes()]
        assert limits == ([LIMITS[occupancy]] if occupancy else [])


def test_it_reaches_the_whole_model_late_and_as_a_library(
    compiled: tuple[Problem, dict[int, Compilation]], model: Path, tmp_path: Path
) -> None:
    problem, ends = compiled
    annotations = ends[3].annotations
    assert annotations is not None
    late, early = tmp_path / "spec.late.mlir", tmp_path / "spec.mlir"
    late.write_text(late_spec([Entry(problem, annotations)]))
    early.write_text(problem_spec([Entry(problem, annotations)]))
    (entry,) = compile_with_specs(model, [late], tmp_path / "late.vmfb", Options(target="cuda:sm_80"), nobody)
    assert len(entry.dispatches) == 1
    library = f"--iree-codegen-transform-dialect-library={early}@__kernel_config"
    ended = run_tool(
        "iree-compile",
        [str(model), *TARGET.compile_flags, library, "-o", str(tmp_path / "early.vmfb")],
        timeout_s=120.0,
        scratch=tmp_path,
    )
    assert ended.exit_code == 0, ended.first_error
    for binary in ("late.vmfb", "early.vmfb"):
        assert b".maxnreg 168" in (tmp_path / binary).read_bytes(), binary


@pytest.mark.parametrize("moment", ["late", "early"])
def test_it_is_read_back_from_a_spec(moment: Moment, tmp_path: Path) -> None:
    (recorded,) = read_spec(RECORDED).entries
    with_limit = Annotations(recorded.annotations.root, function={"nvvm.maxnreg": "168 : i32"})
    for written in (with_limit, Annotations(recorded.annotations.root)):
        entry = replace(
            recorded.rewritten(replace(recorded.certificate, moment=moment)),
            annotations=written,
        )
        path = tmp_path / "spec.mlir"
        path.write_text(late_spec([entry]) if moment == "late" else problem_spec([entry]))
        (read,) = read_spec(path).entries
        assert read.annotations == written
