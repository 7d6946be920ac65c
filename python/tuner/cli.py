# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The command line, `iree-tune`.

Exit codes: 0 done (also where the default is best or nothing is tunable), 1 tuning failed, 2 bad usage or input,
130 interrupted.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from tuner.errors import InputError, TunerError
from tuner.options import Options

_DEFAULTS = Options()
# Columns of a table that goes to a file or a pipe, where no terminal says how wide it is.
_PLAIN_WIDTH = 120


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="iree-tuner")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def app(debug: bool) -> None:
    """Finds the fastest configuration of every kernel that IREE generates, and proves it."""


@app.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("flags", nargs=-1, type=click.UNPROCESSED)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where the tuning spec goes.")
@click.option("--target", default=_DEFAULTS.target, show_default=True, help="What to tune for.")
@click.option("--threads", default=_DEFAULTS.threads, show_default=True, help="Threads that run a kernel.")
@click.option("--trials", default=_DEFAULTS.trials, show_default=True, help="Candidates for each dispatch.")
@click.option("--seed", default=_DEFAULTS.seed, show_default=True, help="Seed of the search.")
@click.option("--strategy", default=_DEFAULTS.strategy, show_default=True, help="How to search.")
@click.option(
    "--dispatch",
    "dispatches",
    multiple=True,
    metavar="NAME",
    help="Tune only the dispatch of this name (repeatable).",
)
@click.option(
    "--function",
    default=_DEFAULTS.function,
    metavar="NAME",
    help="The model's entry, where it has several functions.",
)
@click.option("--run-dir", type=click.Path(path_type=Path), help="Folder of the run's log and binaries.")
@click.option(
    "--min-gain",
    default=_DEFAULTS.min_gain,
    show_default=True,
    help="A smaller gain than this fraction is left to the default.",
)
@click.option(
    "--early-only",
    is_flag=True,
    help="Tune only what a spec for plain iree-compile can reach.",
)
@click.option(
    "--compile-timeout",
    "compile_timeout_s",
    default=_DEFAULTS.compile_timeout_s,
    show_default=True,
    help="Seconds that compiling one candidate may take.",
)
@click.option(
    "--workers",
    default=_DEFAULTS.workers,
    help="Processes that compile.  [default: one for each processor]",
)
def run(model: Path, **settings: Any) -> None:
    """Tune MODEL (in MLIR) for this machine and write a tuning spec.

    Flags of iree-compile can follow after `--`.
    """
    from tuner.report import ProgressView, print_result
    from tuner.road import tune_model

    options = Options(**settings)
    console = Console(width=None if sys.stdout.isatty() else _PLAIN_WIDTH)
    with ProgressView(console) as view:
        result = tune_model(model, options, view)
    print_result(result, console)
    if options.output is not None:
        console.print(f"Spec: {options.output}", markup=False, highlight=False, soft_wrap=True)


@app.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("flags", nargs=-1, type=click.UNPROCESSED)
@click.option("--target", default=_DEFAULTS.target, show_default=True, help="What to tune for.")
@click.option("--threads", default=_DEFAULTS.threads, show_default=True, help="Threads that run a kernel.")
def space(model: Path, flags: tuple[str, ...], target: str, threads: int) -> None:
    """Print what may be chosen for each dispatch of MODEL: knobs, number of solutions, or why there are none.

    Flags of iree-compile can follow after `--`.
    """
    from tuner.describing import describe_spaces

    for description in describe_spaces(model, target, threads, flags):
        click.echo("\n".join(description.lines()))


@app.command("compile")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("specs", nargs=-1, required=True)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Where the binary goes.")
@click.option("--target", default=_DEFAULTS.target, show_default=True, help="What to compile for.")
@click.option("--threads", default=_DEFAULTS.threads, show_default=True, help="Threads that run a kernel.")
def compile_(model: Path, specs: tuple[str, ...], output: Path, target: str, threads: int) -> None:
    """Compile MODEL with SPECS: one that plain iree-compile reads, one of late entries, or both.

    A spec is code that the compiler runs: load only those that you trust. Flags of iree-compile can follow after `--`.
    """
    from tuner.late import compile_with_specs

    flags = tuple(each for each in specs if each.startswith("-"))
    paths = [Path(each) for each in specs if each not in flags]
    for entry in compile_with_specs(model, paths, output, target, threads, flags):
        where = ", ".join(entry.dispatches) or "no dispatch of this model"
        click.echo(f"{entry.label}: applied to {where}", err=not entry.dispatches)


@app.command("plugin-path")
def plugin_path() -> None:
    """Print the path of the pass plugin, for `iree-opt --load-pass-plugin=`."""
    from tuner import native

    click.echo(native.plugin_path())


def main() -> None:
    """Runs the command line and exits with its code."""
    sys.exit(_run(sys.argv[1:]))


def _run(arguments: list[str]) -> int:
    debug = "--debug" in arguments
    try:
        code = app(arguments, prog_name="iree-tune", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 2
    except click.ClickException as error:
        return _fail(error.format_message(), 2)
    except (KeyboardInterrupt, click.Abort):
        return _fail("interrupted; what was measured so far is kept in the run's folder", 130)
    except TunerError as error:
        if debug:
            raise
        return _fail(str(error), 2 if isinstance(error, InputError) else 1)
    except Exception as error:
        if debug:
            raise
        what = f"{type(error).__name__}: {error}"
        return _fail(f"internal error ({what}); run again with --debug and report it", 1)


def _fail(message: str, code: int) -> int:
    click.echo(f"iree-tune: {' '.join(message.split())}", err=True)
    return code
