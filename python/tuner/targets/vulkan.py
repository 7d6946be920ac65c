# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Vulkan through IREE's SPIR-V backend: registered so that users learn why it cannot be tuned."""

from __future__ import annotations

from typing import NoReturn

from tuner.errors import InputError


def choose(chip: str, threads: int, devices: tuple[str, ...] = ()) -> NoReturn:
    """Raises InputError. Source: iree-compile 3.11 to 3.13, tried."""
    del chip, threads, devices
    raise InputError(
        "vulkan cannot be tuned: iree-compile ignores tuning specs for it, emits no constraints for its pipelines, and"
        " there is no space of ours for them; plain iree-compile compiles for it with its defaults; targets that"
        " can be tuned are cpu, cuda and rocm"
    )
