# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How operands reach matrix instructions, as knobs of a recorded configuration."""

from __future__ import annotations

import pytest

from tuner.dispatch import Configuration, Feeding, GpuSettings
from tuner.report.knobs import Knobs, knobs_of


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (GpuSettings((128, 1, 1), 32, 0x2020), {"padding_bits": 64}),
        (GpuSettings((128, 1, 1), 32, 0x2020, no_reduce_shared_memory_bank_conflicts=True), {"padding_bits": 0}),
        (
            GpuSettings((128, 1, 1), 32, 0x2020, feeding=Feeding(128, 3, matrix_loads=True)),
            {"padding_bits": 128, "stages": 3, "matrix_loads": 1, "reads_ahead": 0, "warpgroups": 0},
        ),
        (GpuSettings((128, 1, 1), 32), {}),
    ],
)
def test_the_built_in_pipeline_stands_among_the_others(settings: GpuSettings, expected: Knobs) -> None:
    knobs = knobs_of(Configuration("TileAndFuse", {"workgroup": (64, 64, 0)}, gpu=settings).to_json())
    names = ("padding_bits", "stages", "matrix_loads", "reads_ahead", "warpgroups")
    assert {name: knobs[name] for name in names if name in knobs} == expected
    assert "feeding" not in knobs
