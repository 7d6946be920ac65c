# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Names of dispatches, as short as what tells them apart: `matmul 64x96x32 f32 (dispatch_2)`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

# A name as the compiler makes it of the function, a number, and what the dispatch computes; in a path it is none.
_NAME = re.compile(r"(?<![\w$./-])[\w$.]+?_dispatch_(\d+)(?:_(\w+))?(?![\w/-]|\.\w)")


def shortened(text: str) -> str:
    """The text with every name of a dispatch made short."""
    return _NAME.sub(_short, text)


def short_names(names: Iterable[str]) -> dict[str, str]:
    """A short form of each name; the name itself if another one has the same short form."""
    short = {name: shortened(name) for name in names}
    counts = Counter(short.values())
    return {name: form if counts[form] == 1 else name for name, form in short.items()}


def _short(found: re.Match[str]) -> str:
    number, what = found.groups()
    return f"{what.replace('_', ' ')} (dispatch_{number})" if what else f"dispatch_{number}"
