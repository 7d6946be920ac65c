# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The blocks of commands and code that a page prints."""

from __future__ import annotations

import re
from dataclasses import dataclass

from places import ROOT

BLOCK = re.compile(r"^(?:<!-- (not run: .+?) -->\n)?```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block of commands or code, and why it is not run ("" if it is)."""

    language: str
    text: str
    not_run: str


def blocks(page: str) -> list[Block]:
    return [Block(found[2], found[3], found[1] or "") for found in BLOCK.finditer((ROOT / page).read_text())]
