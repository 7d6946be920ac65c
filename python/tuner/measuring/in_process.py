# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs programs in the process that asks: for those that no other process can load. Nothing protects it from them."""

from __future__ import annotations

from typing import TypeVar

from tuner.errors import MeasurementError
from tuner.foreign import reason_of
from tuner.measuring.calls import Call
from tuner.measuring.served import ServedPrograms
from tuner.targets import Device

T = TypeVar("T")


class InProcess:
    """A transport (`tuner.measuring.Transport`) that calls directly. It knows no time limit, and a crash is the end."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._programs = ServedPrograms(device)
        self._generation = 0
        self._is_closed = False

    @property
    def generation(self) -> int:
        """The number of restarts."""
        return self._generation

    def start(self) -> None:
        """Nothing starts."""

    def ask(self, call: Call[T], *, timeout_s: float) -> T:
        """Makes the call. Raises MeasurementError if it fails."""
        del timeout_s
        if self._is_closed:
            raise MeasurementError("the run is ending")
        try:
            return call.on(self._programs)
        except MemoryError as error:
            raise MeasurementError(f"it needs more memory than there is ({error or 'no more of it'})") from error
        except (RuntimeError, ValueError, OSError) as error:
            raise MeasurementError(reason_of(error)) from error

    def restart(self) -> None:
        """Forgets all programs and their references."""
        self._programs = ServedPrograms(self._device)
        self._generation += 1

    def close(self, *, at_once: bool = False) -> None:
        """Forgets all programs; later calls fail."""
        del at_once
        self._is_closed = True
        self._programs = ServedPrograms(self._device)
