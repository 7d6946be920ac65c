# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What can be wrong with a space."""

from __future__ import annotations


class ConstraintError(ValueError):
    """A space that cannot be solved as it was written: what is wrong with it, and where."""
