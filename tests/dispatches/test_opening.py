# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every command opens its model alike: same flags, same notes, same refusals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import samples
from tuner.dispatches.opening import OpenedModel, open_model
from tuner.errors import InputError
from tuner.events import Event, Note, PhaseStarted, nobody
from tuner.model.model import Model
from tuner.options import Options
from tuner.preview.forecast import forecast
from tuner.preview.list import list_dispatches
from tuner.targets.cuda import CudaTarget


@pytest.fixture(name="model")
def write_model(tmp_path: Path) -> Path:
    path = tmp_path / "model.mlir"
    path.write_text(samples.matmul(8, 8, 8))
    return path


def test_the_flags_of_the_target_come_before_the_users(model: Path) -> None:
    opened = open_model(model, Options(target="cuda:sm_80", flags=("--iree-opt-level=O2",)))
    assert opened.model.flags == ("--iree-hal-target-device=cuda", "--iree-cuda-target=sm_80", "--iree-opt-level=O2")


def test_the_note_of_the_target_is_shown_before_the_model_is_read(model: Path, tmp_path: Path) -> None:
    target, events = CudaTarget("sm_80", label="A GPU"), list[Event]()
    opened = OpenedModel(Model.open(model, target.compile_flags), target, Options())
    assert opened.imported(tmp_path, events.append).path == model
    assert events == [Note("A GPU: compiling for sm_80"), PhaseStarted(f"reading {model}")]


@pytest.mark.parametrize("command", [list_dispatches, forecast])
def test_what_measures_looks_for_the_devices_first(command: Callable[..., Any], model: Path) -> None:
    """No machine has a hundredth GPU."""
    options = Options(target="rocm:gfx942", devices=("hip://99",))
    with pytest.raises(InputError, match="nothing can be measured on hip://99 here"):
        command(model, options, nobody)
