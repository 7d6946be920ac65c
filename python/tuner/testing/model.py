# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A whole model that no compiler reads: its binaries are its flags, which a recording knows as a choice.

plain = replayed_plain_model(bench, recording)
choice = choose_flags(bench, plain, (), bench.budget, read_s=0.0)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
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
# The flags by which the compiler is asked for IR, and a model that has none of what a reader looks for.
_UNTIL, _DUMP, _NOTHING = "--compile-to=", "--iree-hal-dump-executable-benchmarks-to=", "module {}"


@dataclass(frozen=True, slots=True)
class ReplayModel(Model):
    """A model whose compilations a recording knows.

    `refusal`: what the compiler prints of others. `phases`: the IR that every compilation up to a phase writes, by its
    name; by default a module without dispatches. `benchmarks`: the IR that it dumps of dispatches, by their names.
    """

    recording: Recording | None = None
    refusal: str = _REFUSAL
    phases: Mapping[str, str] = field(default_factory=dict)
    benchmarks: Mapping[str, str] = field(default_factory=dict)

    def compile(self, output: Path, *extra_flags: str, timeout_s: float | None = None) -> ToolResult:
        del timeout_s
        until = next((flag.removeprefix(_UNTIL) for flag in extra_flags if flag.startswith(_UNTIL)), "")
        choice = [*self.flags, *(() if until else extra_flags)] or "default"
        is_known = self.recording is not None and self.recording.behaviour(MODEL, choice) is not None
        if not is_known and until not in self.phases:
            return ToolResult(("replay",), 1, f"error: {self.refusal}")
        if until:
            output.write_text(self.phases.get(until, _NOTHING))
            for folder in (Path(flag.removeprefix(_DUMP)) for flag in extra_flags if flag.startswith(_DUMP)):
                for name, text in self.benchmarks.items():
                    (folder / f"{name}_benchmark.mlir").write_text(text)
        else:
            output.write_text(json.dumps({"dispatch": MODEL, "choice": choice}))
        return ToolResult(("replay",), 0, "")


def replayed_plain_model(
    bench: Workbench,
    recording: Recording,
    *,
    refusal: str = _REFUSAL,
    phases: Mapping[str, str] | None = None,
    benchmarks: Mapping[str, str] | None = None,
) -> PlainModel:
    """The plain model of a recording, compiled into the run's folder; the keywords are fields of `ReplayModel`."""
    source = bench.folder.path / "model.mlir"
    source.write_text("")
    model = ReplayModel(
        source,
        source,
        (),
        recording=recording,
        refusal=refusal,
        phases=phases or {},
        benchmarks=benchmarks or {},
    )
    binary = bench.folder.path / "model.vmfb"
    model.compile(binary)
    behaviour = recording.behaviour(MODEL, "default")
    assert behaviour is not None, "the untuned model compiles"
    costs = ModelCosts(compile_s=0.01, unthreaded_s=0.01, load_s=0.01, run_s=behaviour.time_s)
    return PlainModel(model, FunctionProgram(binary, _FUNCTION), costs, behaviour.time_s)
