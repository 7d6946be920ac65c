# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the stages of a run work with."""

from __future__ import annotations

from dataclasses import dataclass

from tuner.budget import Budget
from tuner.compiling import CompilePool
from tuner.events import Listener
from tuner.measuring import Runner
from tuner.options import Options
from tuner.run_folder import RunFolder
from tuner.store import Store
from tuner.targets import Target


@dataclass(frozen=True, slots=True)
class Workbench:
    """The tools and the settings of one run. `runner` measures, `compilers` compile, never at the same time.

    `store` keeps every evaluation as it ends.
    """

    options: Options
    target: Target
    folder: RunFolder
    runner: Runner
    compilers: CompilePool
    listen: Listener
    budget: Budget
    store: Store
