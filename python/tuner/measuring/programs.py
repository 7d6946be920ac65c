# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What can be run: sources that name a program, and the loaded programs that a runner works with.

A source is a small value that crosses to the runner's process and is loaded there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import ml_dtypes
import numpy as np
import numpy.typing as npt

from tuner.dispatch import Region
from tuner.errors import MeasurementError
from tuner.measuring.correctness import is_float

Array = npt.NDArray[Any]

_DTYPES: dict[str, npt.DTypeLike] = {
    "f64": np.float64,
    "f32": np.float32,
    "f16": np.float16,
    "bf16": ml_dtypes.bfloat16,
    "f8E4M3FN": ml_dtypes.float8_e4m3fn,
    "f8E5M2": ml_dtypes.float8_e5m2,
    "i64": np.int64,
    "i32": np.int32,
    "i16": np.int16,
    "i8": np.int8,
    "i1": np.bool_,
}


class LoadedProgram(Protocol):
    """A program in memory, ready to run."""

    def fill(self, seed: int) -> None:
        """Sets every input to random data that depends on the seed alone, every output to poison."""

    def run(self, times: int) -> None:
        """Runs the program `times` times and returns when the last run has ended."""

    def outputs(self) -> list[Array]:
        """Copies of what the last run wrote."""


class ProgramSource(Protocol):
    """A program that can be loaded on a device."""

    def load(self, device_uri: str) -> LoadedProgram:
        """Loads it. Raises MeasurementError where that fails."""


def random_array(shape: Sequence[int], dtype: npt.DTypeLike, rng: np.random.Generator) -> Array:
    """Random data of magnitude 1: floats uniform in [-1, 1), integers in [-4, 4]."""
    kind = np.dtype(dtype)
    if is_float(kind):
        data = rng.random(tuple(shape), dtype=np.float32)
        data *= 2
        data -= 1
        return data.astype(kind, copy=False)
    if kind == np.bool_:
        return rng.integers(0, 2, tuple(shape)).astype(kind)
    return rng.integers(-4, 5, tuple(shape)).astype(kind)


def _poison(array: Array) -> None:
    array[...] = np.nan if is_float(array.dtype) else 85


def dtype_of(element_type: str) -> np.dtype[Any]:
    """numpy's type for MLIR's element type. Raises MeasurementError where numpy has none."""
    if element_type not in _DTYPES:
        raise MeasurementError(f"data of type {element_type} cannot be made or compared yet")
    return np.dtype(_DTYPES[element_type])


@dataclass(frozen=True, slots=True)
class DispatchProgram:
    """One dispatch, compiled from a `BenchmarkProgram` into `binary`."""

    binary: Path
    entry: str
    buffer_getter: str
    buffer_bytes: int
    regions: tuple[Region, ...]

    def load(self, device_uri: str) -> LoadedProgram:
        return _LoadedDispatch(self, device_uri)


@dataclass(frozen=True, slots=True)
class FunctionProgram:
    """A function of a compiled model, called with random inputs of its declared types."""

    binary: Path
    function: str

    def load(self, device_uri: str) -> LoadedProgram:
        return _LoadedFunction(self, device_uri)


class _Module:
    """A binary loaded into a context of its own on one device."""

    def __init__(self, binary: Path, device_uri: str) -> None:
        import iree.runtime as runtime

        self.runtime = runtime
        try:
            instance = runtime.VmInstance()
            self.device = runtime.get_device(device_uri)
            hal = runtime.create_hal_module(instance, self.device)
            self.module = runtime.VmModule.mmap(instance, str(binary))
            self.context = runtime.VmContext(instance, [hal, self.module])
        except (RuntimeError, ValueError, OSError) as error:
            raise MeasurementError(
                f"{binary} cannot be loaded on {device_uri}: {str(error).splitlines()[0]}"
            ) from error

    def function(self, name: str) -> Any:
        found = self.module.lookup_function(name)
        if found is None:
            raise MeasurementError(f"the compiled module has no function '{name}'")
        return found


class _LoadedDispatch:
    def __init__(self, source: DispatchProgram, device_uri: str) -> None:
        self._module = _Module(source.binary, device_uri)
        runtime = self._module.runtime
        results = runtime.VmVariantList(1)
        self._module.context.invoke(self._module.function(source.buffer_getter), runtime.VmVariantList(0), results)
        self._view = results.get_as_object(0, runtime.HalBufferView)
        self._mapping = self._view.map()
        memory = self._mapping.asarray([source.buffer_bytes], np.dtype(np.uint8))
        self._entry = self._module.function(source.entry)
        self._regions = [(region, _view_of(memory, region)) for region in source.regions]

    def fill(self, seed: int) -> None:
        for index, (region, array) in enumerate(self._regions):
            if region.access == "write":
                _poison(array)
            else:
                rng = np.random.default_rng([seed, index])
                array[...] = random_array(array.shape, array.dtype, rng)

    def run(self, times: int) -> None:
        runtime = self._module.runtime
        arguments = runtime.VmVariantList(1)
        arguments.push_int(times)
        self._module.context.invoke(self._entry, arguments, runtime.VmVariantList(0))

    def outputs(self) -> list[Array]:
        return [array.copy() for region, array in self._regions if region.access != "read"]


def _view_of(memory: Array, region: Region) -> Array:
    dtype = dtype_of(region.element_type)
    count = int(np.prod(region.shape, dtype=np.int64))
    end = region.offset_bytes + count * dtype.itemsize
    return memory[region.offset_bytes : end].view(dtype).reshape(region.shape)


class _LoadedFunction:
    def __init__(self, source: FunctionProgram, device_uri: str) -> None:
        self._module = _Module(source.binary, device_uri)
        self._function = self._module.function(source.function)
        declaration = self._function.reflection.get("iree.abi.declaration", "")
        self._input_types = _declared_inputs(declaration, source.function)
        self._inputs: list[Any] = []
        self._results: Any = None

    def fill(self, seed: int) -> None:
        runtime = self._module.runtime
        self._results = None
        self._inputs = []
        for index, (shape, element_type) in enumerate(self._input_types):
            rng = np.random.default_rng([seed, index])
            data = random_array(shape, dtype_of(element_type), rng)
            self._inputs.append(runtime.asdevicearray(self._module.device, data)._buffer_view)

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
    """The inputs of `sync func @f(%input0: tensor<2x3xf32>, …) -> (…)`, which IREE writes into each module."""
    if not declaration:
        raise MeasurementError(f"function '{name}' declares no types; it cannot be called")
    inputs = []
    arguments = declaration.partition("->")[0].partition("(")[2]
    for declared in re.findall(r"%[^:,]+: ([^,)]+)", arguments):
        match = re.match(r"tensor<((?:\d+x)*)([a-z]+\d+)>", declared)
        if match is None:
            raise MeasurementError(
                f"function '{name}' takes an input of type {declared.strip()}, not a tensor of fixed shape"
            )
        shape = tuple(int(size) for size in match.group(1).split("x") if size)
        inputs.append((shape, match.group(2)))
    return inputs
