# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs in memory, in the process that runs them: loaded, filled with data, run, compared and timed."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tuner.errors import MeasurementError
from tuner.measuring.clocks import Clock, dispatch_clock, host_clock
from tuner.measuring.correctness import Sensitivity, Tolerance, Verification, compare, sensitivity_of
from tuner.measuring.dispatch_data import Array
from tuner.measuring.programs import (
    DispatchProgram,
    GuardableProgram,
    JudgingProgram,
    LoadedProgram,
    MovableProgram,
    ProgramSource,
    TimingProgram,
)
from tuner.measuring.racecheck import RaceCheck, find_races_in_all
from tuner.measuring.repeating import Repeated, repeated
from tuner.targets import Device

_ANY_SEED = 1
# Outputs of fewer elements are seen under several moves: one move may leave a single number unchanged by chance.
_FEW_ELEMENTS, MOVES_OF_FEW = 256, 4


class ServedPrograms:
    """The programs of one process on one device, by name."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._host_clock = host_clock(device)
        self._dispatch_clock: Clock | None = None
        self._programs: dict[str, LoadedProgram] = {}
        self._sources: dict[str, ProgramSource] = {}
        self._cold: set[str] = set()
        self._references: dict[int, list[Array]] = {}

    def open_device(self) -> None:
        import iree.runtime as runtime

        runtime.get_device(self._device.uri)
        self._clock_of_dispatches()

    def load(self, key: str, source: ProgramSource) -> None:
        self._programs[key] = source.load(self._device.uri)
        self._sources[key] = source

    def unload(self, key: str) -> None:
        self._programs.pop(key, None)
        self._sources.pop(key, None)

    def renew(self) -> float:
        started = time.perf_counter()
        self._programs.clear()
        for key, source in self._sources.items():
            self._programs[key] = source.load(self._device.uri)
        for program in self._programs.values():
            program.fill(_ANY_SEED)
        self._cold = set(self._programs)
        return time.perf_counter() - started

    def reference(self, key: str, seed: int) -> float:
        self._references[seed], seconds = self._outputs(key, seed)
        return seconds

    def check(self, key: str, seed: int, tolerances: tuple[Tolerance, ...]) -> tuple[Verification, float]:
        outputs, seconds = self._outputs(key, seed)
        return self._judged(key, seed, outputs, tolerances), seconds

    def repeat(self, key: str, seed: int, runs: int, tolerances: tuple[Tolerance, ...], *, exactly: bool) -> Repeated:
        return repeated(
            lambda: self._outputs(key, seed)[0],
            lambda outputs: self._judged(key, seed, outputs, tolerances),
            runs,
            exactly=exactly,
        )

    def find_races(self, keys: Sequence[str], limit_s: float) -> list[RaceCheck]:
        for key in keys:
            self._program(key)
        return find_races_in_all([self._sources[key] for key in keys], self._device.uri, limit_s)

    def fill(self, key: str, seed: int) -> None:
        self._program(key).fill(seed)

    def sensitivity(self, key: str, seed: int, step: float) -> tuple[Sensitivity, ...]:
        program, reference = self._program(key), self._references[seed]
        outputs = []
        if step > 0.0 and isinstance(program, MovableProgram):
            few = any(array.size < _FEW_ELEMENTS for array in reference)
            for move in range(MOVES_OF_FEW if few else 1):
                program.fill_moved(seed, step, move)
                program.run(1)
                outputs.append(program.outputs())
        program.fill(seed)
        return sensitivity_of(reference, outputs)

    def time(self, key: str, times: int) -> float:
        program = self._program(key)
        if key in self._cold:
            self._cold.remove(key)
            if times > 1:
                program.run(1)
        own_s = program.timed(times) if isinstance(program, TimingProgram) else None
        if own_s is not None:
            return own_s
        # What else a whole function does, such as copies, is part of its time.
        is_dispatch = isinstance(self._sources[key], DispatchProgram)
        clock = self._clock_of_dispatches() if is_dispatch else self._host_clock
        return clock.seconds(program.run, times)

    def time_guarded(self, key: str, times: int) -> float:
        program = self._program(key)
        if not isinstance(program, GuardableProgram):
            raise MeasurementError(f"the data of '{key}' cannot be put between guard pages")
        with program.guarded():
            return self.time(key, times)

    def _clock_of_dispatches(self) -> Clock:
        if self._dispatch_clock is None:
            self._dispatch_clock = dispatch_clock(self._device)
        return self._dispatch_clock

    def _program(self, key: str) -> LoadedProgram:
        if key not in self._programs:
            raise MeasurementError(f"nothing is loaded as '{key}'; the process that held it has died")
        return self._programs[key]

    def _judged(self, key: str, seed: int, outputs: Sequence[Array], tolerances: tuple[Tolerance, ...]) -> Verification:
        program, reference = self._program(key), self._references[seed]
        reason = program.judge(reference, outputs) if isinstance(program, JudgingProgram) else None
        if reason is None:
            return compare(reference, outputs, tolerances)
        return Verification(not reason, 0.0, reason, tolerances[0])

    def _outputs(self, key: str, seed: int) -> tuple[list[Array], float]:
        program = self._program(key)
        program.fill(seed)
        seconds = self._host_clock.seconds(program.run, 1)
        return program.outputs(), seconds
