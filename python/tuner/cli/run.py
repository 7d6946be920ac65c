# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`iree-tune run`."""

from __future__ import annotations

import errno
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tuner.cli.arguments import (
    DEFAULTS,
    MODEL,
    compile_timeout_option,
    compiler_flags,
    fix_option,
    model_or_problems,
    optional_model_argument,
    problem_option,
    several_targets_options,
    shape_options,
)
from tuner.cli.help import command, option
from tuner.cli.streams import console, refused_by_stdout
from tuner.cli.targets import for_targets
from tuner.cli.values import registered, seconds
from tuner.cli.verbosity import progress_view
from tuner.errors import InputError, ToolError
from tuner.evaluate.budget import Budget
from tuner.events import Event, Listener, both
from tuner.model.shapes import Shapes
from tuner.model_flags import parse_pins
from tuner.options import EFFORTS, Options
from tuner.targets.device import CLOCKS

if TYPE_CHECKING:
    from rich.console import Console

    from tuner.stopwatch import Stopwatch
    from tuner.terminal.event_stream import EventStream
    from tuner.terminal.progress import ProgressView

# The titles of options, beside that of the model's.
_SEARCH, _WHOLE, _FILES, _MACHINES, _OUTPUT = "Search", "Whole model", "Files", "Machines", "Output"
# What a run may end after; the last one is all of it.
_PHASES = ("dispatches", "model")


@command(
    "run",
    summary="Tune a model and write a tuning spec.",
    examples=(
        "iree-tune run model.mlir -o spec.mlir",
        "iree-tune run model.mlir -o spec.mlir --budget 20m --threads 4",
        "iree-tune run model.onnx -o spec.mlir --dim batch=1",
        "iree-tune run model.pt2 -o spec.mlir --budget 20m",
        "iree-tune run model.mlir -o spec.mlir --run-dir run --resume",
        "iree-tune run model.mlir -o spec.mlir -- --iree-opt-level=O2",
        "iree-tune run --problem 'conv 2x32x32x1280->1280 3x3 f16' -o spec.mlir",
    ),
)
@optional_model_argument
@compiler_flags
@problem_option
@several_targets_options
@option(
    "--function",
    default=DEFAULTS.function,
    metavar="NAME",
    help="The model's entry, if it has several functions.",
    group=MODEL,
)
@shape_options
@option(
    "--effort",
    type=click.Choice(EFFORTS),
    default=DEFAULTS.effort,
    show_default=True,
    help="guess: measure nothing; quick: at most 8 candidates a dispatch, and 90 s; full: --trials and --budget.",
    group=_SEARCH,
)
@option(
    "--stop-after",
    type=click.Choice(_PHASES),
    default=_PHASES[-1],
    show_default=True,
    help="dispatches: end before whole models are compared, and choose nothing for the whole; --resume goes on.",
    group=_SEARCH,
)
@option(
    "--trials",
    metavar="N",
    default=DEFAULTS.trials,
    show_default=True,
    help="Candidates for each dispatch.",
    group=_SEARCH,
)
@option(
    "--budget",
    "budget_s",
    callback=seconds,
    metavar="TIME",
    help="Time for the whole run, as in 20m, spent where the model's time is.",
    group=_SEARCH,
)
@option(
    "--strategy",
    **registered("tuner.strategies"),
    default=DEFAULTS.strategy,
    show_default=True,
    help="How to search.",
    group=_SEARCH,
)
@option(
    "--space",
    "spaces",
    multiple=True,
    **{**registered("tuner.spaces"), "metavar": "NAME"},
    help="Search this space only, as `iree-tune space` names it (repeatable: the first that serves a dispatch). "
    "NAME+NAME searches both as one.",
    group=_SEARCH,
)
@fix_option(_SEARCH)
@option(
    "--start-from",
    "start_from",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Spec whose entries are the first candidates, made by this tuner or not (repeatable).",
    group=_SEARCH,
)
@option(
    "--dispatch",
    "dispatches",
    multiple=True,
    metavar="NAME",
    help="Tune only this dispatch, by its name or its number, as in dispatch_2 (repeatable).",
    group=_SEARCH,
)
@option(
    "--min-gain",
    metavar="FRACTION",
    default=DEFAULTS.min_gain,
    show_default=True,
    help="Keep the default unless the gain exceeds this fraction.",
    group=_SEARCH,
)
@option("--seed", metavar="N", default=DEFAULTS.seed, show_default=True, help="Seed of the search.", group=_SEARCH)
@option(
    "--keep-flags", is_flag=True, help="Search no flags of the whole compilation; use those of --pin.", group=_WHOLE
)
@option(
    "--pin",
    "pins",
    multiple=True,
    metavar="NAME=VALUE",
    help="Use this choice of flags and do not search it, as in data-tiling=default (repeatable).",
    group=_WHOLE,
)
@option(
    "--allocator",
    type=click.Choice(["auto", "default", "caching"]),
    default=DEFAULTS.allocator,
    show_default=True,
    help="What the whole model finds its transient buffers with; auto takes the faster one.",
    group=_WHOLE,
)
@option(
    "--plain",
    is_flag=True,
    help="Hand over only what plain iree-compile applies: flags and early entries.",
    group=_WHOLE,
)
@option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Where the tuning spec goes.  [default: spec.mlir in the run's folder]",
    group=_FILES,
)
@option(
    "--run-dir",
    type=click.Path(path_type=Path),
    help="Folder of the run's log and binaries.  [default: a new one in .iree-tuner]",
    group=_FILES,
)
@option("--resume", is_flag=True, help="Continue the interrupted run of --run-dir.", group=_FILES)
@option(
    "--store",
    multiple=True,
    type=click.Path(path_type=Path),
    help="File of results of candidates that several runs share; further ones are only read (repeatable)."
    "  [default: one in the run's folder]",
    group=_FILES,
)
@option(
    "--records",
    multiple=True,
    type=click.Path(path_type=Path),
    help="File of recorded pools that say where to start (repeatable).  [default: those that ship]",
    group=_FILES,
)
@option(
    "--device",
    "devices",
    multiple=True,
    metavar="URI",
    help="Measure on this device, as in cuda://1, local-sync://0, or all (repeatable).",
    group=_MACHINES,
)
@option(
    "--clock",
    type=click.Choice(CLOCKS),
    default=DEFAULTS.clock,
    show_default=True,
    help="What times dispatches: the host, what starts them included, or the device itself (NVIDIA, by CUPTI).",
    group=_MACHINES,
)
@option(
    "--facts",
    is_flag=True,
    help="Look into every binary for a GPU by ptxas or llvm-objdump, not only into those of defaults and winners.",
    group=_MACHINES,
)
@option(
    "--ray",
    is_flag=False,
    flag_value="local",
    metavar="[ADDRESS]",
    help="Compile and measure on the machines of a Ray cluster.  [default address: a cluster of this machine]",
    group=_MACHINES,
)
@option(
    "--workers",
    metavar="N",
    default=DEFAULTS.workers,
    help="Processes that compile.  [default: one for each processor]",
    group=_MACHINES,
)
@compile_timeout_option(_MACHINES)
@option(
    "--no-measure",
    is_flag=True,
    help="Compile candidates for another machine to measure: write a bundle.",
    group=_MACHINES,
)
@option("--bundle", type=click.Path(path_type=Path), help="Folder of the bundle, with --no-measure.", group=_MACHINES)
@option(
    "--dry-run",
    is_flag=True,
    help="Print what would be tuned and about how long it takes; write nothing.",
    group=_OUTPUT,
)
@option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print events on stdout, one JSON object a line; all else on stderr.",
    group=_OUTPUT,
)
@click.pass_obj
def run(
    continuation: Listener,
    /,
    model: Path | None,
    problems: tuple[str, ...],
    flags: tuple[str, ...],
    targets: tuple[str, ...],
    dims: tuple[str, ...],
    inputs: tuple[str, ...],
    pins: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
    no_measure: bool,
    bundle: Path | None,
    stop_after: str,
    records: tuple[Path, ...],
    **settings: Any,
) -> None:
    """Tune MODEL (MLIR, ONNX, PyTorch, JAX) for this machine and write a tuning spec.

    A MODEL whose name ends with .txt or .tsv is a list of problems, one on each line: in the words of --problem, or as
    a command of MIOpenDriver.

    Flags of iree-compile can follow after `--`. With --no-measure the candidates are only compiled, into a bundle:
    another machine measures it (`python BUNDLE/measure.pyz`), and `iree-tune take-back` makes a spec of its results.
    """
    from tuner.stopwatch import Part, Stopwatch, process_started

    watch = Stopwatch(process_started())
    watch.add(Part.STARTING, process_started(), time.time())
    model, flags = model_or_problems(model, problems, flags)
    options = Options(
        **settings,
        records=records or None,
        flags=flags,
        pins=parse_pins(pins),
        shapes=Shapes.parse(dims, inputs),
    )
    shown = console(stderr=as_json)
    is_part = stop_after != _PHASES[-1]
    if is_part and (no_measure or dry_run or options.effort == "guess"):
        raise InputError("--stop-after says how far a run measures; leave it out, or --no-measure, --dry-run and guess")
    if no_measure:
        for given, option in ((as_json, "--json"), (dry_run, "--dry-run")):
            if given:
                raise InputError(f"{option} reports a run that measures; leave it out with --no-measure")
    elif bundle is not None:
        raise InputError("--bundle is where --no-measure writes; give both, or leave it out")
    if len(targets) > 1 and not (no_measure or dry_run):
        raise InputError("several --target make a bundle each (--no-measure); a run that measures takes one")
    for own, place in for_targets(targets, options, bundle):
        if len(targets) > 1:
            shown.print(f"Target {own.target}", markup=False, highlight=False)
        view = progress_view(shown, budget=Budget(own.budget_s, time.monotonic() - watch.age_s))
        if no_measure:
            _pack(model, own, place, view, shown)
        elif dry_run:
            _forecast(model, own, view, shown, as_json=as_json)
        else:
            _tune(model, own, watch, view, shown, continuation, as_json=as_json, is_part=is_part)


def _tune(
    model: Path,
    options: Options,
    watch: Stopwatch,
    view: ProgressView,
    shown: Console,
    continuation: Listener,
    *,
    as_json: bool,
    is_part: bool,
) -> None:
    from tuner.terminal.lines import print_line
    from tuner.terminal.table import print_result
    from tuner.tuning.guess import guess_model
    from tuner.tuning.run import tune_model
    from tuner.tuning.stages import DISPATCH_STAGES, STAGES

    stream, listen = _stream(options, view, as_json=as_json)
    with view:
        if options.effort == "guess":
            result = guess_model(model, options, listen, watch)
        else:
            stages = DISPATCH_STAGES if is_part else STAGES
            result = tune_model(model, options, both(listen, continuation), stages, watch)
    if stream:
        stream.ended(result, options.output)
    if options.output is not None:
        print_line(shown, f"Spec: {options.output}")
    print_result(result, shown)


def _forecast(model: Path, options: Options, view: ProgressView, shown: Console, *, as_json: bool) -> None:
    from tuner.preview.forecast import forecast
    from tuner.terminal.forecasts import print_forecast

    stream, listen = _stream(options, view, as_json=as_json)
    with view:
        found = forecast(model, options, listen)
    if stream:
        stream.forecast(found)
    print_forecast(found, shown)


def _pack(model: Path, options: Options, bundle: Path | None, view: ProgressView, shown: Console) -> None:
    from tuner.bundle.packing import pack
    from tuner.terminal.bundles import print_bundle

    with view:
        place, manifest = pack(model, options, bundle, view)
    print_bundle(model, place, manifest, shown)


def _stream(options: Options, view: ProgressView, *, as_json: bool) -> tuple[EventStream | None, Listener]:
    """The stream of events for programs, if there is one, and what listens to the run."""
    if not as_json:
        return None, view
    from tuner.terminal.event_stream import EventStream

    stream = EventStream(sys.stdout)
    listen = both(view, stream)
    return stream, listen if options.output is not None else both(listen, _end_unread)


def _end_unread(_: Event) -> None:
    """Ends a run that makes nothing but events when they can no longer be written."""
    refused = refused_by_stdout()
    if refused is None:
        return
    if refused.errno == errno.EPIPE:
        raise ToolError("nobody reads the events any more")
    raise InputError(f"events cannot be written to stdout ({refused.strerror}); send it elsewhere, or give -o")
