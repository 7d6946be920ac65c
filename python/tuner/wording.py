# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Numbers of things as people read them."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """A number of things, as in `1 dispatch` and `1,200 dispatches`."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}es" if noun.endswith(("s", "ch")) else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"
