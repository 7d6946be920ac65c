# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The command that a run prints is enough by itself: executed as it is printed it makes what was proved."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import samples
import tuner
from tuner.errors import ToolError
from tuner.evaluate.budget import Budget
from tuner.events import Event, PhaseStarted
from tuner.measuring import FunctionProgram
from tuner.model.model import Model
from tuner.targets.cpu import CpuTarget
from tuner.tuning.printed import SAME_BINARY, check_command
from tuner.tuning.reserve import ModelCosts
from tuner.tuning.whole_model import PlainModel


@pytest.mark.runs
def test_a_plain_run_ends_with_a_command_of_plain_iree_compile_that_is_enough(tmp_path: Path) -> None:
    model = tmp_path / "model.mlir"
    model.write_text(samples.matmul(101, 211, 103, "product") + samples.softmax(127, 211))
    options = [
        "--plain",
        "--trials",
        "2",
        "--keep-flags",
        "--allocator",
        "default",
        "--function",
        "product",
        "-o",
        "spec.mlir",
    ]
    command = ["-m", "tuner", "run", "model.mlir", *options, "--run-dir", "run", "--", samples.NO_PEELING]
    done = subprocess.run([sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=True)
    *_, before, last = done.stdout.splitlines()
    assert before == "Use the spec:"
    assert f"The command below was run: {SAME_BINARY}." in done.stdout
    assert not (tmp_path / "spec.late.mlir").exists()
    printed = shlex.split(last)
    assert printed[0] == "iree-compile"
    found = shutil.which(printed[0], path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    subprocess.run([found or "", *printed[1:]], cwd=tmp_path, check=True, timeout=120)
    assert (tmp_path / "model.vmfb").read_bytes() == (tmp_path / "run" / "model-tuned.vmfb").read_bytes()


def plain_model(folder: Path, *flags: str) -> tuple[PlainModel, tuple[str, ...]]:
    """A model compiled with these flags, and the command that does that."""
    source, binary = folder / "model.mlir", folder / "model-tuned.vmfb"
    source.write_text(samples.matmul(8, 16, 32, "product"))
    model = Model.open(source, (*CpuTarget().compile_flags, *flags))
    model.compile_or_reject(binary)
    plain = PlainModel(model, FunctionProgram(binary, "product"), ModelCosts(1.0, 1.0, 0.1, 0.01), 0.01)
    return plain, ("iree-compile", str(source), *CpuTarget().compile_flags, "-o", "model.vmfb")


@pytest.mark.runs
def test_a_command_that_makes_another_binary_is_measured(tmp_path: Path) -> None:
    plain, command = plain_model(tmp_path, "--iree-opt-data-tiling")
    shown = check_command(command, plain.program.binary, plain, CpuTarget().device, 60.0, Budget())
    assert shown.startswith("it makes another binary, which was measured too: ")


@pytest.mark.compiler
def test_a_command_that_fails_is_reported_with_its_reason(tmp_path: Path) -> None:
    plain, command = plain_model(tmp_path)
    with pytest.raises(ToolError, match=r"the command that uses the result fails: .*--no-such-flag"):
        check_command((*command, "--no-such-flag"), plain.program.binary, plain, CpuTarget().device, 60.0, Budget())


@pytest.mark.runs
def test_a_spec_of_late_entries_alone_is_measured_once_and_made_again_byte_for_byte(tmp_path: Path) -> None:
    """The default of this convolution takes several times as long as any candidate that is tried first."""
    model, events = tmp_path / "model.mlir", list[Event]()
    model.write_text(samples.channel_wise_rows(64, 28, 3))
    result = tuner.tune(
        model, trials=3, keep_flags=True, allocator="default", run_dir=tmp_path / "run", listen=events.append
    )
    assert [dispatch.late for dispatch in result.dispatches if dispatch.winner] == [True]
    assert result.gains is not None
    assert result.late_gain == result.gains.spec is not None
    assert "whole model with late entries against without" not in [
        event.text for event in events if isinstance(event, PhaseStarted)
    ]
    assert result.compile_command[:2] == ("iree-tune", "compile")
    assert result.command_shown == SAME_BINARY
