# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where the time of a model goes: its dispatches, those included that are not tuned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tuner.rates.work import Footprint


@dataclass(frozen=True, slots=True)
class TimedDispatch:
    """A dispatch of a compiled model.

    `problem`: its label, "" if its root op is not known. `runs`: how often one run of the model runs it. `seconds`: of
    one run of it alone; None if it cannot be run alone, or was not timed. `is_tuned`: whether a spec configures it.
    """

    name: str
    problem: str
    runs: int
    seconds: float | None
    is_tuned: bool = False
    footprint: Footprint | None = None

    @property
    def model_s(self) -> float:
        """Seconds that it takes in one run of the model; 0 if that is not known."""
        return self.runs * (self.seconds or 0.0)


@dataclass(frozen=True, slots=True)
class Breakdown:
    """The dispatches of the untuned model and of the tuned one, in each model's order.

    The two models may have other dispatches, since flags cut a model in another way. `tuned` is empty if the default
    stays.
    """

    untuned: tuple[TimedDispatch, ...]
    tuned: tuple[TimedDispatch, ...] = ()


def total_s(dispatches: Sequence[TimedDispatch]) -> float:
    """Seconds of all dispatches in one run of the model, as far as they are known."""
    return sum(dispatch.model_s for dispatch in dispatches)
