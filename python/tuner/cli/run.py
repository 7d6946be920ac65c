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

from tuner.cli.arguments import DEFAULTS, compiler_flags, model_argument, shape_options, target_options
from tuner.cli.streams import console, refused_by_stdout
from tuner.errors import InputError, ToolError
from tuner.evaluate.budget import Budget, parse_duration_s
from tuner.events import Event, Listener, both
from tuner.model.onnx import Shapes
from tuner.model_flags import parse_pins
from tuner.options import Options

if TYPE_CHECKING:
    from rich.console import Console

    from tuner.stopwatch import Stopwatch
    from tuner.terminal import EventStream, ProgressView


@click.command()
@model_argument
@compiler_flags
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where the tuning spec goes.")
@target_options
@click.option(
    "--device",
    "devices",
    multiple=True,
    metavar="URI",
    help="Measure on this device, as in cuda://1, local-sync://0, or all (repeatable).",
)
@click.option(
    "--ray",
    is_flag=False,
    flag_value="local",
    metavar="[ADDRESS]",
    help="Compile and measure on the machines of a Ray cluster.  [default address: a cluster of this machine]",
)
@shape_options
@click.option("--trials", default=DEFAULTS.trials, show_default=True, help="Candidates for each dispatch.")
@click.option("--budget", metavar="TIME", help="Time for the whole run, as in 20m, spent where the model's time is.")
@click.option("--seed", default=DEFAULTS.seed, show_default=True, help="Seed of the search.")
@click.option("--strategy", default=DEFAULTS.strategy, show_default=True, help="How to search.")
@click.option(
    "--space",
    "spaces",
    multiple=True,
    metavar="NAME",
    help="Search this space only, as `iree-tune space` names it (repeatable: the first that serves a dispatch).",
)
@click.option(
    "--dispatch",
    "dispatches",
    multiple=True,
    metavar="NAME",
    help="Tune only the dispatch of this name (repeatable).",
)
@click.option(
    "--function",
    default=DEFAULTS.function,
    metavar="NAME",
    help="The model's entry, if it has several functions.",
)
@click.option("--run-dir", type=click.Path(path_type=Path), help="Folder of the run's log and binaries.")
@click.option("--resume", is_flag=True, help="Continue the interrupted run of --run-dir.")
@click.option("--no-measure", is_flag=True, help="Compile candidates for another machine to measure: write a bundle.")
@click.option("--bundle", type=click.Path(path_type=Path), help="Folder of the bundle, with --no-measure.")
@click.option(
    "--store",
    multiple=True,
    type=click.Path(path_type=Path),
    help="File of results of candidates that several runs share; further ones are only read (repeatable).",
)
@click.option(
    "--min-gain",
    default=DEFAULTS.min_gain,
    show_default=True,
    help="The default stays if the gain is smaller than this fraction.",
)
@click.option(
    "--plain",
    is_flag=True,
    help="Hand over only what plain iree-compile applies: flags and early entries.",
)
@click.option(
    "--allocator",
    type=click.Choice(["auto", "default", "caching"]),
    default=DEFAULTS.allocator,
    show_default=True,
    help="What the whole model finds its transient buffers with; auto takes the faster one.",
)
@click.option("--keep-flags", is_flag=True, help="Search no flags of the whole compilation; use those of --pin.")
@click.option(
    "--pin",
    "pins",
    multiple=True,
    metavar="NAME=VALUE",
    help="Use this choice of flags and do not search it, as in data-tiling=default (repeatable).",
)
@click.option(
    "--compile-timeout",
    "compile_timeout_s",
    default=DEFAULTS.compile_timeout_s,
    show_default=True,
    help="Seconds that compiling one candidate may take.",
)
@click.option(
    "--workers",
    default=DEFAULTS.workers,
    help="Processes that compile.  [default: one for each processor]",
)
@click.option("--dry-run", is_flag=True, help="Print what would be tuned and about how long it takes; write nothing.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print events on stdout, one JSON object a line; all else on stderr."
)
def run(
    model: Path,
    dims: tuple[str, ...],
    inputs: tuple[str, ...],
    budget: str | None,
    pins: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
    no_measure: bool,
    bundle: Path | None,
    **settings: Any,
) -> None:
    """Tune MODEL (in MLIR or ONNX) for this machine and write a tuning spec.

    Flags of iree-compile can follow after `--`. With --no-measure the candidates are only compiled, into a bundle:
    another machine measures it (`python BUNDLE/measure.pyz`), and `iree-tune take-back` makes a spec of its results.
    """
    from tuner.stopwatch import Part, Stopwatch, process_started
    from tuner.terminal import ProgressView

    watch = Stopwatch(process_started())
    watch.add(Part.STARTING, process_started(), time.time())
    options = Options(
        **settings,
        budget_s=None if budget is None else parse_duration_s(budget),
        pins=parse_pins(pins),
        shapes=Shapes.parse(dims, inputs),
    )
    shown = console(stderr=as_json)
    view = ProgressView(shown, budget=Budget(options.budget_s, time.monotonic() - watch.age_s))
    if no_measure:
        for given, option in ((as_json, "--json"), (dry_run, "--dry-run")):
            if given:
                raise InputError(f"{option} reports a run that measures; leave it out with --no-measure")
        _pack(model, options, bundle, view, shown)
    elif bundle is not None:
        raise InputError("--bundle is where --no-measure writes; give both, or leave it out")
    elif dry_run:
        _forecast(model, options, view, shown, as_json=as_json)
    else:
        _tune(model, options, watch, view, shown, as_json=as_json)


def _tune(
    model: Path, options: Options, watch: Stopwatch, view: ProgressView, shown: Console, *, as_json: bool
) -> None:
    from tuner.terminal import print_result
    from tuner.tuning.run import tune_model

    stream, listen = _stream(options, view, as_json=as_json)
    with view:
        result = tune_model(model, options, listen, watch=watch)
    if stream:
        stream.ended(result, options.output)
    if options.output is not None:
        shown.print(f"Spec: {options.output}", markup=False, highlight=False, soft_wrap=True)
    print_result(result, shown)


def _forecast(model: Path, options: Options, view: ProgressView, shown: Console, *, as_json: bool) -> None:
    from tuner.preview.forecast import forecast
    from tuner.terminal import print_forecast

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
    from tuner.terminal import EventStream

    stream = EventStream(sys.stdout)
    listen = both(view, stream)
    return stream, listen if options.output is not None else both(listen, _end_unread)


def _end_unread(_: Event) -> None:
    """Ends a run that makes nothing but events when they can no longer be written."""
    refused = refused_by_stdout()
    if refused is None:
        return
    if refused.errno == errno.EPIPE:
        raise ToolError(
            "nobody reads the events any more; what was measured is kept, continue with --run-dir and --resume"
        )
    raise InputError(f"events cannot be written to stdout ({refused.strerror}); send it elsewhere, or give -o")
