# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The settings of a run, as one value."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict

from tuner import plugins
from tuner.errors import InputError
from tuner.foreign import shown
from tuner.model.shapes import Shapes
from tuner.targets import Allocator
from tuner.targets.device import CLOCKS, Clock

if TYPE_CHECKING:
    from tuner.search import Strategy
    from tuner.spaces import SpaceBuilder

    StrategyOption: TypeAlias = str | type[Strategy]
    SpaceOption: TypeAlias = str | SpaceBuilder
else:
    # Their modules import z3, which no command should wait for.
    StrategyOption = Any
    SpaceOption = Any

# The fields that may hold objects.
OBJECTS = ("strategy", "spaces")
_STRATEGIES = "tuner.strategies"

# An allocator, or the choice of the one with which the model is faster.
AllocatorOption = Literal["auto"] | Allocator

# What a run may cost: nothing is measured, little, or all that `trials` and `budget_s` say.
Effort = Literal["guess", "quick", "full"]
EFFORTS: tuple[Effort, ...] = ("guess", "quick", "full")
# Candidates of a dispatch, and seconds of a run, of little effort.
_QUICK_TRIALS, _QUICK_S = 8, 90.0
# Upper bounds: more processes than any machine has processors; a leap year, in seconds.
_MOST_WORKERS = 1024
_LONGEST_S = 366 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Options:
    """The settings of a tuning run.

    Attributes:
        target: A registered target, such as `cpu`, `cuda:sm_80`, `rocm:gfx942`.
        devices: Those to measure on, as the target names them, all at once; by default the target's own.
        ray: The address of a Ray cluster to compile and measure on, `local` for one of this machine; None: without Ray.
        threads: Threads that run a dispatch.
        clock: What times dispatches: `host`, which counts what starts them too, or `device`, which NVIDIA GPUs have.
        effort: `guess` measures nothing and takes what is expected to be the fastest; `quick` tries 8 candidates of a
            dispatch at most, within 90 s if `budget_s` does not say how long; `full` is bounded by `trials` and
            `budget_s` alone.
        trials: Candidates for each dispatch, the default not counted.
        budget_s: Seconds for the whole run, spent where the model's time is; None: as long as all candidates take.
        seed: Equal seeds ask for equal candidates as long as the measured times agree.
        strategy: A registered search strategy, or a class (`tuner.search.Strategy`).
        spaces: The only spaces to search, by their registered names or as objects (`tuner.spaces.SpaceBuilder`): for
            each dispatch the first that serves it. Names joined by `+` are searched as one. By default the registered
            one of the highest priority.
        fixes: Values of knobs, by their names: only candidates with one of these are tried. A knob that a dispatch has
            not got leaves that dispatch as it is; the name of a space before the knob's, as in
            `gpu-contraction:occupancy`, fixes it there alone. The default is candidate 0 all the same.
        dispatches: Tune these alone; all if empty.
        function: The model's entry, if it has several.
        output: Where the spec goes.
        run_dir: Where logs and binaries go; by default a new folder under `.iree-tuner`.
        resume: Continue the run of that folder.
        store: The file of the results of candidates, which several runs may share, by default in the run's folder; then
            further ones, which are only read.
        records: Files of recorded pools that say where to start; by default those that ship.
        start_from: Specs whose entries are the first candidates of the search.
        min_gain: With a smaller gain than this fraction the default stays.
        plain: Hand over only what plain iree-compile applies.
        compile_timeout_s: Seconds for compiling one candidate.
        workers: Processes that compile; 0: one for each processor.
        facts: Read all that every candidate's binary for a GPU says, by further tools; otherwise only of defaults and
            winners.
        allocator: What the whole model finds its transient buffers with; `auto` takes the caching one if the untuned
            model is faster with it.
        flags: Further flags of iree-compile.
        keep_flags: Do not search flags of the whole compilation.
        pins: Choices of such flags that are used and not searched, also with `keep_flags`.
        shapes: Sizes that the model leaves open.
    """

    target: str = "cpu"
    devices: tuple[str, ...] = ()
    ray: str | None = None
    threads: int = 1
    clock: Clock = "host"
    effort: Effort = "full"
    trials: int = 100
    budget_s: float | None = None
    seed: int = 0
    strategy: StrategyOption = "portfolio"
    spaces: tuple[SpaceOption, ...] = ()
    fixes: Mapping[str, int | tuple[int, ...]] = field(default_factory=dict)
    dispatches: tuple[str, ...] = ()
    function: str = ""
    output: Path | None = None
    run_dir: Path | None = None
    resume: bool = False
    store: tuple[Path, ...] = ()
    records: tuple[Path, ...] | None = None
    start_from: tuple[Path, ...] = ()
    min_gain: float = 0.02
    plain: bool = False
    compile_timeout_s: float = 30.0
    workers: int = 0
    facts: bool = False
    allocator: AllocatorOption = "auto"
    flags: tuple[str, ...] = ()
    keep_flags: bool = False
    pins: Mapping[str, str] = field(default_factory=dict)
    shapes: Shapes = field(default_factory=Shapes)

    def __post_init__(self) -> None:
        if self.effort not in EFFORTS:
            raise InputError(f"--effort must be one of {', '.join(EFFORTS)}, not {shown(self.effort)}")
        if self.clock not in CLOCKS:
            raise InputError(f"--clock must be one of {', '.join(CLOCKS)}, not {shown(self.clock)}")
        if self.effort == "quick":
            # The value is not yet anyone else's.
            object.__setattr__(self, "trials", min(self.trials, _QUICK_TRIALS))
            object.__setattr__(self, "budget_s", _QUICK_S if self.budget_s is None else self.budget_s)
        _check_strategy(self.strategy)
        _check_spaces(self.spaces)
        if empty := next((name for name, values in self.fixes.items() if not name or values == ()), None):
            raise InputError(f"--fix leaves '{shown(empty)}' no value; name one")
        _check_number("--trials", self.trials, at_least=1)
        _check_number("--workers", self.workers, at_least=0, at_most=_MOST_WORKERS)
        _check_number("--seed", self.seed, at_least=0)
        _check_number("--min-gain", self.min_gain, at_least=0)
        for option, seconds in (("--compile-timeout", self.compile_timeout_s), ("--budget", self.budget_s)):
            if seconds is not None and not 0 < seconds <= _LONGEST_S:
                raise InputError(f"{option} must be positive, and a year at most, not {seconds} s")

    @property
    def strategy_kind(self) -> type[Strategy]:
        """The class of the strategy. That of a registered one is imported."""
        if isinstance(self.strategy, str):
            registered: type[Strategy] = plugins.load(_STRATEGIES, self.strategy)
            return registered
        return self.strategy

    @property
    def first_allocator(self) -> Allocator:
        """What the whole model runs with until an allocator is chosen."""
        return "default" if self.allocator == "auto" else self.allocator

    @property
    def compile_workers(self) -> int:
        """The number of compile workers: as asked, or one for each processor that this process may use."""
        return self.workers if self.workers > 0 else len(os.sched_getaffinity(0))


class SearchOptions(TypedDict, total=False):
    """The fields of `Options` that a search of any space has, as keywords of `tuner.tune_callable()`."""

    trials: int
    budget_s: float | None
    seed: int
    strategy: StrategyOption
    min_gain: float


class TuneOptions(TypedDict, total=False):
    """The fields of `Options` as keywords of `tuner.tune()`: paths also as text, several values also as a list."""

    target: str
    devices: tuple[str, ...] | list[str]
    ray: str | None
    threads: int
    clock: Clock
    effort: Effort
    trials: int
    budget_s: float | None
    seed: int
    strategy: StrategyOption
    spaces: tuple[SpaceOption, ...] | list[SpaceOption]
    fixes: Mapping[str, int | Sequence[int]]
    dispatches: tuple[str, ...] | list[str]
    function: str
    output: str | Path | None
    run_dir: str | Path | None
    resume: bool
    store: str | Path | Sequence[str | Path] | None
    records: Sequence[str | Path] | None
    start_from: Sequence[str | Path]
    min_gain: float
    plain: bool
    compile_timeout_s: float
    workers: int
    facts: bool
    allocator: AllocatorOption
    flags: tuple[str, ...] | list[str]
    keep_flags: bool
    pins: Mapping[str, str]
    shapes: Shapes


def in_keywords(message: str) -> str:
    """A message with the keywords of `tuner.tune()` in place of the command's options: `budget_s` for `--budget`.

    The keyword of an option that may be repeated is a plural.
    """

    def keyword(option: re.Match[str]) -> str:
        name = option[1].replace("-", "_")
        known = (word for word in (name, f"{name}_s", f"{name}s", f"{name}es") if word in TuneOptions.__annotations__)
        return next(known, option[0])

    return re.sub(r"--([a-z]+(?:-[a-z]+)*)", keyword, message)


def _check_strategy(strategy: object) -> None:
    """Raises InputError unless it is a registered name or a class that has what a strategy needs."""
    if isinstance(strategy, str):
        plugins.check(_STRATEGIES, strategy)
    elif not isinstance(strategy, type) or (lacking := _lacking(strategy, "ask", "tell")):
        what = f"{plugins.name_of(strategy)} has no {lacking}" if isinstance(strategy, type) else shown(strategy)
        raise InputError(f"strategy takes a name or a class with ask and tell (tuner.search.Strategy): {what}")


def _check_spaces(spaces: object) -> None:
    """Raises InputError unless they are registered names, or objects that have what a space needs."""
    if not isinstance(spaces, tuple | list):
        raise InputError(f"spaces takes a list of names and objects, not {shown(spaces)}")
    for space in spaces:
        if isinstance(space, str):
            for name in space.split("+"):
                plugins.check("tuner.spaces", name)
        elif isinstance(space, type):
            raise InputError(f"spaces takes objects, not the class {space.__name__}; write {space.__name__}()")
        elif lacking := _lacking(space, "priority", "serves", "build", "configuration"):
            raise InputError(
                f"spaces takes names and objects (tuner.spaces.SpaceBuilder): {shown(space)} has no {lacking}"
            )


def _lacking(plugin: object, *names: str) -> str:
    """The first of these attributes that an object lacks, "" if it has all."""
    return next((name for name in names if not hasattr(plugin, name)), "")


def _check_number(option: str, value: float, *, at_least: int, at_most: float = sys.float_info.max) -> None:
    """Raises InputError if the value is too small, too large, or NaN."""
    # NaN is neither below nor above any bound.
    if not value >= at_least:
        too_little = f"be at least {at_least}" if at_least else "not be negative"
        raise InputError(f"{option} must {too_little}, not {value}")
    if value > at_most:
        raise InputError(f"{option} must be {at_most:.4g} at most, not {value}")
