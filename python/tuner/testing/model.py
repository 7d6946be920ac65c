# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A whole model that no compiler reads: its binaries are its flags, which a recording knows as a choice.

plain = replayed_plain_model(bench, recording)
choice = choose_flags(bench, plain, (), bench.budget, read_s=0.0)
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from tuner.measuring import FunctionProgram
from tuner.model.model import Model
from tuner.testing.recording import Recording
from tuner.toolchain.tools import ToolResult
from tuner.tuning.reserve import ModelCosts
from tuner.tuning.whole_model import PlainModel
from tuner.tuning.workbench import Workbench

# The name of the whole model in a recording. Its choice is the list of its flags, "default" without any.
MODEL = "model"
_FUNCTION = "main"
_REFUSAL = "the recording does not know it"


@dataclass(frozen=True, slots=True)
class ReplayModel(Model):
    """A model whose compilations a recording knows. `refusal`: what the compiler prints of others."""

    recording: Recording | None = None
    refusal: str = _REFUSAL

    def compile(self, output: Path, *extra_flags: str, timeout_s: float | None = None) -> ToolResult:
        del timeout_s
        choice = [*self.flags, *extra_flags] or "default"
        if self.recording is None or self.recording.behaviour(MODEL, choice) is None:
            return ToolResult(("replay",), 1, f"error: {self.refusal}")
        output.write_text(json.dumps({"dispatch": MODEL, "choice": choice}))
        return ToolResult(("replay",), 0, "")


def replayed_plain_model(bench: Workbench, recording: Recording, *, refusal: str = _REFUSAL) -> PlainModel:
    """The plain model of a recording, compiled into the run's folder.

    `refusal`: what the compiler prints of compilations that the recording does not know.
    """
    source = bench.folder.path / "model.mlir"
    source.write_text("")
    model = ReplayModel(source, source, (), recording=recording, refusal=refusal)
    binary = bench.folder.path / "model.vmfb"
    model.compile(binary)
    behaviour = recording.behaviour(MODEL, "default")
    assert behaviour is not None, "the untuned model compiles"
    costs = ModelCosts(compile_s=0.01, unthreaded_s=0.01, load_s=0.01, run_s=behaviour.time_s)
    return PlainModel(model, FunctionProgram(binary, _FUNCTION), costs, behaviour.time_s)
