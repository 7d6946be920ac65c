# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`python -m tuner` is `iree-tune`."""

import signal


def main() -> None:
    """Runs the command line and exits with its code."""
    # During imports there is nothing to clean up: Ctrl-C ends the program at once, without a traceback.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Imported here: every process that a run spawns imports this module, but needs no command line.
    from tuner.cli import main as run

    run()


if __name__ == "__main__":
    main()
