# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A few rows of the table of `mutations.py`: faults are found, correct variants are accepted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import mutations
from layers import FAMILIES, KINDS
from tuner.compile.pool import CompilePool
from tuner.measuring.correctness import MARGIN
from tuner.targets.cpu import CpuTarget


@pytest.fixture(name="pool", scope="module")
def make_pool() -> Iterator[CompilePool]:
    with CompilePool(1, mutations.TIMEOUT_S) as pool:
        yield pool


@pytest.mark.parametrize(("family", "kind"), [("products", "bf16"), ("layer norms", "f16 summed in f32")])
def test_faults_of_a_dispatch_are_found(
    family: str, kind: str, target: CpuTarget, pool: CompilePool, tmp_path: Path
) -> None:
    faults = ("sum", "element")
    row = mutations.judge_dispatch(FAMILIES[family], KINDS[kind], tmp_path, target, pool, configurations=1, only=faults)
    assert row.found == faults
    assert not row.refused
    assert row.accepted


def test_a_models_faults_are_found_if_they_exceed_what_moves_do(target: CpuTarget, tmp_path: Path) -> None:
    family, kind = FAMILIES["products"], KINDS["f16"]
    faults = ("tile", "sum", "scale", "zeros", "NaN")
    row = mutations.judge_model(family, kind, tmp_path, target, flags=["data tiling"], only=faults)
    assert set(row.found) == set(faults)
    assert all(row.effects[name] > MARGIN for name in faults)
    assert not row.refused
    assert set(row.accepted) == {"split", "upcast", "data tiling"}
