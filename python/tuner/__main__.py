# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`python -m tuner` is `iree-tune`."""


def main() -> None:
    """Runs the command line and exits with its code."""
    # Imported here: every process that a run spawns imports this module, and needs no command line.
    from tuner.cli import main as run

    run()


if __name__ == "__main__":
    main()
