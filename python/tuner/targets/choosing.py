# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A target from what a user writes: `cpu`, `cuda`, `cuda:sm_80`, `rocm:gfx942`."""

from __future__ import annotations

from collections.abc import Sequence

from tuner import plugins
from tuner.errors import InputError
from tuner.targets.target import Target


def choose_target(text: str, threads: int = 1, devices: Sequence[str] = ()) -> Target:
    """The registered target of that name, for the chip after the colon if there is one.

    An entry point of the group `tuner.targets` takes the chip ("" if none is named), the threads that run a
    dispatch, and the devices to measure on as a user names them (none: the target's own). Raises InputError.
    """
    name, colon, chip = text.partition(":")
    if colon and not chip:
        raise InputError(f"'{text}' names no chip after the colon; write {name}, or a chip as in cuda:sm_80")
    target: Target = plugins.load("tuner.targets", name)(chip=chip, threads=threads, devices=tuple(devices))
    return target
