# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""In which order the candidates of a batch are measured, by what their binaries say."""

from __future__ import annotations

from collections.abc import Sequence

from tuner.outcome import Compilation


def in_order_of_measuring(compilations: Sequence[Compilation]) -> list[Compilation]:
    """Those that spill last, the most at the end; of equals the first stays the first.

    What spills uses memory in place of registers, which is slow. The later a slow candidate comes, the better is the
    best time by which its measuring is given up. None is left out: from how many bytes on that loses nothing is not
    known yet (`benchmarks/static_facts.py` finds it in recorded runs).
    """
    return sorted(compilations, key=lambda end: 0 if end.facts is None else end.facts.spilled_bytes)
