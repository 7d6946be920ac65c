# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Finds, for every dispatch that IREE generates, the configuration that makes it fastest, and proves it.

    import tuner

    result = tuner.tune("model.mlir", target="cpu", trials=100)
    print(result.speedup)
    result.save("spec.mlir")

`tune_callable` does the same for functions that are no MLIR. The parts can be used alone: `tuner.constraints` needs no
compiler, `tuner.measuring` only a runtime.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack

from tuner.errors import DeviceLostError, InputError, MeasurementError, ToolError, TunerError

if TYPE_CHECKING:
    from tuner.callables import Build, CallableResult, Check, Inputs, Run, Timer
    from tuner.constraints import Space
    from tuner.dispatch import Arithmetic
    from tuner.events import Listener
    from tuner.options import Options, SearchOptions, TuneOptions
    from tuner.tuning.result import TuneResult
    from tuner.tuning.stages import Stage

__all__ = ["DeviceLostError", "InputError", "MeasurementError", "ToolError", "TunerError", "tune", "tune_callable"]


def tune(
    model: str | Path | object,
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
        model: The model's file, in MLIR, ONNX or a form that another front end reads. Or a program of a framework: a
            `torch.export.ExportedProgram`, a `jax.export.Exported`, a `jax.stages.Lowered`. It is written as MLIR to
            `.iree-tuner/programs`, with the sizes of `shapes`, and tuned from there.
        progress: Shows on stderr what `iree-tune run` shows: a bar on a terminal, plain lines in a notebook or a file.
        listen: Is called with each `tuner.events.Event`. An exception that it raises ends the run and is passed on.
        stop: Is asked before each step of a search, by the thread that calls this: `threading.Event().is_set`, for
            example. Once it returns true, nothing further is searched. What was found so far gets its finals and its
            proof, and is returned.
        stages: The stages of the run; by default `tuner.tuning.stages.STAGES`.
        **options: The fields of `tuner.options.Options`. Paths may be text, and several values a list.
            `store` is one path or several.

    Returns:
        The spec with its proof, the result of each dispatch, and the command that uses them.

    Raises:
        InputError: If the model, an option or the script is unusable.
        ToolError: If the compiler fails on the model as it was given.
        DeviceLostError: If the device runs no program any more. What was measured is kept for `resume`.
    """
    # Imported here: `tuner.constraints` must work without IREE.
    from tuner.events import nobody
    from tuner.measuring.halving import never
    from tuner.model.frontends import write_program
    from tuner.model.shapes import Shapes
    from tuner.processes import refuse_unguarded
    from tuner.runs.folder import RUNS
    from tuner.tuning.guess import guess_model
    from tuner.tuning.run import tune_model
    from tuner.tuning.stages import STAGES

    refuse_unguarded("tuner.tune()")
    stores = options.get("store") or ()
    options["store"] = [stores] if isinstance(stores, str | Path) else stores
    settings = _settings("tune()", options)
    with _shown(listen or nobody, settings if progress else None) as heard:
        if not isinstance(model, str | Path):
            model = write_program(model, settings.shapes, RUNS / "programs")
            settings = replace(settings, shapes=Shapes())
        if settings.effort == "guess":
            return guess_model(Path(model), settings, heard)
        return tune_model(Path(model), settings, heard, stages or STAGES, stop=stop or never)


def tune_callable(
    space: Space,
    build: Build,
    run: Run,
    *,
    default: Mapping[str, int],
    inputs: Inputs | None = None,
    arithmetic: Arithmetic | None = None,
    check: Check | None = None,
    timer: Timer | None = None,
    clock: Literal["wall", "cpu"] = "wall",
    in_process: bool = False,
    progress: bool = False,
    listen: Listener | None = None,
    stop: Callable[[], bool] | None = None,
    **options: Unpack[SearchOptions],
) -> CallableResult:
    """Tunes a function that is no MLIR: one in CUDA, Triton or plain Python. No compiler of ours is involved.

    Search, measuring and verdict are those of `tune`. Each candidate's outputs are compared with the default's before
    it is timed. The best candidates face one another, and the best of them the default, in interleaved rounds, on
    inputs of several seeds. Without a 95 % interval above 1 the default stays.

    The functions run in a process of their own, which may crash or hang: a script calls this under
    `if __name__ == "__main__":`, and the functions belong to a module. In a notebook pass `in_process=True`.

    Args:
        space: The knobs and the rules among them.
        build: Makes of a point (a mapping from knob names to values) what `run` runs. 60 s are allowed.
        run: Is called as `run(built, *inputs)`. It returns an array or a number, or several, when the work has ended.
        default: The point that candidates are compared with. It has a value for each knob, and may break the rules.
        inputs: Makes a tuple of inputs from a seed, equal for equal seeds. Without it `run` gets none.
        arithmetic: What rounding can do to the outputs: by default that of f32 numbers without sums. Say
            `Arithmetic(terms=K, accumulator="f32", narrowest="f32")` for sums of K products, and `Arithmetic()` if the
            outputs must be equal.
        check: Says whether outputs are right, given those of the default and those of a candidate, in place of that
            rule.
        timer: Has a clock of its own, such as a GPU's events: `timer(built, inputs, times)` runs `times` times in a row
            and returns the seconds of one run.
        clock: Without `timer`: `wall`, or `cpu` for the process's CPU time, which other work disturbs less if `run`
            uses one thread.
        in_process: Runs the functions in this process. Nothing stops one that hangs or crashes there.
        progress: As of `tune`.
        listen: As of `tune`.
        stop: As of `tune`; the final follows.
        **options: `trials`, `budget_s`, `seed`, `strategy` and `min_gain`, as of `tuner.options.Options`.

    Returns:
        The point to use, the verdict with its interval, and every candidate.

    Raises:
        InputError: If an option, the space, the default or the script is unusable, or if another process cannot load
            the functions.
        DeviceLostError: If the default ran, and does so no longer.
    """
    from tuner.callables.functions import F32, Functions, no_inputs
    from tuner.callables.search import Search
    from tuner.events import nobody
    from tuner.measuring import Runner
    from tuner.measuring.halving import never
    from tuner.measuring.in_process import InProcess
    from tuner.processes import refuse_unguarded
    from tuner.targets import Device

    functions = Functions(build, run, inputs or no_inputs, check, F32 if arithmetic is None else arithmetic, timer)
    if not in_process:
        refuse_unguarded("tuner.tune_callable()")
        functions.check_sendable()
    if clock not in ("wall", "cpu"):
        raise InputError(f"clock is 'wall' or 'cpu', not {clock!r}")
    settings = _settings("tune_callable()", options)
    device = Device("function", (), clock, "this machine")
    transport = InProcess(device) if in_process else None
    with (
        _shown(listen or nobody, settings if progress else None) as heard,
        Runner(device, transport=transport) as runner,
    ):
        return Search(space, functions, dict(default), settings, heard, stop or never).run(runner)


def _settings(called: str, options: TuneOptions | SearchOptions) -> Options:
    """The options as a value. Raises InputError that names a wrong one, by its keyword."""
    from tuner.jsonable import from_given
    from tuner.options import OBJECTS, Options, in_keywords

    try:
        return from_given(Options, options, objects=OBJECTS)
    except ValueError as error:
        raise InputError(f"{called} got a wrong option: {error}") from error
    except InputError as error:
        raise InputError(in_keywords(str(error))) from error


@contextmanager
def _shown(listen: Listener, settings: Options | None) -> Iterator[Listener]:
    """What listens to a run: `listen`, and with `settings` also a view on stderr."""
    if settings is None:
        yield listen
        return
    from tuner.events import both
    from tuner.terminal.progress import progress_on_stderr

    with progress_on_stderr(settings.budget_s) as view:
        yield both(view, listen)
