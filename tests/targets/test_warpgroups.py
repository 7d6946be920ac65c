# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Products by Hopper's warpgroups: code for Hopper, whatever is fused with them, beside code for other chips."""

from __future__ import annotations

from pathlib import Path

import pytest

from samples import matmul_residual
from tuner import spaces
from tuner.compile.apply import annotations_of
from tuner.compile.pool import CompileJob, CompilePool
from tuner.compile.specified import SpecifiedModel
from tuner.constraints import enumerate_space
from tuner.dispatches.extract import extract
from tuner.model.model import Model
from tuner.outcome import Candidate, Fate
from tuner.specs.write import Entry, late_spec
from tuner.targets.cuda import choose
from tuner.toolchain.contexts import new_context

pytestmark = [pytest.mark.compiler, pytest.mark.gpu]


def test_what_is_fused_with_a_product_does_not_keep_warpgroups_from_it(tmp_path: Path) -> None:
    """Its residual is another operand, whose part a thread holds in memory of its own: not on a heap."""
    path, target = tmp_path / "model.mlir", choose("sm_90", 1)
    # The second product has no 64 columns, and is left to the compiler.
    path.write_text(matmul_residual(128, 128, 256) + matmul_residual(128, 32, 256, "other"))
    model = Model.open(path, target.compile_flags)
    extracted = extract(model, target, tmp_path)
    (dispatch,) = [one for one in extracted.dispatches if "128x128" in one.name]
    assert dispatch.problem is not None
    assert dispatch.program is not None
    found = spaces.find(target.name, dispatch.problem)
    assert found is not None
    name, space = found
    assert name == "gpu-contraction"
    pool = enumerate_space(space.build(dispatch.problem, extracted.limits))
    assert {pool.point(row)["warpgroups"] for row in range(len(pool))} == {1}
    configurations = [space.configuration(dispatch.problem, pool.point(row)) for row in (0, len(pool) - 1)]
    jobs = [
        CompileJob(
            dispatch.program,
            dispatch.name,
            Candidate(number, configuration=configuration),
            target,
            tmp_path / f"{number}.vmfb",
            tmp_path / f"{number}.log",
        )
        for number, configuration in enumerate(configurations)
    ]
    with CompilePool(2, 60.0) as compilers:
        ends = compilers.compile(jobs)
    assert [end.detail for end in ends if end.fate is not Fate.COMPILED] == []
    for end in ends:
        assert end.binary is not None
        code = end.binary.read_bytes()
        assert b".target sm_90a" in code
        assert b"wgmma.mma_async" in code
        assert b"mma.sync" not in code
        assert b"malloc" not in code

    with new_context() as context:
        entry = Entry(dispatch.problem, annotations_of(configurations[0], target, context))
    late = tmp_path / "spec.late.mlir"
    late.write_text(late_spec([entry]))
    SpecifiedModel(model, target, None, late, tmp_path).compile(tmp_path / "model.vmfb")
    code = (tmp_path / "model.vmfb").read_bytes()
    assert (code.count(b".target sm_90a"), code.count(b".target sm_80")) == (1, 1)
