# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which winners plain iree-compile cannot apply, as far as that is known without trying."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuner.dispatch import Configuration, Dispatch, Feeding, GpuSettings
from tuner.evaluate.final import Final
from tuner.measuring import Tolerance, Verification
from tuner.measuring.sampling import Paired
from tuner.outcome import Candidate, Compilation, Evaluation, Fate
from tuner.speedup import Ratio
from tuner.targets.cuda import CudaTarget
from tuner.targets.rocm import RocmTarget
from tuner.testing.problems import FOR_GPUS
from tuner.tuning.result import DispatchResult
from tuner.tuning.run_specs import is_late


def won_by(feeding: Feeding | None) -> DispatchResult:
    settings = GpuSettings((256, 1, 1), 64, 0x1020, (0, 1), feeding=feeding)
    candidate = Candidate(1, configuration=Configuration("TileAndFuse", {}, gpu=settings))
    evaluation = Evaluation(Compilation(candidate, Fate.COMPILED, "", 0.1, Path("log")), Fate.MEASURED, "")
    final = Final(
        evaluation,
        Paired((2.0,), (1.0,)),
        Ratio(2.0, 2.0, 2.0),
        Verification(True, 0.0, "", Tolerance(0.0, 0.0)),
        True,
        (1,),
    )
    return DispatchResult(Dispatch("product", problem=FOR_GPUS[0]), "tuned", (evaluation,), final)


@pytest.mark.parametrize(("feeding", "late"), [(None, False), (Feeding(128), True)])
def test_an_entry_for_a_gpu_that_lists_passes_is_late(feeding: Feeding | None, late: bool) -> None:
    assert is_late(won_by(feeding), RocmTarget()) == late
    assert is_late(won_by(feeding), CudaTarget())
