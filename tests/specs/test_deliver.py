# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The files that a run delivers: early, late and preprocessing specs, each written or removed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import tuner
from tuner.compile.specified import compile_with_specs
from tuner.events import nobody
from tuner.options import Options
from tuner.specs.write import late_path
from tuner.tuning.result import TuneResult

pytestmark = pytest.mark.runs


def test_a_run_removes_a_late_spec_that_is_no_longer_its_own(
    delivered: tuple[TuneResult, Path], tmp_path: Path
) -> None:
    result, made = delivered
    assert result.dispatches[-1].late
    assert late_path(made).read_text() == result.late_spec
    assert result.compile_command[:2] == ("iree-tune", "compile")
    model, spec = (Path(shutil.copy(made.with_name(name), tmp_path)) for name in ("model.mlir", made.name))
    late = Path(shutil.copy(late_path(made), tmp_path))
    compile_with_specs(model, [spec, late], tmp_path / "x.vmfb", Options(), nobody)
    again = tuner.tune(
        model,
        trials=1,
        workers=1,
        keep_flags=True,
        plain=True,
        function="a/b",
        allocator="default",
        output=spec,
        run_dir=tmp_path / "again",
    )
    assert [found.verdict.startswith("left alone") for found in again.dispatches] == [False, True]
    assert again.late_spec == ""
    assert not late.exists()
