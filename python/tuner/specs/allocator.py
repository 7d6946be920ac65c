# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The allocator that a whole model was measured with, and how a user runs the model with it."""

from __future__ import annotations

from dataclasses import dataclass

from tuner.speedup import Ratio
from tuner.targets import Allocator, allocator_flags


@dataclass(frozen=True, slots=True)
class AllocatorChoice:
    """The allocator of every whole model that was measured, on both sides of each comparison.

    `ratio`: what the caching allocator gives the untuned model over the default one; None if they were not compared.
    `flagged`: what it gives the model with the flags that promise most; None if that was not compared.
    """

    allocator: Allocator = "default"
    ratio: Ratio | None = None
    flagged: Ratio | None = None

    @property
    def advice(self) -> str:
        """How to run the model as it was measured, "" if that needs no flag."""
        flags = " ".join(allocator_flags(self.allocator))
        if not flags:
            return ""
        gain = ""
        if self.ratio:
            flagged = f", with the flags that promise most {self.flagged}" if self.flagged else ""
            gain = f" The untuned model is {self.ratio} as fast by that alone{flagged}; no other figure has it."
        elif self.flagged:
            gain = f" The model with the flags that promise most is {self.flagged} as fast by that alone."
        return f"Measured with the {self.allocator} allocator: run with {flags}.{gain}"


# What is measured with as long as nothing was chosen.
UNCHOSEN = AllocatorChoice()
