# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Finds, for every dispatch that IREE generates, the configuration that makes it fastest, and proves it.

    import tuner

    result = tuner.tune("model.mlir", target="cpu", trials=100)
    print(result.speedup)
    result.save("spec.mlir")

The parts can be used alone: `tuner.constraints` needs no compiler, `tuner.measuring` only a runtime.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from tuner.errors import InputError, MeasurementError, ToolError, TunerError

if TYPE_CHECKING:
    from tuner.events import Listener
    from tuner.options import TuneOptions
    from tuner.tuning.result import TuneResult
    from tuner.tuning.stages import Stage

__all__ = ["InputError", "MeasurementError", "ToolError", "TunerError", "tune"]


def tune(
    model: str | Path,
    *,
    progress: bool = False,
    listen: Listener | None = None,
    stop: Callable[[], bool] | None = None,
    stages: Sequence[Stage] | None = None,
    **options: Unpack[TuneOptions],
) -> TuneResult:
    """Tunes a model and returns the spec with its proof. Nothing is written but the run's folder.

    Compile and measure processes are spawned: a script calls this under `if __name__ == "__main__":`.

    Args:
        model: The model's file, in MLIR or ONNX.
        progress: Shows on stderr what `iree-tune run` shows: a bar on a terminal, plain lines in a notebook or a file.
        listen: Is called with each `tuner.events.Event`. An exception that it raises ends the run and is passed on.
        stop: Is asked before each step of a search, by the thread that calls this: `threading.Event().is_set`, for
            example. Once it returns true, nothing further is searched. What was found so far gets its finals and its
            proof, and is returned.
        stages: The stages of the run; by default `tuner.tuning.stages.STAGES`.
        **options: The fields of `tuner.options.Options`. Paths may be text, and several values a list.

    Returns:
        The spec with its proof, the result of each dispatch, and the command that uses them.

    Raises:
        InputError: If the model, an option or the script is unusable.
        ToolError: If the compiler fails on the model as it was given.
        DeviceLostError: If the device runs no program any more. What was measured is kept for `resume`.
    """
    # Imported here: `tuner.constraints` must work without IREE.
    from tuner.events import both, nobody
    from tuner.jsonable import from_given
    from tuner.measuring.halving import never
    from tuner.options import OBJECTS, Options
    from tuner.processes import refuse_unguarded
    from tuner.tuning.run import tune_model
    from tuner.tuning.stages import STAGES

    refuse_unguarded("tuner.tune()")
    try:
        settings = from_given(Options, options, objects=OBJECTS)
    except ValueError as error:
        raise InputError(f"tune() got a wrong option: {error}") from error

    def run(heard: Listener) -> TuneResult:
        return tune_model(
            Path(model), settings, heard, STAGES if stages is None else stages, stop=never if stop is None else stop
        )

    if not progress:
        return run(listen or nobody)
    from tuner.terminal.progress import progress_on_stderr

    with progress_on_stderr(settings.budget_s) as view:
        return run(both(view, listen or nobody))
