# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The settings of a run, as one value."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypedDict

from tuner import plugins
from tuner.errors import InputError
from tuner.model.onnx import Shapes
from tuner.targets import Allocator

# An allocator, or the choice of the one with which the model is faster.
AllocatorOption = Literal["auto"] | Allocator

# Upper bounds: more processes than any machine has processors; a leap year, in seconds.
_MOST_WORKERS = 1024
_LONGEST_S = 366 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Options:
    """The settings of a tuning run.

    `target`: a registered target. `devices`: those to measure on, as the target names them, all at once (its own by
    default). `threads`: threads that run a dispatch. `trials`: candidates for each dispatch, the default not counted.
    `seed`: equal seeds ask for equal candidates as long as the measured times agree. `strategy`: a registered search
    strategy. `space`: the only registered space to search ("": for each dispatch the one of the highest priority that
    serves it). `dispatches`: tune these alone (all if empty). `function`: the model's entry, if it has several.
    `output`: where the spec goes. `run_dir`: where logs and binaries go (a new folder under `.iree-tuner` by default).
    `resume`: continue the run of that folder. `store`: the file of the results of candidates, which several runs may
    share (in the run's folder by default), then further ones, which are only read. `min_gain`: with a smaller gain than
    this fraction the default stays. `plain`: hand over only what plain iree-compile applies. `compile_timeout_s`:
    seconds for one candidate. `workers`: processes that compile (0: one for each processor). `budget_s`: seconds for
    the whole run, spent where the model's time is (None: as long as all candidates take). `keep_flags`: do not search
    flags of the whole compilation. `pins`: choices of such flags that are used and not searched, also with
    `keep_flags`. `ray`: the address of a Ray cluster to compile and measure on, `local` for one of this machine (None:
    without Ray). `allocator`: what the whole model finds its transient buffers with; `auto` takes the caching one if
    the untuned model is faster with it. `flags`: further flags of iree-compile. `shapes`: sizes that an ONNX model
    leaves open.
    """

    target: str = "cpu"
    devices: tuple[str, ...] = ()
    ray: str | None = None
    threads: int = 1
    trials: int = 100
    budget_s: float | None = None
    seed: int = 0
    strategy: str = "portfolio"
    space: str = ""
    dispatches: tuple[str, ...] = ()
    function: str = ""
    output: Path | None = None
    run_dir: Path | None = None
    resume: bool = False
    store: tuple[Path, ...] = ()
    min_gain: float = 0.02
    plain: bool = False
    compile_timeout_s: float = 30.0
    workers: int = 0
    allocator: AllocatorOption = "auto"
    flags: tuple[str, ...] = ()
    keep_flags: bool = False
    pins: Mapping[str, str] = field(default_factory=dict)
    shapes: Shapes = field(default_factory=Shapes)

    def __post_init__(self) -> None:
        if self.space:
            plugins.check("tuner.spaces", self.space)
        _check_number("--trials", self.trials, at_least=1)
        _check_number("--workers", self.workers, at_least=0, at_most=_MOST_WORKERS)
        _check_number("--seed", self.seed, at_least=0)
        _check_number("--min-gain", self.min_gain, at_least=0)
        for option, seconds in (("--compile-timeout", self.compile_timeout_s), ("--budget", self.budget_s)):
            if seconds is not None and not 0 < seconds <= _LONGEST_S:
                raise InputError(f"{option} must be positive, and a year at most, not {seconds} s")

    @property
    def first_allocator(self) -> Allocator:
        """What the whole model runs with until an allocator is chosen."""
        return "default" if self.allocator == "auto" else self.allocator

    @property
    def compile_workers(self) -> int:
        """The number of compile workers: as asked, or one for each processor that this process may use."""
        return self.workers if self.workers > 0 else len(os.sched_getaffinity(0))


class TuneOptions(TypedDict, total=False):
    """The fields of `Options` as keywords of `tuner.tune()`: paths also as text, several values also as a list."""

    target: str
    devices: tuple[str, ...] | list[str]
    ray: str | None
    threads: int
    trials: int
    budget_s: float | None
    seed: int
    strategy: str
    space: str
    dispatches: tuple[str, ...] | list[str]
    function: str
    output: str | Path | None
    run_dir: str | Path | None
    resume: bool
    store: str | Path | Sequence[str | Path] | None
    min_gain: float
    plain: bool
    compile_timeout_s: float
    workers: int
    allocator: AllocatorOption
    flags: tuple[str, ...] | list[str]
    keep_flags: bool
    pins: Mapping[str, str]
    shapes: Shapes


def _check_number(option: str, value: float, *, at_least: int, at_most: float = sys.float_info.max) -> None:
    """Raises InputError if the value is too small, too large, or NaN."""
    # NaN is neither below nor above any bound.
    if not value >= at_least:
        too_little = f"be at least {at_least}" if at_least else "not be negative"
        raise InputError(f"{option} must {too_little}, not {value}")
    if value > at_most:
        raise InputError(f"{option} must be {at_most:.4g} at most, not {value}")
