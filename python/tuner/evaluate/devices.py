# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Measures on several equal devices at once. Each has a runner of its own, and times compared with its own default's.

With one device everything happens on the calling thread, in the order in which it is asked for.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import TypeVar

import numpy as np

from tuner.dispatch import BenchmarkProgram
from tuner.errors import DeviceLostError, ToolError
from tuner.evaluate.bench import DispatchBench, runnable
from tuner.evaluate.budget import Budget
from tuner.evaluate.final import Final
from tuner.evaluate.final_costs import FinalCosts
from tuner.events import Disturbance, Event, Listener, nobody
from tuner.measuring import Runner
from tuner.measuring.local_process import LASTING_THREAD
from tuner.measuring.preloading import Preloader
from tuner.outcome import Compilation, Evaluation

T = TypeVar("T")


class Stations:
    """The devices of a run, each with a runner. Use it as a context manager: leaving it ends every process."""

    def __init__(self, runners: Sequence[Runner], preloader: Preloader, listen: Listener = nobody) -> None:
        """`preloader` loads what is to be measured, where loading compiles; `listen` hears of devices that are lost."""
        self._runners = tuple(runners)
        self._living = list(runners)
        self._preloader = preloader
        self._listen = listen
        self._threads = ThreadPoolExecutor(len(runners), LASTING_THREAD)

    def __enter__(self) -> Stations:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # The last first, and each whatever becomes of the others.
        with ExitStack() as ends:
            ends.callback(self._preloader.__exit__, kind, error, traceback)
            for runner in self._runners:
                ends.callback(runner.__exit__, kind, error, traceback)
            ends.callback(self._threads.shutdown)
            # If something went wrong, candidates may still be running.
            for runner in self._runners if len(self._runners) > 1 else ():
                ends.callback(runner.interrupt)

    def begin(self) -> None:
        """Starts every process, which else start when they are needed, and returns at once."""
        for runner in self._runners:
            runner.begin()
        self._preloader.begin()

    def wait(self) -> None:
        """Waits for what `begin` started beside the runners, so that nothing starts beside a measurement."""
        self._preloader.wait()

    @property
    def living(self) -> tuple[Runner, ...]:
        """The runners whose devices are not lost."""
        return tuple(self._living)

    @property
    def runner(self) -> Runner:
        """The one for what needs one device alone: the first whose device is not lost."""
        return (*self._living, *self._runners)[0]

    def on_one(self, action: Callable[[], T]) -> T:
        """Does something that needs one device, again on another where the device is lost.

        Raises DeviceLostError where all are.
        """
        while True:
            runner = self.runner
            try:
                return action()
            except DeviceLostError as error:
                self.lose(runner, error)

    def lose(self, runner: Runner, error: DeviceLostError) -> None:
        """Measures no more on this runner's device. Raises the error where it was the last."""
        if runner in self._living:
            self._living.remove(runner)
            if self._living:
                left = f"{len(self._living)} of {len(self._runners)} devices"
                self._listen(Disturbance("", f"{error}; the run goes on with {left}"))
        if not self._living:
            raise error

    def submit(self, action: Callable[[], T]) -> Future[T]:
        """Does something on a thread, of which there is one for each device."""
        return self._threads.submit(action)

    def preload(self, program: BenchmarkProgram, compilations: Sequence[Compilation]) -> None:
        """Loads each once, where loading compiles. When it returns nothing runs."""
        self._preloader.load([runnable(program, each.binary) for each in compilations if each.binary is not None])


class Benches:
    """One dispatch on every station: a bench for each, made when the station first measures it."""

    def __init__(
        self,
        stations: Stations,
        program: BenchmarkProgram,
        default: Compilation,
        *,
        dispatch: str = "",
        listen: Listener = nobody,
    ) -> None:
        """Loads and times the default on one station. Raises as `DispatchBench` does."""
        self._stations = stations
        self._program, self._default = program, default
        self._dispatch = dispatch
        self._listen = listen
        self._owner = threading.get_ident()
        self._heard: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._benches: dict[Runner, DispatchBench] = {}
        stations.on_one(lambda: self._bench(stations.runner))

    @property
    def baseline_s(self) -> float:
        """Seconds of one run of the default, on one of the stations."""
        return self._known.baseline_s

    def default_evaluation(self) -> Evaluation:
        """Candidate 0: the compiler's own choice."""
        return self._known.default_evaluation()

    def rest(self) -> None:
        """Unloads everything, for another dispatch to be measured; what is needed is loaded again when it is needed."""
        for runner in self._stations.living:
            if runner in self._benches:
                try:
                    self._benches[runner].rest()
                except DeviceLostError as error:
                    self._stations.lose(runner, error)

    def evaluate(self, compilations: Sequence[Compilation]) -> Iterator[Evaluation]:
        """Checks and times candidates, each on the next free station, and gives their ends as they come.

        Those whose device is lost are measured on another. Raises DeviceLostError where all are.
        """
        if not compilations:
            return
        self._stations.preload(self._program, compilations)
        begun: set[Runner] = set()
        if len(self._stations.living) == 1:
            for compilation in compilations:
                yield self._stations.on_one(partial(self._evaluate, self._stations.runner, compilation, begun))
            return
        waiting = deque(compilations)
        running: dict[Future[Evaluation], tuple[Runner, Compilation]] = {}
        while waiting or running:
            busy = [runner for runner, _ in running.values()]
            for runner in [each for each in self._stations.living if each not in busy][: len(waiting)]:
                compilation = waiting.popleft()
                future = self._stations.submit(partial(self._evaluate, runner, compilation, begun))
                running[future] = (runner, compilation)
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            self._pass_on()
            for future in ended:
                runner, compilation = running.pop(future)
                try:
                    yield future.result()
                except DeviceLostError as error:
                    waiting.appendleft(compilation)
                    self._stations.lose(runner, error)

    def final_costs(self, speedup: float) -> FinalCosts:
        """As of `DispatchBench`, on one of the stations."""
        return self._known.final_costs(speedup)

    def final(
        self,
        evaluations: Sequence[Evaluation],
        rng: np.random.Generator,
        min_gain: float,
        budget: Budget | None = None,
    ) -> Final | None:
        """As `DispatchBench.final`, on one station."""
        return self._stations.on_one(
            lambda: self._bench(self._stations.runner).final(evaluations, rng, min_gain, budget),
        )

    @property
    def _known(self) -> DispatchBench:
        """The bench of a station that is not lost, or else what was known of one."""
        living = [self._benches[runner] for runner in self._stations.living if runner in self._benches]
        return (living or list(self._benches.values()))[0]

    def _evaluate(self, runner: Runner, compilation: Compilation, begun: set[Runner]) -> Evaluation:
        """Measures one candidate; the first of a batch on this runner after the default, timed once more."""
        bench = self._bench(runner)
        if runner not in begun:
            begun.add(runner)
            bench.sample_baseline()
        return bench.evaluate(compilation)

    def _bench(self, runner: Runner) -> DispatchBench:
        if runner not in self._benches:
            try:
                self._benches[runner] = DispatchBench(
                    runner, self._program, self._default, dispatch=self._dispatch, listen=self._hear
                )
            except ToolError as error:
                if not self._benches:
                    raise
                raise DeviceLostError(
                    f"the device {runner.device.name} does not run what another ran: {error}"
                ) from error
        return self._benches[runner]

    def _hear(self, event: Event) -> None:
        """Events reach the listener on the thread that leads."""
        if threading.get_ident() == self._owner:
            self._listen(event)
        else:
            self._heard.put(event)

    def _pass_on(self) -> None:
        while not self._heard.empty():
            self._listen(self._heard.get())
