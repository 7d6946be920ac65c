# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A model compiled whole: what iree-compile only prints of passes is an error."""

from __future__ import annotations

from pathlib import Path

import pytest

import samples
from tuner.errors import InputError
from tuner.model.model import Model
from tuner.targets.cpu import CpuTarget

pytestmark = pytest.mark.compiler

LAYOUT = "iree-preprocessing-convert-conv-to-channels-last"


def compile_with(passes: str, folder: Path) -> None:
    """Compiles a small model with passes before IREE's own."""
    path = folder / "model.mlir"
    path.write_text(samples.elementwise(64))
    pipeline = f"--iree-preprocessing-pass-pipeline=builtin.module(util.func({passes}))"
    Model.open(path, CpuTarget().compile_flags).compile_or_reject(folder / "model.vmfb", pipeline)


@pytest.mark.parametrize(
    ("passes", "message"),
    [
        ("iree-no-such-pass", r"'iree-no-such-pass' does not refer to a registered pass"),
        (f"{LAYOUT},iree-no-such-pass", r"'iree-no-such-pass' does not refer to a registered pass"),
        (f"{LAYOUT}{{no-such-option=4}}", r"no such option no-such-option"),
        (f"{LAYOUT}(", r"error: "),
    ],
)
def test_passes_that_the_compiler_does_not_know_are_refused(passes: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        compile_with(passes, tmp_path)


def test_passes_that_it_knows_are_run(tmp_path: Path) -> None:
    compile_with(f"{LAYOUT}{{tiling-factor=4}}", tmp_path)
    assert (tmp_path / "model.vmfb").exists()
