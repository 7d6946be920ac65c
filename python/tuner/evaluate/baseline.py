# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The compiler's default of one dispatch on one runner: candidates are checked against it and timed beside it."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

from tuner.errors import MeasurementError, ToolError
from tuner.evaluate.failures import CHANCES
from tuner.evaluate.programs import Subject
from tuner.measuring import ProgramCrashedError, ProgramSource, Runner, Tolerance, Verification
from tuner.measuring.correctness import TOLD_UNCOMPARED, Sensitivity, step_of
from tuner.measuring.dispatch_data import EXACT_SEED
from tuner.measuring.noise import is_noisy, spread, typical_s
from tuner.measuring.repeating import Repeated
from tuner.measuring.runner import lost
from tuner.measuring.sampling import calibrate
from tuner.measuring.transport import ATTEMPTS
from tuner.outcome import Compilation, Fate

# Names of programs in a runner: the default, and the candidate that is measured beside it.
DEFAULT_KEY, CANDIDATE_KEY = "default", "candidate"
# Candidates are timed on this seed's data, and checked on it if their sums cannot be made exact.
TIMED_SEED = 1
FINAL_SEEDS = (2, 3)
# Seven, beside the search's own, for devices on which data races can hide.
HARD_SEEDS = (*FINAL_SEEDS, 4, 5, 6, 7, 8)
# Seconds of a sample of the default. If it takes less, one is taken beside every candidate, else beside every batch.
CHEAP_SAMPLE_S = 0.05
_FIRST_SAMPLES = 3
# Seconds until a run of the default is given up while nothing is known of it.
_TIMEOUT_S = 120.0
# Making, comparing and poisoning data is at least this fast.
_DATA_BYTES_PER_S = 1e8
# The latest samples that the baseline is taken from, and those that noise is judged by.
_WINDOW, _NOISE_WINDOW = 5, 12

T = TypeVar("T")


class Baseline:
    """The default as it was timed last. It is loaded again, with its references, whenever the runner has lost it."""

    def __init__(
        self, runner: Runner, subject: Subject, compilation: Compilation, report: Callable[[str], None]
    ) -> None:
        """`start` makes one that is timed."""
        self.runner = runner
        self.compilation = compilation
        self.report = report
        self.search_seed = EXACT_SEED if subject.arithmetic.is_exact else TIMED_SEED
        # By the wall: seconds to load the default with its references, and of one run of it.
        self.load_s = self.run_s = 0.0
        self.is_noisy = False
        self._subject = subject
        # By seed: on exact data outputs must be equal, on others they may differ by what was measured.
        self._tolerances: dict[int, tuple[Tolerance, ...]] = {EXACT_SEED: (Tolerance(),)}
        self._positive = False
        self._is_reproducible: bool | None = None
        self._generation = -1
        # Seeds whose outputs the runner's process has kept.
        self._referenced: set[int] = set()
        self._samples_s: deque[float] = deque(maxlen=_NOISE_WINDOW)
        self._noise_reported = False
        self._runs = 1

    @staticmethod
    def start(runner: Runner, subject: Subject, compilation: Compilation, report: Callable[[str], None]) -> Baseline:
        """Loads and times the default. `report` receives sentences about noise, comparability and a lost device.

        Raises ToolError if the default does not compile or run, or if nothing that it computes can be compared,
        DeviceLostError if nothing runs any more.
        """
        if compilation.fate is not Fate.COMPILED:
            raise ToolError(
                f"the compiler's own default does not compile ({compilation.detail}); see {compilation.log}"
            )
        baseline = Baseline(runner, subject, compilation, report)
        for chance in range(1, CHANCES + 1):
            try:
                baseline._time()
                break
            except MeasurementError as error:
                runner.check_device()
                if not isinstance(error, ProgramCrashedError) or chance == CHANCES:
                    raise ToolError(f"the compiler's own default does not run: {error}") from error
        return baseline

    @property
    def time_s(self) -> float:
        """Seconds of one run, by the latest samples."""
        return typical_s(list(self._samples_s)[-_WINDOW:])

    @property
    def samples_s(self) -> tuple[float, ...]:
        """The latest samples: seconds of one run, the newest last."""
        return tuple(self._samples_s)

    @property
    def is_cheap(self) -> bool:
        """Whether a sample takes so little that many are taken."""
        return self.time_s * self._runs < CHEAP_SAMPLE_S

    def timeout_s(self, runs: int) -> float:
        """Seconds for `runs` runs of a candidate: ten times the default's, and the time to make and compare data."""
        return 5.0 + self._subject.buffer_bytes / _DATA_BYTES_PER_S + 10.0 * self.time_s * (runs + 1)

    @property
    def sample_timeout_s(self) -> float:
        """Seconds for a sample of as many runs as the default's own have."""
        return self.timeout_s(self._runs)

    def sample(self) -> None:
        """Times the default once more, so that candidates are compared with a baseline of the same minute.

        Raises DeviceLostError if it no longer runs.
        """
        limit_s = self.sample_timeout_s
        self._samples_s.append(
            self._while_loaded(lambda: self.runner.time(DEFAULT_KEY, self._runs, timeout_s=limit_s), limit_s)
        )
        self.is_noisy = is_noisy(self._samples_s)
        if self.is_noisy and not self._noise_reported:
            self._noise_reported = True
            percent = f"{spread(self._samples_s):.0%}"
            self.report(
                f"the machine is noisy (the default's samples spread by {percent}):"
                " candidates get more samples while it is"
            )

    def ensure_loaded(self) -> None:
        """Loads the default with its references unless the runner has them. Raises DeviceLostError."""
        self._while_loaded(lambda: None, self.timeout_s(1))

    def suspect_device(self) -> None:
        """After a failure: the default is loaded and run again before anything else, which shows what is at fault."""
        self._generation = -1

    def unload(self) -> None:
        """Leaves the runner to another dispatch: unloads the default and the candidate."""
        for key in (DEFAULT_KEY, CANDIDATE_KEY):
            # A process that died has nothing loaded.
            with contextlib.suppress(MeasurementError):
                self.runner.unload(key)
        self._generation = -1

    def source(self, compilation: Compilation) -> ProgramSource:
        """A compilation of the subject, to be loaded. Raises MeasurementError if there is nothing to load."""
        return self._subject.source(compilation, positive=self._positive)

    def check(self, key: str, seed: int, *, timeout_s: float) -> tuple[Verification, float]:
        """Compares a loaded program's outputs on the data of `seed` with the default's; also seconds of that run.

        Raises MeasurementError.
        """
        self._refer_to(seed, timeout_s)
        return self.runner.check(key, seed, self._tolerances[seed], timeout_s=timeout_s)

    def repeat(self, key: str, seed: int, runs: int, *, exactly: bool) -> Repeated:
        """Compares a loaded program's outputs with the default's in each of several runs on the data of `seed`.

        `exactly`: all runs must give the same bits. Raises MeasurementError.
        """
        self._refer_to(seed, self.timeout_s(1))
        limit_s = self.timeout_s(runs) + runs * self._subject.buffer_bytes / _DATA_BYTES_PER_S
        return self.runner.repeat(key, seed, runs, self._tolerances[seed], exactly=exactly, timeout_s=limit_s)

    def is_reproducible(self, runs: int) -> bool:
        """Whether so many runs of the default on the same random data give the same bits. Raises MeasurementError."""
        if self._is_reproducible is None:
            self._is_reproducible = self.repeat(DEFAULT_KEY, TIMED_SEED, runs, exactly=True).verification.passed
        return self._is_reproducible

    def _time(self) -> None:
        """Loads the default, measures its tolerances and the first samples of its time. Raises MeasurementError."""
        started = time.perf_counter()
        self._load(_TIMEOUT_S)
        self.load_s = time.perf_counter() - started
        self._measure_tolerances()
        self._runs = calibrate(self.runner, DEFAULT_KEY, timeout_s=_TIMEOUT_S)
        self._samples_s.clear()
        started = time.perf_counter()
        for _ in range(_FIRST_SAMPLES):
            self._samples_s.append(self.runner.time(DEFAULT_KEY, self._runs, timeout_s=_TIMEOUT_S))
        self.run_s = (time.perf_counter() - started) / (_FIRST_SAMPLES * self._runs)

    def _measure_tolerances(self) -> None:
        """How far correct outputs may be from the default's on random data."""
        step = step_of(self._subject.arithmetic)
        found = self.runner.sensitivity(DEFAULT_KEY, TIMED_SEED, step, timeout_s=_TIMEOUT_S)
        if _unfinite(found) > TOLD_UNCOMPARED and not self._positive:
            # Roots and logarithms of negative numbers are no numbers; positive data shows more.
            self._positive = True
            self.suspect_device()
            self._load(_TIMEOUT_S)
            self._measure_tolerances()
            return
        if _unfinite(found) == 1.0:
            raise ToolError("on random data its output is NaN or infinite everywhere: no candidate could be checked")
        if _unfinite(found) > TOLD_UNCOMPARED:
            part = f"{_unfinite(found):.0%} of an output"
            self.report(f"{part} is NaN or infinite on random data, and is compared by place alone")
        tolerances = tuple(Tolerance.of(sensitivity, step) for sensitivity in found)
        self._tolerances.update(dict.fromkeys((TIMED_SEED, *HARD_SEEDS), tolerances))

    def _load(self, timeout_s: float) -> None:
        """Loads the default and makes the references, unless the runner's process has them."""
        if self._generation == self.runner.generation:
            return
        self.runner.load(DEFAULT_KEY, self.source(self.compilation))
        # The last one's data is what is timed.
        self._referenced.clear()
        for seed in dict.fromkeys((self.search_seed, TIMED_SEED)):
            self._refer_to(seed, timeout_s)
        self._generation = self.runner.generation

    def _refer_to(self, seed: int, timeout_s: float) -> None:
        """Runs the default on the data of `seed` unless its outputs are kept. Raises MeasurementError."""
        if seed not in self._referenced:
            self.runner.reference(DEFAULT_KEY, seed, timeout_s=timeout_s)
            self._referenced.add(seed)

    def _while_loaded(self, action: Callable[[], T], timeout_s: float) -> T:
        """Does something while the default is loaded, again if the process dies: it may be killed from outside."""
        failure: MeasurementError | None = None
        for _ in range(ATTEMPTS):
            try:
                self._load(timeout_s)
                return action()
            except MeasurementError as error:
                self.runner.restart()
                failure = error
        device_lost = lost(self.runner.device, failure)
        self.report(str(device_lost))
        raise device_lost from failure


def _unfinite(outputs: Sequence[Sensitivity]) -> float:
    """The largest part of an output that is not finite."""
    return max((output.unfinite for output in outputs), default=0.0)
