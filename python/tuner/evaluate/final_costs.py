# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How much a final compares and how long that takes: in full, and at least."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tuner.measuring.sampling import SAMPLE_S, least_paired_s, renewals_s

FINALISTS = 10
# The part of the finalists that goes on from one level of samples to the next.
KEEP = 0.4
# Samples of each finalist at each level: many if they are cheap.
_LEVELS, _CHEAP_LEVELS = (3, 10), (10, 30)
# Seconds that the first two finalists then have to be told apart, if samples are cheap.
DUEL_S = 3.0
# What verifying a finalist takes, in loads of the default with its references; samples that prepare a finalist.
_LOADS_OF_A_VERIFICATION, _SAMPLES_TO_PREPARE = 4, 2
# What each further seed of a harder check takes in such loads, and what comes to each run there: its data is copied on
# the device and its outputs are read back. Guesses: making random data and loading a binary take most of a load.
_LOADS_OF_A_SEED, _LOADS_OF_A_REPETITION = 0.5, 0.05


@dataclass(frozen=True, slots=True)
class FinalCosts:
    """What programs take, in seconds by the wall.

    `load_s`: the default, to be loaded with its references. `default_s`, `finalist_s`: one run of each.
    `is_cheap`: samples take so little time that many are taken. `hard_seeds`, `hard_runs`: those of the harder check
    that a winner must pass; 0 if there is none.
    """

    load_s: float
    default_s: float
    finalist_s: float
    is_cheap: bool
    hard_seeds: int = 0
    hard_runs: int = 0

    @property
    def _sample_s(self) -> float:
        return max(SAMPLE_S, self.finalist_s)

    @property
    def _renewal_s(self) -> float:
        """Loading one program anew: there is no reference to be made."""
        return self.load_s / 2

    @property
    def levels(self) -> tuple[int, int]:
        """How many samples a finalist gets, and how many the better ones get."""
        return _CHEAP_LEVELS if self.is_cheap else _LEVELS

    @property
    def least_s(self) -> float:
        """A final of one finalist, of as few rounds as there must be."""
        paired_s = least_paired_s(self.default_s, self.finalist_s, renewal_s=2 * self._renewal_s)
        return _LOADS_OF_A_VERIFICATION * self.load_s + paired_s + self._hard_check_s

    @property
    def _hard_check_s(self) -> float:
        repetition_s = _LOADS_OF_A_REPETITION * self.load_s + self.finalist_s
        return self.hard_seeds * (_LOADS_OF_A_SEED * self.load_s + self.hard_runs * repetition_s)

    def wanted_s(self, finalists: int) -> float:
        """A final of that many finalists that nothing shortens, if its verdict is clear."""
        if finalists < 2:
            return self.least_s
        few, many = self.levels
        samples = finalists * (few + _SAMPLES_TO_PREPARE) + math.ceil(KEEP * finalists) * (many - few)
        ranked_s = samples * self._sample_s + renewals_s(many, finalists * self._renewal_s)
        return self.least_s + finalists * self.load_s + ranked_s + (DUEL_S / 2 if self.is_cheap else 0.0)

    def fitting(self, seconds: float) -> int:
        """How many finalists can be loaded, and sampled as often as the first level asks for, in `seconds`."""
        few, _ = self.levels
        sampled_s = (few + _SAMPLES_TO_PREPARE) * self._sample_s
        one_s = self.load_s + sampled_s + renewals_s(few, self._renewal_s)
        return FINALISTS if seconds >= FINALISTS * one_s else math.floor(max(0.0, seconds) / one_s)
