# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Several targets in one command: a bundle for each, with places of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tuner.errors import InputError
from tuner.options import Options
from tuner.targets.choosing import choose_target


def for_targets(targets: Sequence[str], options: Options, bundle: Path | None) -> list[tuple[Options, Path | None]]:
    """The options and the bundle for each target, in order.

    With several targets each folder has the target's name: `bundle` is `bundle.rocm-gfx942` for `rocm:gfx942`. Raises
    InputError if there is no such target, or if one is named twice.
    """
    if len(targets) == 1:
        return [(replace(options, target=targets[0]), bundle)]
    if twice := sorted({target for target in targets if targets.count(target) > 1}):
        raise InputError(f"--target {twice[0]} is given twice; name each target once")
    for target in targets:
        choose_target(target, options.threads, options.devices)
    return [
        (
            replace(options, target=target, run_dir=_for_target(options.run_dir, target)),
            _for_target(bundle, target),
        )
        for target in targets
    ]


def _for_target(folder: Path | None, target: str) -> Path | None:
    return None if folder is None else folder.with_name(f"{folder.name}.{target.replace(':', '-')}")
