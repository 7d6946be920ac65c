# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The error of this package."""

from __future__ import annotations


class ConstraintError(ValueError):
    """A space cannot be solved as it is written. The message names what is wrong, and where."""
