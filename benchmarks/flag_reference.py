# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Measures what choices of flags give on whole models: the reference set that the flag search is judged on.

    python benchmarks/flag_reference.py MODEL... --zoo FOLDER --write FILE.jsonl [--cores 0-15] [--beside 4]
    python benchmarks/flag_reference.py MODEL... --write FILE.jsonl --target cuda --narrowest f16 [--until singles]

MODEL is the name of a model of benchmarks/model_zoo.py, or a model file of static shapes. For each one: the default,
every single choice (beside what it needs), every pair of the six best single choices, and 40 random joint choices
(seeded). First every choice is compiled for all models, on all cores. Then `--beside` models are measured side by side,
each on a core of its own, on one thread: a choice in rounds with the default, its outputs compared with the default's.
On a GPU one model is measured at a time.
Choices that make one binary are measured once. Nothing is compiled while something is measured.
All are run with the caching allocator.

FILE gets a line for each model and choice. Lines that it has are not measured again, so an interrupted run goes on.
Lines of choices that stand for other flags today do not count.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import os
import queue
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from iree import runtime

from model_zoo import ZOO, make
from tuner.constraints import enumerate_space
from tuner.dispatch import Arithmetic
from tuner.errors import MeasurementError, ToolError
from tuner.measuring import FunctionProgram, Runner
from tuner.measuring.sampling import calibrate
from tuner.model.model import Model
from tuner.model.shapes import Shapes
from tuner.model_flags import DEFAULT, Host, ModelFlags
from tuner.targets import Target
from tuner.targets.choosing import choose_target
from tuner.targets.host import processor_features
from tuner.tuning.flag_plan import known_flags

# The best single choices whose pairs are tried, the random joint choices, and the knobs that such a choice sets.
_BEST_SINGLES, _JOINT, _JOINT_KNOBS = 6, 40, (2, 6)
# Joint choices that are compiled before they are measured.
_PART = 10
_SEED = 11
PHASES = ("singles", "pairs", "joint")
# Products in the longest sums of these models, which decide what rounding does.
_TERMS = 4096
# What compiles takes 35 s at most.
_COMPILE_TIMEOUT_S, _RUN_TIMEOUT_S = 90.0, 60.0
# Rounds of default and choice, and seconds after which fewer are enough.
_ROUNDS, _FEWEST, _ENOUGH_S = 9, 4, 2.5

Values = Mapping[str, str]
T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Measured:
    """A line of the file. `time_s`: the median of the choice; `ratio`: the default's time over it, in paired rounds."""

    model: str
    values: dict[str, str]
    flags: tuple[str, ...]
    compile_s: float | None
    time_s: float | None = None
    ratio: float | None = None
    verdict: str = ""
    binary: str = ""


@dataclass(frozen=True, slots=True)
class Compiled:
    values: Values
    binary: Path
    seconds: float
    error: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.binary.read_bytes()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Place:
    """What models are compiled for and measured on, the flags for it, and the narrowest type that models compute in."""

    target: Target
    flags: ModelFlags
    narrowest: str = "f32"

    @property
    def arithmetic(self) -> Arithmetic:
        return Arithmetic(terms=_TERMS, accumulator="f32", narrowest=self.narrowest)

    def suited(self) -> list[tuple[str, str]]:
        """Every value but the defaults that suits this machine, with the name of its knob."""
        host = Host(1, processor_features())
        return [(knob.name, knob.values[number]) for knob in self.flags.knobs for number in knob.suited(host) if number]

    def singles(self) -> list[Values]:
        """Every value by itself, or beside the first other one with which the rules allow it."""
        every = self.suited()
        found: list[Values] = []
        for name, value in every:
            choices = ({name: value}, *({name: value, other: beside} for other, beside in every if other != name))
            found += list(itertools.islice(filter(self.allows, choices), 1))
        return found

    def joint(self, seed: int, number: int = _JOINT) -> list[Values]:
        """Random choices, each of two to six knobs."""
        rng = np.random.default_rng(seed)
        values_of = {
            name: [value for _, value in values]
            for name, values in itertools.groupby(self.suited(), lambda one: one[0])
        }
        names = list(values_of)
        found: dict[str, Values] = {}
        while len(found) < number:
            count = int(rng.integers(_JOINT_KNOBS[0], _JOINT_KNOBS[1] + 1))
            places = sorted(rng.choice(len(names), size=count, replace=False).tolist())
            values = {name: str(rng.choice(values_of[name])) for name in (names[place] for place in places)}
            if self.allows(values):
                found.setdefault(_key(values), values)
        return list(found.values())

    def allows(self, values: Values) -> bool:
        """Whether the rules allow a choice."""
        pinned = {knob.name: values.get(knob.name, DEFAULT) for knob in self.flags.knobs}
        return len(enumerate_space(self.flags.space(pinned, ()))) == 1


class ModelSet:
    """One model: what was compiled of it and what was measured."""

    def __init__(self, name: str, model: Model, folder: Path, place: Place) -> None:
        self.name = name
        self._model = model
        self._folder = folder
        self._place = place
        self.lines: dict[str, Measured] = {}

    def missing(self, choices: Sequence[Values]) -> list[Values]:
        return [values for values in choices if _key(values) not in self.lines]

    def compile(self, values: Values) -> Compiled:
        name = hashlib.sha256(_key(values).encode()).hexdigest()[:12] if values else "default"
        binary = self._folder / f"{name}.vmfb"
        started = time.perf_counter()
        try:
            model = self._model.with_flags(*self._place.flags.flags(values))
            result = model.compile(binary, timeout_s=_COMPILE_TIMEOUT_S)
            error = "" if result.exit_code == 0 else f"it does not compile: {result.first_error}"
        except ToolError as failure:
            error = str(failure)
        return Compiled(values, binary, time.perf_counter() - started, error)

    def measure(self, default: Compiled, compiled: Sequence[Compiled], report: Callable[[Measured], None]) -> None:
        """Measures each binary that is new beside the default. Runs in a thread that is bound to a core."""
        by_binary = {line.binary: line for line in self.lines.values() if line.binary}
        with Runner(self._place.target.device) as runner:
            bench = _Bench(runner, default.binary, self._place.arithmetic)
            for one in compiled:
                flags = self._place.flags.flags(one.values)
                line = Measured(self.name, dict(one.values), flags, one.seconds, verdict=one.error)
                if not one.error:
                    line = replace(line, binary=one.digest)
                    same = by_binary.get(line.binary)
                    time_s, ratio, verdict = (
                        (same.time_s, same.ratio, same.verdict) if same is not None else bench.measure(one.binary)
                    )
                    line = replace(line, time_s=time_s, ratio=ratio, verdict=verdict)
                    by_binary[line.binary] = line
                self.lines[_key(one.values)] = line
                report(line)
                if one is not default:
                    one.binary.unlink(missing_ok=True)

    def best_singles(self) -> list[Values]:
        lines = [self.lines[key] for key in map(_key, self._place.singles()) if key in self.lines]
        measured = [line for line in lines if line.ratio is not None]
        default = self.lines[_key({})]
        # Choices that make one binary are one choice; those that make the default's are none.
        seen = {default.binary: default}
        for line in sorted(measured, key=lambda line: -(line.ratio or 0.0)):
            seen.setdefault(line.binary, line)
        return [line.values for line in list(seen.values())[1 : _BEST_SINGLES + 1]]


class _Bench:
    def __init__(self, runner: Runner, default: Path, arithmetic: Arithmetic) -> None:
        self._runner = runner
        self._arithmetic = arithmetic
        self._default = default
        self._function = _function_of(default)
        self._generation = -1

    def measure(self, binary: Path) -> tuple[float | None, float | None, str]:
        """Seconds of a run, the default's time over it, and the verdict."""
        runner = self._runner
        try:
            self._ensure_default()
            runner.load("choice", FunctionProgram(binary, self._function, "caching"))
            verification, first_s = runner.check("choice", _SEED, self._tolerances, timeout_s=_RUN_TIMEOUT_S)
            if not verification.passed:
                return None, None, f"wrong: {verification.detail}"
            runs = {"default": self._runs}
            runs["choice"] = calibrate(runner, "choice", timeout_s=_RUN_TIMEOUT_S) if first_s < 0.05 else 1
            samples: dict[str, list[float]] = {"default": [], "choice": []}
            started = time.perf_counter()
            for done in range(_ROUNDS):
                if done >= _FEWEST and time.perf_counter() - started > _ENOUGH_S:
                    break
                for key in ("default", "choice") if done % 2 else ("choice", "default"):
                    samples[key].append(runner.time(key, runs[key], timeout_s=_RUN_TIMEOUT_S))
            ratio = statistics.median(d / c for d, c in zip(samples["default"], samples["choice"], strict=True))
            return statistics.median(samples["choice"]), ratio, "right"
        except MeasurementError as error:
            return None, None, f"it does not run: {error}"

    def _ensure_default(self) -> None:
        runner = self._runner
        if self._generation == runner.generation:
            return
        runner.load("default", FunctionProgram(self._default, self._function, "caching"))
        runner.reference("default", _SEED, timeout_s=_RUN_TIMEOUT_S)
        self._tolerances = runner.tolerances("default", _SEED, self._arithmetic, timeout_s=_RUN_TIMEOUT_S)
        self._runs = calibrate(runner, "default", timeout_s=_RUN_TIMEOUT_S)
        self._generation = runner.generation


def _function_of(binary: Path) -> str:
    module = runtime.VmModule.mmap(runtime.VmInstance(), str(binary))
    names: list[str] = module.function_names
    return next(name for name in names if not name.startswith("__") and not name.endswith("$async"))


def _key(values: Values) -> str:
    return json.dumps(dict(values), sort_keys=True)


class Reference:
    """The whole set, in phases that each compile, then measure."""

    def __init__(self, models: Sequence[ModelSet], place: Place, cores: Sequence[int], beside: int, file: Path) -> None:
        self._models = models
        self._place = place
        self._cores = cores
        self._beside = beside
        self._file = file
        self._started = time.perf_counter()
        for line in file.read_text().splitlines() if file.exists() else ():
            entry = json.loads(line)
            measured = Measured(**{**entry, "flags": tuple(entry["flags"])})
            for model in models:
                if model.name == measured.model and measured.flags == place.flags.flags(measured.values):
                    model.lines[_key(measured.values)] = measured

    def run(self, until: str) -> None:
        """Measures all phases up to one of `PHASES`."""
        self._phase("default and single choices", {model.name: [{}, *self._place.singles()] for model in self._models})
        if until == "singles":
            return
        pairs = {}
        for model in self._models:
            both = [
                {**one, **two}
                for one, two in itertools.combinations(model.best_singles(), 2)
                if all(two.get(name, value) == value for name, value in one.items())
            ]
            pairs[model.name] = [*filter(self._place.allows, both)]
        self._phase("pairs of the best", pairs)
        if until == "pairs":
            return
        random = self._place.joint(_SEED)
        # In parts, so that little is lost if the run is interrupted.
        for start in range(0, len(random), _PART):
            self._phase("joint choices", {model.name: random[start : start + _PART] for model in self._models})

    def _phase(self, title: str, wanted: Mapping[str, Sequence[Values]]) -> None:
        missing = {model: model.missing(wanted[model.name]) for model in self._models}
        jobs = [(model, values) for model, choices in missing.items() for values in ([{}, *choices] if choices else [])]
        jobs = list({(model.name, _key(values)): (model, values) for model, values in jobs}.values())
        print(f"{title}: compiling {len(jobs)}", flush=True)
        compiled = dict(
            zip(
                [(model.name, _key(values)) for model, values in jobs],
                self._on_cores(lambda job: job[0].compile(job[1]), jobs, len(self._cores)),
                strict=True,
            )
        )
        print(f"{self._elapsed()} compiled; measuring {self._beside} models side by side", flush=True)

        def measure(model: ModelSet) -> None:
            default = compiled[model.name, _key({})]
            if default.error:
                print(f"{model.name}: the default: {default.error}", flush=True)
                return
            model.measure(default, [compiled[model.name, _key(values)] for values in missing[model]], self._report)

        self._on_cores(measure, [model for model in self._models if missing[model]], self._beside)

    def _on_cores(self, work: Callable[[T], U], jobs: Sequence[T], lanes: int) -> list[U]:
        """Does each job in a thread that is bound to a core, with the processes that it starts."""
        step = max(1, len(self._cores) // lanes)
        free: queue.SimpleQueue[int] = queue.SimpleQueue()
        for core in self._cores[::step][:lanes]:
            free.put(core)

        def one(job: T) -> U:
            core = free.get()
            try:
                os.sched_setaffinity(0, {core})
                return work(job)
            finally:
                free.put(core)

        with ThreadPoolExecutor(lanes) as threads:
            return list(threads.map(one, jobs))

    def _report(self, line: Measured) -> None:
        with self._file.open("a") as file:
            file.write(json.dumps(asdict(line)) + "\n")
        ratio = f"{line.ratio:.3f}" if line.ratio else line.verdict[:90]
        print(f"{self._elapsed()} {line.model}: {line.values or 'default'}: {ratio}", flush=True)

    def _elapsed(self) -> str:
        return f"{time.perf_counter() - self._started:6.0f} s"


def _opened(name: str, zoo: Path, folder: Path, place: Place) -> ModelSet:
    folder.mkdir(parents=True, exist_ok=True)
    path, shapes = (make(name, zoo), ZOO[name].shapes) if name in ZOO else (Path(name), Shapes())
    model = Model.open(path, place.target.compile_flags).imported(shapes, folder)
    return ModelSet(name if name in ZOO else path.stem, model, folder, place)


def _place(target: str, narrowest: str) -> Place:
    chosen = choose_target(target)
    flags = known_flags(chosen.name)
    if flags is None:
        sys.exit(f"there are no choices of flags for {chosen.name}")
    return Place(chosen, flags, narrowest)


def _cores(text: str) -> list[int]:
    first, _, last = text.partition("-")
    return list(range(int(first), int(last or first) + 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--target", default="cpu", help="as for iree-tune run")
    parser.add_argument("--narrowest", default="f32", help="the narrowest type that the models compute in, as in f16")
    parser.add_argument("--zoo", type=Path, default=Path("model-zoo"), help="folder of the zoo's files")
    parser.add_argument("--cores", default="0-1", help="cores that are used, as in 0-15")
    parser.add_argument("--beside", type=int, default=1, help="models that are measured side by side")
    parser.add_argument("--until", choices=PHASES, default=PHASES[-1], help="leave out what comes after")
    parser.add_argument("--work", type=Path, default=Path("build/flag-reference"), help="folder for binaries")
    parser.add_argument("--write", type=Path, required=True, metavar="FILE.jsonl")
    options: Any = parser.parse_args()
    place = _place(options.target, options.narrowest)
    models = [_opened(name, options.zoo, options.work / Path(name).stem, place) for name in options.models]
    beside = 1 if options.target != "cpu" else options.beside
    Reference(models, place, _cores(options.cores), beside, options.write).run(options.until)


if __name__ == "__main__":
    main()
