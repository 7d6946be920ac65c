# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The command line, `iree-tune`: one module for each command, found as entry points of the group `tuner.commands`.

Exit codes: 0 done (also if the default is best or nothing is tunable), 1 tuning or a check failed, 2 bad usage or
input, 130 interrupted, 143 ended by SIGTERM, 129 ended by SIGHUP.
"""

from __future__ import annotations

import difflib
import errno
import functools
import itertools
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from tuner import plugins
from tuner.cli.continuing import Continuation
from tuner.cli.help import write_examples
from tuner.cli.interrupts import ignore_further, lasting_interrupts
from tuner.cli.streams import echo, make_streams_lasting, refused_by_stdout
from tuner.cli.verbosity import common_options
from tuner.errors import InputError, TunerError
from tuner.terminal.wrapping import INDENT

# Errors of the place that something is written to.
_PLACES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)
# Commands that need no IREE, or work with releases of it that searches do not support.
_WITH_ANY_IREE = ("clean", "doctor", "plugin-path", "report", "store")
# Commands that write files, also without --output.
_WRITE_FILES = ("run", "store import", "take-back")
_EXAMPLES = (
    "iree-tune run --help                    the options of a command",
    "iree-tune run model.mlir --dry-run      what would be tuned, and for how long",
    "iree-tune run model.mlir -o spec.mlir   tune a model",
)
_CONTINUE = "continue with:"
_NO_FOLDER = "the working folder was removed; change to one that exists and start again"


class _Commands(click.Group):
    """The registered commands. Each is loaded when it is used."""

    def list_commands(self, _: click.Context) -> list[str]:
        # `list` is a module here as soon as the command of that name is loaded.
        return [*plugins.names("tuner.commands")]

    def get_command(self, _: click.Context, cmd_name: str) -> click.Command | None:
        return _command(cmd_name) if cmd_name in plugins.names("tuner.commands") else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, and names the commands that a mistyped one is like."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            alike = difflib.get_close_matches(args[0], self.list_commands(ctx))
            if not alike:
                raise
            raise click.UsageError(f"{error.message} Did you mean {' or '.join(alike)}?", ctx) from error

    def format_epilog(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(_EXAMPLES, formatter)


@functools.cache
def _command(name: str) -> click.Command:
    """A registered command with what all have in common: options, and checks before and after."""
    command: click.Command = plugins.load("tuner.commands", name)
    _prepare(name, command)
    return command


def _prepare(name: str, command: click.Command) -> None:
    """Adds to a command, and to the parts of a group, what all have in common. `name`: with that of its group."""
    command.params += common_options()
    if command.callback is not None:
        command.callback = _surrounded(name, command.callback)
    if isinstance(command, click.Group):
        for part_name, part in command.commands.items():
            _prepare(f"{name} {part_name}", part)


def _surrounded(name: str, callback: Callable[..., Any]) -> Callable[..., int]:
    @functools.wraps(callback)
    def surrounded(**parameters: Any) -> int:
        if not _has_folder():
            raise InputError(_NO_FOLDER)
        if name.split()[0] not in _WITH_ANY_IREE:
            _check_releases()
        code = callback(**parameters)
        code = code if isinstance(code, int) else 0
        writes_files = name in _WRITE_FILES and not parameters.get("dry_run")
        if (refused := refused_by_stdout()) and code == 0:
            _report_refused(refused, is_beside=writes_files or parameters.get("output") is not None)
        return code

    return surrounded


def _check_releases() -> None:
    """Raises InputError if IREE is missing or too old. Prints a note if it is newer than tested. Imports none of it."""
    from tuner.doctor.findings import Severity
    from tuner.doctor.versions import check_iree

    found: dict[Severity, list[str]] = {severity: [] for severity in Severity}
    for finding in check_iree():
        found[finding.severity].append(f"{finding.subject}: {finding.text} ({finding.advice})")
    if found[Severity.WRONG]:
        raise InputError(f"this command needs other releases of IREE; {'; '.join(found[Severity.WRONG])}")
    if found[Severity.WARNING]:
        _print_error(f"note: {'; '.join(found[Severity.WARNING])}")


def _report_refused(refused: OSError, *, is_beside: bool) -> None:
    """Reports output that could not be written. Raises InputError if the command makes nothing else."""
    if is_beside:
        _fail(f"stdout cannot be written ({refused.strerror}); what it was to show was dropped, all else is done", 0)
    # A reader that closes the pipe, as head does, has read what it wants.
    elif refused.errno != errno.EPIPE:
        raise InputError(f"stdout cannot be written ({refused.strerror}); send it elsewhere")


def _has_folder() -> bool:
    try:
        Path.cwd()
    except FileNotFoundError:
        return False
    return True


@click.group(cls=_Commands, params=common_options(), context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(None, "-V", "--version", package_name="iree-tuner")
def app() -> None:
    """Find the fastest configuration of every dispatch that IREE generates, and prove it."""


def main() -> None:
    """Runs the command line and exits with its code."""
    make_streams_lasting()
    sys.exit(_run(sys.argv[1:]))


def _run(arguments: list[str]) -> int:
    words = tuple(itertools.takewhile(lambda word: word != "--", arguments))
    started = Continuation(arguments)
    try:
        with lasting_interrupts() as interrupts:
            code = app(arguments, prog_name="iree-tune", standalone_mode=False, obj=started)
        return code if isinstance(code, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 2
    except click.UsageError as error:
        where = f" ({error.ctx.command_path} --help lists what it takes)" if error.ctx is not None else ""
        return _fail(f"{error.format_message()}{where}", 2)
    except click.ClickException as error:
        return _fail(error.format_message(), 2)
    except (KeyboardInterrupt, click.Abort):
        ignore_further()
        return _interrupted(interrupts.number, started)
    except Exception as error:
        if "--debug" in words:
            raise
        return _failed(error, started)


def _interrupted(number: signal.Signals, started: Continuation) -> int:
    what = "interrupted" if number == signal.SIGINT else f"ended by {number.name}"
    kept = _kept(started) if started.folder is not None and _has_folder() else ""
    return _fail(f"{what}{kept}", 128 + number)


def _kept(started: Continuation) -> str:
    """What a run that did not come to its end leaves, and the command that continues it."""
    left = "what was measured is kept" if started.has_measured else "nothing was measured yet"
    return f"; {left}, {_CONTINUE} {started.command}"


def _failed(error: Exception, started: Continuation) -> int:
    """Prints what went wrong, in one sentence, and how to continue a run. Returns the exit code."""
    if not _has_folder():
        return _fail(_NO_FOLDER, 2)
    kept = _kept(started) if started.has_measured else ""
    if isinstance(error, InputError):
        started.forget_unused(str(error))
        return _fail(f"{error}{kept}", 2)
    if isinstance(error, TunerError):
        return _fail(f"{error}{kept}", 1)
    if isinstance(error, OSError) and error.errno in _PLACES:
        where = error.filename or "a file of the run"
        return _fail(f"cannot write {where}: {error.strerror}; make room or choose another place{kept}", 2)
    if isinstance(error, ImportError):
        return _fail(f"a part of the installation does not load ({error}); iree-tune doctor says what to do", 2)
    what = f"{type(error).__name__}: {error}"
    return _fail(f"internal error ({what}); report it with what the same command prints with --debug{kept}", 1)


def _fail(message: str, code: int) -> int:
    _print_error(message)
    return code


def _print_error(message: str) -> None:
    text = " ".join(f"iree-tune: {message}".split())
    if sys.stderr.isatty():
        # A line of its own stays whole, so that it can be copied.
        text = text.replace(f" {_CONTINUE} ", f" {_CONTINUE}\n{INDENT}")
    echo(text, err=True)
