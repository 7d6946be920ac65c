# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the stages of a run work with."""

from __future__ import annotations

from dataclasses import dataclass, field

from tuner.evaluate.budget import Budget
from tuner.evaluate.devices import Devices
from tuner.events import Listener
from tuner.knowledge.ranking import Knowledge
from tuner.machines.local import Compilers
from tuner.measuring import Runner
from tuner.options import Options
from tuner.runs.folder import RunFolder
from tuner.runs.store import Store
from tuner.stopwatch import Stopwatch
from tuner.targets import Target
from tuner.tuning.experience import Experience
from tuner.tuning.result import DispatchResult
from tuner.tuning.starters import Starters
from tuner.tuning.stopping import Stop

_LEAST_BATCH = 4
# A search that learns from fewer batches than this is hardly better than chance.
_LEAST_ROUNDS = 6


@dataclass(frozen=True, slots=True)
class Workbench:
    """The tools and the settings of one run. `devices` measure, `compilers` compile, never at the same time.

    `batch` candidates are compiled at a time, then measured while nothing compiles. `store` keeps the end of every
    candidate at once, `watch` counts where the time goes. `experience` is what searches learn from one another,
    `knowledge` what was measured on other machines, `starters` what is tried first. `finished` holds the dispatches'
    results so far, by name, for a run that ends before its stage does. `stop()` says whether the caller wants nothing
    further searched; a stage asks before each step of a search.
    """

    options: Options
    target: Target
    folder: RunFolder
    devices: Devices
    compilers: Compilers
    batch: int
    listen: Listener
    budget: Budget
    store: Store
    watch: Stopwatch
    experience: Experience
    knowledge: Knowledge = field(default_factory=Knowledge)
    starters: Starters = field(default_factory=dict)
    finished: dict[str, DispatchResult] = field(default_factory=dict)
    stop: Stop = field(default_factory=Stop)

    @property
    def runner(self) -> Runner:
        """For what needs one device alone."""
        return self.devices.runner


def batch_size(trials: int, workers: int, devices: int) -> int:
    """Enough for all workers that compile and twice for each device, while the search has rounds to learn in.

    The same throughout a run, and on machines with equal numbers of both: what a seed asks depends on it.
    """
    return max(_LEAST_BATCH, 2 * devices, min(workers, trials // _LEAST_ROUNDS))
