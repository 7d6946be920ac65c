# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Measures on several equal devices at once. Each has a runner of its own; times are compared with its own default's.

With one device everything happens on the calling thread, in the order of the calls.
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
from tuner.evaluate.bench import DispatchBench
from tuner.evaluate.budget import Budget
from tuner.evaluate.final import Final
from tuner.evaluate.final_costs import FinalCosts
from tuner.evaluate.programs import runnable
from tuner.events import Disturbance, Event, Listener, nobody
from tuner.measuring import Runner
from tuner.measuring.local_process import LASTING_THREAD
from tuner.measuring.preloading import Preloader
from tuner.outcome import Compilation, Evaluation

T = TypeVar("T")


class Devices:
    """The devices of a run, each with a runner. Use it as a context manager: leaving it ends every process."""

    def __init__(self, runners: Sequence[Runner], preloader: Preloader, listen: Listener = nobody) -> None:
        """`preloader` loads what is to be measured, if loading compiles. `listen` receives what happens to devices."""
        self._runners = tuple(runners)
        self._living = list(runners)
        self._preloader = preloader
        self._listen = listen
        self._threads = ThreadPoolExecutor(len(runners), LASTING_THREAD)

    def __enter__(self) -> Devices:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # In reverse order. One that fails does not keep the others from their end.
        with ExitStack() as ends:
            ends.callback(self._preloader.__exit__, kind, error, traceback)
            for runner in self._runners:
                ends.callback(runner.__exit__, kind, error, traceback)
            ends.callback(self._threads.shutdown)
            # If something went wrong, candidates may still be running.
            for runner in self._runners if len(self._runners) > 1 else ():
                ends.callback(runner.interrupt)

    def begin(self) -> None:
        """Starts every process, which otherwise starts when it is needed, and returns at once."""
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
        """Calls `action`, which uses `runner`, and calls it again from its start if that device is lost meanwhile.

        Raises DeviceLostError if all devices are lost.
        """
        while True:
            runner = self.runner
            try:
                return action()
            except DeviceLostError as error:
                self.lose(runner, error)

    def lose(self, runner: Runner, error: DeviceLostError) -> None:
        """Measures no more on this runner's device. Raises the error if it was the last."""
        if runner in self._living:
            self._living.remove(runner)
            if self._living:
                left = f"{len(self._living)} of {len(self._runners)} devices"
                self._listen(Disturbance("", f"{error}; the run goes on with {left}"))
        if not self._living:
            raise error

    def submit(self, action: Callable[[], T]) -> Future[T]:
        """Calls `action` on a thread, of which there is one for each device."""
        return self._threads.submit(action)

    def preload(self, program: BenchmarkProgram, compilations: Sequence[Compilation]) -> None:
        """Loads each compilation once, if loading compiles. When it returns nothing runs."""
        binaries = [compilation.binary for compilation in compilations if compilation.binary is not None]
        self._preloader.load([runnable(program, binary) for binary in binaries])


class Benches:
    """One dispatch on every device. Each gets a bench when it first measures the dispatch. `start` makes one."""

    def __init__(
        self, devices: Devices, program: BenchmarkProgram, default: Compilation, dispatch: str, listen: Listener
    ) -> None:
        """`start` also times the default."""
        self._devices = devices
        self._program, self._default = program, default
        self._dispatch = dispatch
        self._listen = listen
        self._owner = threading.get_ident()
        self._received: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._benches: dict[Runner, DispatchBench] = {}

    @staticmethod
    def start(
        devices: Devices,
        program: BenchmarkProgram,
        default: Compilation,
        *,
        dispatch: str = "",
        listen: Listener = nobody,
    ) -> Benches:
        """Loads and times the default on one device. Raises as `DispatchBench.start` does."""
        benches = Benches(devices, program, default, dispatch, listen)
        devices.on_one(lambda: benches._bench(devices.runner))
        return benches

    @property
    def baseline_s(self) -> float:
        """Seconds of one run of the default, on one of the devices."""
        return self._known.baseline_s

    def default_evaluation(self) -> Evaluation:
        """Candidate 0: the compiler's own choice."""
        return self._known.default_evaluation()

    def rest(self) -> None:
        """Unloads everything, for another dispatch to be measured; what is needed is loaded again when it is needed."""
        for runner in self._devices.living:
            if runner in self._benches:
                try:
                    self._benches[runner].rest()
                except DeviceLostError as error:
                    self._devices.lose(runner, error)

    def evaluate(self, compilations: Sequence[Compilation]) -> Iterator[Evaluation]:
        """Checks and times candidates, each on the next free device, and yields their ends as they come.

        Those whose device is lost are measured on another. Raises DeviceLostError if all are lost.
        """
        if not compilations:
            return
        self._devices.preload(self._program, compilations)
        sampled: set[Runner] = set()
        if len(self._devices.living) == 1:
            for compilation in compilations:
                yield self._devices.on_one(partial(self._evaluate, self._devices.runner, compilation, sampled))
            return
        waiting = deque(compilations)
        running: dict[Future[Evaluation], tuple[Runner, Compilation]] = {}
        while waiting or running:
            busy = [runner for runner, _ in running.values()]
            for runner in [living for living in self._devices.living if living not in busy][: len(waiting)]:
                compilation = waiting.popleft()
                future = self._devices.submit(partial(self._evaluate, runner, compilation, sampled))
                running[future] = (runner, compilation)
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            self._pass_on()
            for future in ended:
                runner, compilation = running.pop(future)
                try:
                    yield future.result()
                except DeviceLostError as error:
                    waiting.appendleft(compilation)
                    self._devices.lose(runner, error)

    def final_costs(self, speedup: float) -> FinalCosts:
        """As `DispatchBench.final_costs`, on one of the devices."""
        return self._known.final_costs(speedup)

    def final(
        self,
        evaluations: Sequence[Evaluation],
        rng: np.random.Generator,
        min_gain: float,
        budget: Budget | None = None,
    ) -> Final | None:
        """As `DispatchBench.final`, on one device."""
        return self._devices.on_one(
            lambda: self._bench(self._devices.runner).final(evaluations, rng, min_gain, budget),
        )

    @property
    def _known(self) -> DispatchBench:
        """The bench of a device that is not lost, or if there is none, of one that is."""
        living = [self._benches[runner] for runner in self._devices.living if runner in self._benches]
        return (living or list(self._benches.values()))[0]

    def _evaluate(self, runner: Runner, compilation: Compilation, sampled: set[Runner]) -> Evaluation:
        """Measures one candidate; before the first of a batch on this runner, the default once more."""
        bench = self._bench(runner)
        if runner not in sampled:
            sampled.add(runner)
            bench.sample_baseline()
        return bench.evaluate(compilation)

    def _bench(self, runner: Runner) -> DispatchBench:
        if runner not in self._benches:
            try:
                self._benches[runner] = DispatchBench.start(
                    runner, self._program, self._default, dispatch=self._dispatch, listen=self._receive
                )
            except ToolError as error:
                if not self._benches:
                    raise
                raise DeviceLostError(
                    f"the device {runner.device.name} does not run what another ran: {error}"
                ) from error
        return self._benches[runner]

    def _receive(self, event: Event) -> None:
        """Events reach the listener on the thread that made the benches."""
        if threading.get_ident() == self._owner:
            self._listen(event)
        else:
            self._received.put(event)

    def _pass_on(self) -> None:
        while not self._received.empty():
            self._listen(self._received.get())
