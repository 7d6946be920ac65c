# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Names of dispatches, as short as what tells them apart: `matmul 64x96x32 f32 (dispatch_2)`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

# A name as the compiler makes it of the function, a number, and what the dispatch computes; in a path it is none.
_NAME = re.compile(r"(?<![\w$./-])[\w$.]+?_dispatch_(\d+)(?:_(\w+))?(?![\w/-]|\.\w)")
# What the compiler appends to many names; it tells none apart.
_STORE = "_dispatch_tensor_store"
# Equal element types of several operands.
_TYPES = re.compile(r"\b([a-z]+\d+)(x\1)+\b")


def shortened(text: str) -> str:
    """The text with every name of a dispatch made short."""
    return _NAME.sub(lambda found: _short(found, has_number=True), text)


def short_names(names: Iterable[str]) -> dict[str, str]:
    """The shortest form of each name that no other name has: without its number, with it, or the name itself."""
    forms = {name: (_unnumbered(name), shortened(name), name) for name in names}
    counts = Counter(form for of_name in forms.values() for form in set(of_name))
    return {name: next((form for form in of_name if counts[form] == 1), name) for name, of_name in forms.items()}


def _unnumbered(name: str) -> str:
    return _NAME.sub(lambda found: _short(found, has_number=False), name)


def _short(found: re.Match[str], *, has_number: bool) -> str:
    number, what = found.groups()
    if not what:
        return f"dispatch_{number}"
    words = _TYPES.sub(r"\1", what.removesuffix(_STORE).replace("_", " "))
    return f"{words} (dispatch_{number})" if has_number else words
