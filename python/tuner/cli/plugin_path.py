# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`iree-tune plugin-path`."""

from __future__ import annotations

import click

from tuner.cli.help import command


@command(
    "plugin-path",
    summary="Print the path of the pass plugin.",
    examples=('iree-opt --load-pass-plugin="$(iree-tune plugin-path)" ...',),
)
def plugin_path() -> None:
    """Print the path of the pass plugin, for `iree-opt --load-pass-plugin=`."""
    from tuner import native

    click.echo(native.plugin_path())
