# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What can be run: sources that name a program, and the loaded programs that a runner works with.

A source is a small value that is sent to the runner's process and loaded there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from tuner.dispatch import Arithmetic, Region
from tuner.errors import MeasurementError
from tuner.foreign import reason_of
from tuner.measuring.dispatch_data import Array, DispatchData, model_inputs, moved, shared_data
from tuner.targets import Allocator


class LoadedProgram(Protocol):
    """A program in memory, ready to run."""

    def fill(self, seed: int) -> None:
        """Sets every input to random data that depends on the seed alone, every output to poison."""

    def run(self, times: int) -> None:
        """Runs the program `times` times and returns when the last run has ended."""

    def outputs(self) -> list[Array]:
        """Copies of what the last run wrote."""


@runtime_checkable
class GuardableProgram(Protocol):
    """A loaded program whose data can be put between guard pages (see `tuner.measuring.guarding`)."""

    def guarded(self) -> AbstractContextManager[None]:
        """While it is entered, nothing around the program's own data can be read or written."""


@runtime_checkable
class MovableProgram(Protocol):
    """A loaded program whose inputs can be moved slightly, which shows how its outputs depend on them."""

    def fill_moved(self, seed: int, step: float, move: int) -> None:
        """As `fill`, with each float input moved at random by up to `step` of its value. `move` numbers the moves."""


@runtime_checkable
class TimingProgram(Protocol):
    """A loaded program that may have a clock of its own, in place of the device's."""

    def timed(self, times: int) -> float | None:
        """Seconds of one run, from `times` runs in a row; None, and nothing was run, without such a clock."""


@runtime_checkable
class JudgingProgram(Protocol):
    """A loaded program that says itself whether its outputs are right, in place of `tuner.measuring.correctness`."""

    def judge(self, reference: Sequence[Array], outputs: Sequence[Array]) -> str | None:
        """Why the outputs are wrong beside the reference's, "" if they are right; None to leave it to the rule."""


class ProgramSource(Protocol):
    """A program that can be loaded on a device."""

    def load(self, device_uri: str) -> LoadedProgram:
        """Loads the program. Raises MeasurementError if that fails."""


@dataclass(frozen=True, slots=True)
class DispatchProgram:
    """A dispatch, compiled from a `BenchmarkProgram` into `binary`. `positive`: its random floats are in [0, 1)."""

    binary: Path
    entry: str
    buffer_setter: str
    buffer_bytes: int
    regions: tuple[Region, ...]
    arithmetic: Arithmetic = field(default_factory=Arithmetic)
    positive: bool = False

    def load(self, device_uri: str) -> LoadedProgram:
        return _LoadedDispatch(self, device_uri)


@dataclass(frozen=True, slots=True)
class FunctionProgram:
    """A function of a compiled model, called with random inputs of its declared types.

    `allocator`: what finds memory for its transient buffers. `device`: where it runs, if not where other programs do.
    """

    binary: Path
    function: str
    allocator: Allocator = "default"
    device: str = ""

    def load(self, device_uri: str) -> LoadedProgram:
        return _LoadedFunction(self, self.device or device_uri)


class _Module:
    """A binary that is loaded into a context of its own on one device."""

    def __init__(self, binary: Path, device_uri: str, allocator: Allocator = "default") -> None:
        import iree.runtime as runtime

        self.runtime = runtime
        try:
            instance = runtime.VmInstance()
            self.device = _device(device_uri, allocator)
            hal = runtime.create_hal_module(instance, self.device)
            self.module = runtime.VmModule.mmap(instance, str(binary))
            self.context = runtime.VmContext(instance, [hal, self.module])
        except (RuntimeError, ValueError, OSError) as error:
            on = device_uri if allocator == "default" else f"{device_uri} with the {allocator} allocator"
            raise MeasurementError(f"{binary} cannot be loaded on {on}: {reason_of(error)}") from error

    def function(self, name: str) -> Any:
        found = self.module.lookup_function(name)
        if found is None:
            raise MeasurementError(f"the compiled module has no function '{name}'")
        return found


def _device(uri: str, allocator: Allocator) -> Any:
    """The device that all programs share; with another allocator one more, for a single program.

    What that one keeps is freed with it, so a program that is loaded anew gets other memory.
    """
    import iree.runtime as runtime

    if allocator == "default":
        return runtime.get_device(uri)
    return runtime.get_driver(uri).create_device_by_uri(uri, allocators=[allocator])


class _LoadedDispatch:
    """A loaded dispatch. It gets its data when that is first needed, since programs may be loaded and never run."""

    def __init__(self, source: DispatchProgram, device_uri: str) -> None:
        self._module = _Module(source.binary, device_uri)
        self._entry = self._module.function(source.entry)
        self._source = source
        self._device_uri = device_uri
        self._data: DispatchData | None = None

    def fill(self, seed: int) -> None:
        self._bound().fill(seed)

    def fill_moved(self, seed: int, step: float, move: int) -> None:
        self._bound().fill_moved(seed, step, move)

    def run(self, times: int) -> None:
        self._bound()
        runtime = self._module.runtime
        arguments = runtime.VmVariantList(1)
        arguments.push_int(times)
        self._module.context.invoke(self._entry, arguments, runtime.VmVariantList(0))

    def outputs(self) -> list[Array]:
        return self._bound().outputs()

    def guarded(self) -> AbstractContextManager[None]:
        return self._bound().guarded()

    def _bound(self) -> DispatchData:
        if self._data is None:
            source, runtime = self._source, self._module.runtime
            self._data = shared_data(
                self._module.device,
                self._device_uri,
                source.buffer_bytes,
                source.regions,
                source.arithmetic,
                positive=source.positive,
            )
            arguments = runtime.VmVariantList(1)
            arguments.push_ref(self._data.view.ref)
            setter = self._module.function(source.buffer_setter)
            self._module.context.invoke(setter, arguments, runtime.VmVariantList(0))
        return self._data


class _LoadedFunction:
    """A loaded function of a model, with inputs of its own."""

    def __init__(self, source: FunctionProgram, device_uri: str) -> None:
        self._module = _Module(source.binary, device_uri, source.allocator)
        self._function = self._module.function(source.function)
        declaration = self._function.reflection.get("iree.abi.declaration", "")
        self._input_types = _declared_inputs(declaration, source.function)
        self._keeps_memory = source.allocator != "default"
        self._inputs: list[Any] = []
        self._results: Any = None

    def __del__(self) -> None:
        # Buffers end before their device does: its allocator takes them back.
        self._inputs, self._results = [], None

    def fill(self, seed: int) -> None:
        self._set_inputs(model_inputs(self._input_types, seed))
        if self._keeps_memory:
            # Only the first run asks the system for memory, and a user's runs are later ones.
            self.run(1)

    def fill_moved(self, seed: int, step: float, move: int) -> None:
        made = model_inputs(self._input_types, seed)
        self._set_inputs(
            [moved(data, step, np.random.default_rng([seed, index, move + 1])) for index, data in enumerate(made)]
        )

    def _set_inputs(self, inputs: Sequence[Array]) -> None:
        runtime = self._module.runtime
        self._results = None
        self._inputs = []
        for data in inputs:
            array = runtime.asdevicearray(
                self._module.device,
                data,
                memory_type=runtime.MemoryType.DEVICE_LOCAL,
                allowed_usage=runtime.BufferUsage.DEFAULT,
            )
            self._inputs.append(array._buffer_view)

    def run(self, times: int) -> None:
        runtime = self._module.runtime
        for _ in range(times):
            arguments = runtime.VmVariantList(len(self._inputs))
            for view in self._inputs:
                arguments.push_ref(view.ref)
            self._results = runtime.VmVariantList(1)
            self._module.context.invoke(self._function, arguments, self._results)

    def outputs(self) -> list[Array]:
        runtime = self._module.runtime
        arrays = []
        for index in range(len(self._results)):
            view = self._results.get_as_object(index, runtime.HalBufferView)
            arrays.append(runtime.DeviceArray(self._module.device, view).to_host().copy())
        return arrays


def _declared_inputs(declaration: str, name: str) -> list[tuple[tuple[int, ...], str]]:
    """The input types in `sync func @f(%input0: tensor<2x3xf32>, …) -> (…)`, which IREE writes into each module."""
    if not declaration:
        raise MeasurementError(f"function '{name}' declares no types; it cannot be called")
    inputs = []
    arguments = declaration.partition("->")[0].partition("(")[2]
    for declared in re.findall(r"%[^:,]+: ([^,)]+)", arguments):
        match = re.match(r"tensor<((?:\d+x)*)([a-z]+\d+(?:E\dM\d[A-Z]*)?)>", declared)
        if match is None:
            remedy = "; give it fixed sizes" if "?" in declared else ""
            raise MeasurementError(
                f"function '{name}' takes an input of type {declared.strip()}, not a tensor of fixed shape{remedy}"
            )
        shape = tuple(int(size) for size in match.group(1).split("x") if size)
        inputs.append((shape, match.group(2)))
    return inputs
