# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The command line, `iree-tune`: one module for each command, found as entry points of the group `tuner.commands`.

Exit codes: 0 done (also where the default is best or nothing is tunable), 1 tuning or a check failed, 2 bad usage or
input, 130 interrupted.
"""

from __future__ import annotations

import errno
import sys

import click

from tuner import registry
from tuner.cli.interrupts import lasting_interrupts
from tuner.errors import InputError, TunerError

# What is wrong with the place where something was to be written.
_PLACES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)


class _Commands(click.Group):
    """The registered commands, each loaded when it is asked for."""

    def list_commands(self, _: click.Context) -> list[str]:
        return list(registry.names("tuner.commands"))

    def get_command(self, _: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in registry.names("tuner.commands"):
            return None
        command: click.Command = registry.load("tuner.commands", cmd_name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="iree-tuner")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def app(debug: bool) -> None:
    """Finds the fastest configuration of every kernel that IREE generates, and proves it."""


def main() -> None:
    """Runs the command line and exits with its code."""
    sys.exit(_run(sys.argv[1:]))


def _run(arguments: list[str]) -> int:
    debug = "--debug" in arguments
    try:
        with lasting_interrupts():
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
        if isinstance(error, OSError) and error.errno in _PLACES:
            where = error.filename or "a file of the run"
            return _fail(
                f"cannot write {where}: {error.strerror}; what was written before is kept: make room or choose another"
                " place, and go on with --run-dir and --resume",
                2,
            )
        what = f"{type(error).__name__}: {error}"
        return _fail(f"internal error ({what}); run again with --debug and report it", 1)


def _fail(message: str, code: int) -> int:
    click.echo(f"iree-tune: {' '.join(message.split())}", err=True)
    return code
