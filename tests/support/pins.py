# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Pins that leave few choices of flags to a test."""

from __future__ import annotations

from tuner.model_flags import DEFAULT
from tuner.model_flags.cpu import FLAGS


def all_but(*names: str) -> dict[str, str]:
    """Pins every knob of the flags at its default, except the named ones."""
    assert {knob.name for knob in FLAGS.knobs} >= set(names)
    return {knob.name: DEFAULT for knob in FLAGS.knobs if knob.name not in names}
