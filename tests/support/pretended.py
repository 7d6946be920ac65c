# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Winners of devices that are not here: candidates that compile, with times that were made up."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tuner.compile.pool import CompileJob, CompilePool
from tuner.constraints import find_pool, sample_uniform
from tuner.dispatches.extract import Extracted, extract
from tuner.evaluate.final import Final
from tuner.events import Listener, nobody
from tuner.measuring import Tolerance, Verification
from tuner.measuring.sampling import Paired
from tuner.model.model import Model
from tuner.options import Options
from tuner.outcome import Evaluation, Fate
from tuner.runs.folder import RunFolder
from tuner.specs.circumstances import circumstances_of
from tuner.speedup import Ratio
from tuner.targets import Target
from tuner.targets.choosing import choose_target
from tuner.tuning.plan import Task, plan
from tuner.tuning.prove import Proof, prove_unrun
from tuner.tuning.result import DispatchResult

_TRIES = 12
# A list of passes as the pipeline: plain iree-compile then configures the fill before a product too, so it is late.
_PASSES = "pass_pipeline"
_TIMEOUT_S = 90.0


def proof_with_winners(
    text: str, target: str, folder: Path, *flags: str, listen: Listener = nobody
) -> tuple[Model, Proof]:
    """A model and the proof of a run in which every dispatch had a winner: the first candidate that compiles by one of
    IREE's pipelines."""
    source, chosen = folder / "model.mlir", choose_target(target)
    source.write_text(text)
    model = Model.open(source, (*chosen.compile_flags, *flags))
    with RunFolder.create(folder / "run", source) as run:
        extracted = extract(model, chosen, run.path)
        planned = plan(extracted.dispatches, chosen, Options())
        with CompilePool(1, _TIMEOUT_S) as compilers:
            found = {task.dispatch.name: _winner(task, extracted, chosen, compilers, folder) for task in planned.tasks}
        results = [
            found.get(dispatch.name) or DispatchResult(dispatch, planned.left[dispatch.name])
            for dispatch in extracted.dispatches
        ]
        made = circumstances_of(Options(target=target), chosen, extracted, model.flags)
        return model, prove_unrun(model, chosen, run, results, made, listen)


def _winner(task: Task, extracted: Extracted, target: Target, compilers: CompilePool, folder: Path) -> DispatchResult:
    space = task.builder.build(task.problem, extracted.limits)
    pool = find_pool(space, samples=_TRIES, rng=np.random.default_rng(0))
    for number, row in enumerate(sample_uniform(pool, _TRIES, np.random.default_rng(0)), start=1):
        candidate = task.candidate(number, row, pool.point(row))
        name = f"{task.dispatch.name}-{number}"
        settings = None if candidate.configuration is None else candidate.configuration.gpu
        if settings is not None and settings.feeding is not None:
            # It lists its passes, so it is late whatever its problem is.
            continue
        job = CompileJob(
            task.program, task.dispatch.name, candidate, target, folder / f"{name}.vmfb", folder / f"{name}.log"
        )
        (compilation,) = compilers.compile([job])
        is_of_passes = compilation.configured is None or _PASSES in compilation.configured.translation_info
        if compilation.fate is Fate.COMPILED and not is_of_passes and compilation.configured != task.dispatch.default:
            evaluation = Evaluation(compilation, Fate.MEASURED, "", 1e-3, 2.0, (1e-3,))
            final = Final(
                evaluation,
                Paired((2e-3,) * 10, (1e-3,) * 10),
                Ratio(2.0, 2.0, 2.0),
                Verification(True, 0.0, "", Tolerance(1e-3, 1e-3)),
                accepted=True,
                seeds=(1,),
            )
            return DispatchResult(task.dispatch, "tuned", (evaluation,), final)
    raise AssertionError(f"no candidate of {task.dispatch.name} compiles")
