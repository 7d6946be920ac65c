# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Products by Hopper's warpgroups: code for Hopper, whatever is fused with them, beside code for other chips."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from samples import matmul_residual, narrow_convolution, narrow_matmul
from tuner import spaces
from tuner.compile.apply import annotations_of
from tuner.compile.pool import CompileJob, CompilePool
from tuner.compile.specified import SpecifiedModel
from tuner.constraints import Pool, enumerate_space
from tuner.dispatch import Configuration, Dispatch
from tuner.dispatches.extract import Extracted, extract
from tuner.errors import InputError
from tuner.model.model import Model
from tuner.outcome import Candidate, Fate
from tuner.specs.write import Entry, late_spec
from tuner.targets.cuda import choose
from tuner.toolchain.contexts import new_context

pytestmark = [pytest.mark.compiler, pytest.mark.gpu]

TARGET = choose("sm_90", 1)


def read(text: str, folder: Path) -> tuple[Model, Extracted]:
    """A model of this text, and its dispatches."""
    (folder / "model.mlir").write_text(text)
    model = Model.open(folder / "model.mlir", TARGET.compile_flags)
    return model, extract(model, TARGET, folder)


def solved(dispatch: Dispatch, extracted: Extracted) -> tuple[Pool, list[Configuration]]:
    """The dispatch's pool, and the configurations of its first and its last point."""
    assert dispatch.problem is not None
    found = spaces.find(TARGET.name, dispatch.problem)
    assert found is not None
    _, space = found
    pool = enumerate_space(space.build(dispatch.problem, extracted.limits))
    return pool, [space.configuration(dispatch.problem, pool.point(row)) for row in (0, len(pool) - 1)]


def codes(dispatch: Dispatch, configurations: list[Configuration], folder: Path) -> list[bytes]:
    """What the dispatch is compiled to with each configuration."""
    assert dispatch.program is not None
    jobs = [
        CompileJob(
            dispatch.program,
            dispatch.name,
            Candidate(number, configuration=configuration),
            TARGET,
            folder / f"{number}.vmfb",
            folder / f"{number}.log",
        )
        for number, configuration in enumerate(configurations)
    ]
    with CompilePool(2, 60.0) as compilers:
        ends = compilers.compile(jobs)
    assert [end.detail for end in ends if end.fate is not Fate.COMPILED] == []
    return [end.binary.read_bytes() for end in ends if end.binary is not None]


def assert_by_warpgroups(code: bytes) -> None:
    assert b".target sm_90a" in code
    assert b"wgmma.mma_async" in code
    assert b"mma.sync" not in code
    assert b"malloc" not in code


def test_what_is_fused_with_a_product_does_not_keep_warpgroups_from_it(tmp_path: Path) -> None:
    """Its residual is another operand, whose part a thread holds in memory of its own: not on a heap."""
    # The second product has no 64 columns, and is left to the compiler.
    model, extracted = read(matmul_residual(128, 128, 256) + matmul_residual(128, 32, 256, "other"), tmp_path)
    (dispatch,) = [one for one in extracted.dispatches if "128x128" in one.name]
    pool, configurations = solved(dispatch, extracted)
    assert {pool.point(row)["warpgroups"] for row in range(len(pool))} == {1}
    for code in codes(dispatch, configurations, tmp_path):
        assert_by_warpgroups(code)

    assert dispatch.problem is not None
    with new_context() as context:
        entry = Entry(dispatch.problem, annotations_of(configurations[0], TARGET, context))
    late = tmp_path / "spec.late.mlir"
    late.write_text(late_spec([entry]))
    SpecifiedModel(model, TARGET, None, late, tmp_path).compile(tmp_path / "model.vmfb")
    code = (tmp_path / "model.vmfb").read_bytes()
    assert (code.count(b".target sm_90a"), code.count(b".target sm_80")) == (1, 1)
    with pytest.raises(
        InputError, match=r"spec\.late\.mlir: the entry \w+ is for sm_90, and this is compiled for sm_80"
    ):
        SpecifiedModel(model, choose("sm_80", 1), None, late, tmp_path).compile(tmp_path / "other.vmfb")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (narrow_matmul(100, 128, 256, "f16"), "matmul_100x128x256"),
        (narrow_convolution(14, 64, 1, "bf16"), "conv_14x14x64"),
    ],
)
def test_tiles_may_reach_over_the_end_of_rows(tmp_path: Path, text: str, name: str) -> None:
    """The copies say how many bytes they read; the rest of a tile is zeros."""
    _, extracted = read(text, tmp_path)
    (dispatch,) = [one for one in extracted.dispatches if name in one.name]
    pool, configurations = solved(dispatch, extracted)
    assert {pool.point(row)["warpgroups"] for row in range(len(pool))} == {1}
    for code in codes(dispatch, configurations, tmp_path):
        assert_by_warpgroups(code)
        assert re.search(rb"cp\.async\.cg\.shared\.global \[[^]]+\], \[[^]]+\], 16, %r\d+;", code)
        assert b"st.shared" not in code
