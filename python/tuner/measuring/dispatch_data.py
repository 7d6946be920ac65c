# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The data that a dispatch works on, in its device's own memory.

All transfers are copies, so the host need not be able to reach the memory. Inputs are made and sent once for a seed and
then kept on the device. All programs of one dispatch share them. What is random is remembered on the host as well, for
programs that are loaded anew.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

from tuner.dispatch import Arithmetic, Region
from tuner.errors import MeasurementError
from tuner.measuring.correctness import epsilon_of, is_float, name_of, nonzero_factors
from tuner.measuring.guarding import guarded, pages_between
from tuner.measuring.remembering import Remembered

Array = npt.NDArray[Any]

# The seed of data on which a dispatch's sums are exact (see `tuner.measuring.correctness`).
EXACT_SEED = 0
# Images of fresh contents that are kept at least: of the exact data, and of the seed that candidates are timed on.
_IMAGES = 2
# Bytes of device memory up to which more images are kept, so that finalists find the data of every seed.
_IMAGE_BYTES = 2**30
# Random data, in at most so many bytes of the host's memory.
_remembered = Remembered(2**28)

_DTYPES: dict[str, npt.DTypeLike] = {
    "f64": np.float64,
    "f32": np.float32,
    "f16": np.float16,
    "bf16": ml_dtypes.bfloat16,
    "f8E4M3FN": ml_dtypes.float8_e4m3fn,
    "f8E5M2": ml_dtypes.float8_e5m2,
    "f8E4M3FNUZ": ml_dtypes.float8_e4m3fnuz,
    "f8E5M2FNUZ": ml_dtypes.float8_e5m2fnuz,
    "i64": np.int64,
    "i32": np.int32,
    "i16": np.int16,
    "i8": np.int8,
    "i1": np.bool_,
}


def dtype_of(element_type: str) -> np.dtype[Any]:
    """numpy's type for MLIR's element type. Raises MeasurementError if numpy has none."""
    if element_type not in _DTYPES:
        raise MeasurementError(f"data of type {element_type} cannot be made or compared yet")
    return np.dtype(_DTYPES[element_type])


def random_array(shape: Sequence[int], dtype: npt.DTypeLike, rng: np.random.Generator) -> Array:
    """Random data of magnitude 1: floats uniform in [-1, 1), integers in [-4, 4]."""
    kind = np.dtype(dtype)
    if is_float(kind):
        data = rng.random(tuple(shape), dtype=np.float64 if kind == np.float64 else np.float32)
        data *= 2
        data -= 1
        return data.astype(kind, copy=False)
    if kind == np.bool_:
        return rng.integers(0, 2, tuple(shape)).astype(kind)
    return rng.integers(-4, 5, tuple(shape)).astype(kind)


def model_input(shape: Sequence[int], dtype: npt.DTypeLike, rng: np.random.Generator) -> Array:
    """Random data for an input of a whole model: as `random_array`, but integers are 0 or 1.

    A model's integers are mostly indices and masks, and 0 and 1 are valid as both.
    """
    kind = np.dtype(dtype)
    if kind.kind in "iu":
        return rng.integers(0, 2, tuple(shape)).astype(kind)
    return random_array(shape, kind, rng)


def model_inputs(types: Sequence[tuple[tuple[int, ...], str]], seed: int) -> list[Array]:
    """Random inputs of a model, of these types (shape, element type). They depend on the seed alone; do not write."""

    def made(index: int, shape: tuple[int, ...], element_type: str) -> Array:
        return _remembered.get(
            (seed, index, shape, element_type),
            lambda: model_input(shape, dtype_of(element_type), np.random.default_rng([seed, index])),
        )

    return [made(index, shape, element_type) for index, (shape, element_type) in enumerate(types)]


def moved(data: Array, step: float, rng: np.random.Generator) -> Array:
    """Floats, each moved up or down by a random part of `step` of its value; other data unchanged.

    If `step` is below the type's epsilon, floats move by up to the epsilon instead, but only `step` / epsilon of them.
    """
    if not is_float(data.dtype):
        return data
    reach = max(step, epsilon_of(name_of(data.dtype)))
    by = rng.uniform(-reach, reach, data.shape)
    if step < reach:
        by *= rng.random(data.shape) < step / reach
    return np.asarray(data.astype(np.float64) * (1.0 + by)).astype(data.dtype)


def exact_array(shape: Sequence[int], dtype: npt.DTypeLike, nonzero: float, rng: np.random.Generator) -> Array:
    """Floats -1, 0 and 1, of which the part `nonzero` is not 0; other types as `random_array`."""
    if not is_float(np.dtype(dtype)):
        return random_array(shape, dtype, rng)
    drawn = rng.random(tuple(shape), dtype=np.float32)
    return ((drawn < nonzero / 2).astype(np.int8) - (drawn > 1 - nonzero / 2).astype(np.int8)).astype(dtype)


class DispatchData:
    """The buffer that a dispatch runs on, images of its fresh contents, and a way to read the outputs."""

    def __init__(
        self,
        device: Any,
        buffer_bytes: int,
        regions: Sequence[Region],
        arithmetic: Arithmetic | None = None,
        *,
        positive: bool = False,
    ) -> None:
        """`device` is an `iree.runtime.HalDevice`, `arithmetic` that of the dispatch (default: none that rounds).

        `positive`: random floats are in [0, 1) instead of [-1, 1), for roots and logarithms of inputs.
        Raises MeasurementError for data that numpy cannot make.
        """
        import iree.runtime as runtime

        self._runtime = runtime
        self._device = device
        self._bytes = buffer_bytes
        self._regions = tuple(regions)
        self._dtypes = [dtype_of(region.element_type) for region in regions]
        self._positive = positive
        factors = sum(1 for region in regions if region.access == "read" and is_float(dtype_of(region.element_type)))
        self._nonzero = nonzero_factors(arithmetic or Arithmetic(), factors)
        self._images: dict[int, Any] = {}
        self._buffer = device.allocator.allocate_buffer(
            memory_type=int(runtime.MemoryType.DEVICE_LOCAL),
            allowed_usage=int(runtime.BufferUsage.DEFAULT),
            allocation_size=buffer_bytes,
        )
        outputs = sum(self._size(index) for index, region in enumerate(regions) if region.access != "read")
        self._readback = device.allocator.allocate_buffer(
            # Without HOST_CACHED, CUDA allocates memory that the host reads a hundred times slower.
            memory_type=runtime.MemoryType.HOST_LOCAL
            | runtime.MemoryType.HOST_CACHED
            | int(runtime.MemoryType.DEVICE_VISIBLE),
            allowed_usage=runtime.BufferUsage.TRANSFER | runtime.BufferUsage.MAPPING,
            allocation_size=max(1, outputs),
        )

    @property
    def view(self) -> Any:
        """The buffer as an `iree.runtime.HalBufferView` of bytes."""
        return self._runtime.HalBufferView(self._buffer, [self._bytes], self._runtime.HalElementType.UINT_8)

    def fill(self, seed: int) -> None:
        """Sets every input to random data that depends on the seed alone, every output to poison.

        EXACT_SEED gives data on which sums are exact.
        """
        if seed not in self._images:
            if len(self._images) >= max(_IMAGES, _IMAGE_BYTES // max(1, self._bytes)):
                del self._images[next(iter(self._images))]
            key = seed, self._bytes, self._regions, self._nonzero, self._positive
            contents = _remembered.get(key, lambda: self._contents(self._made(seed)))
            self._images[seed] = self._image(contents)
        self._restore(self._images[seed])

    def fill_moved(self, seed: int, step: float, move: int) -> None:
        """As `fill`, with each float input moved at random by up to `step` of its value. `move` numbers the moves."""

        def make(region: Region, dtype: np.dtype[Any], index: int) -> Array:
            data = self._made(seed)(region, dtype, index)
            return moved(data, step, np.random.default_rng([seed, index, move + 1]))

        self._restore(self._image(self._contents(make)))

    def _image(self, contents: Array) -> Any:
        return self._device.allocator.allocate_buffer_copy(
            memory_type=int(self._runtime.MemoryType.DEVICE_LOCAL),
            allowed_usage=int(self._runtime.BufferUsage.DEFAULT),
            device=self._device,
            buffer=contents,
        )

    def _restore(self, image: Any) -> None:
        commands = self._runtime.HalCommandBuffer(self._device)
        commands.copy(image, self._buffer, end=True)
        self._submit(commands)

    def outputs(self) -> list[Array]:
        """Copies of what the last run wrote."""
        written = [index for index, region in enumerate(self._regions) if region.access != "read"]
        commands = self._runtime.HalCommandBuffer(self._device)
        offset = 0
        for index in written:
            size = self._size(index)
            commands.copy(self._buffer, self._readback, self._regions[index].offset_bytes, offset, size)
            offset += size
        commands.end()
        self._submit(commands)
        memory = self._readback.map().asarray([max(1, offset)], np.dtype(np.uint8))
        arrays, offset = [], 0
        for index in written:
            size = self._size(index)
            array = memory[offset : offset + size].copy()
            arrays.append(array.view(self._dtypes[index]).reshape(self._regions[index].shape))
            offset += size
        return arrays

    def guarded(self) -> AbstractContextManager[None]:
        """While it is entered, only the regions can be read or written. For buffers in the host's memory alone."""
        mapped = self._buffer.map()
        address = mapped.asarray([self._bytes], np.dtype(np.uint8)).ctypes.data
        regions = [
            (region.offset_bytes, region.offset_bytes + self._size(index)) for index, region in enumerate(self._regions)
        ]
        return guarded(pages_between(address, regions, self._bytes))

    def _size(self, index: int) -> int:
        return int(np.prod(self._regions[index].shape, dtype=np.int64)) * self._dtypes[index].itemsize

    def _made(self, seed: int) -> Callable[[Region, np.dtype[Any], int], Array]:
        """The function that makes the input of a region, given the region's type and index."""

        def make(region: Region, dtype: np.dtype[Any], index: int) -> Array:
            rng = np.random.default_rng([seed, index])
            if seed == EXACT_SEED:
                return exact_array(region.shape, dtype, self._nonzero, rng)
            data = random_array(region.shape, dtype, rng)
            return np.abs(data) if self._positive and is_float(dtype) else data

        return make

    def _contents(self, make: Callable[[Region, np.dtype[Any], int], Array]) -> Array:
        memory = np.zeros(self._bytes, np.uint8)
        for index, (region, dtype) in enumerate(zip(self._regions, self._dtypes, strict=True)):
            place = memory[region.offset_bytes : region.offset_bytes + self._size(index)]
            array = place.view(dtype).reshape(region.shape)
            if region.access == "write":
                array[...] = np.nan if is_float(dtype) else 85
            else:
                array[...] = make(region, dtype, index)
        return memory

    def _submit(self, commands: Any) -> None:
        """Runs a command buffer and waits until it has finished."""
        semaphore = self._device.create_semaphore(0)
        self._device.queue_execute(commands, [], [(semaphore, 1)])
        self._runtime.HalFence.create_at(semaphore, 1).wait()


_Key = tuple[str, int, tuple[Region, ...], Arithmetic, bool]
_shared: weakref.WeakValueDictionary[_Key, DispatchData] = weakref.WeakValueDictionary()


def shared_data(
    device: Any,
    device_uri: str,
    buffer_bytes: int,
    regions: tuple[Region, ...],
    arithmetic: Arithmetic,
    *,
    positive: bool = False,
) -> DispatchData:
    """The data of a dispatch on this process's device. All programs that are loaded at the same time share it."""
    key = (device_uri, buffer_bytes, regions, arithmetic, positive)
    data = _shared.get(key)
    if data is None:
        data = _shared[key] = DispatchData(device, buffer_bytes, regions, arithmetic, positive=positive)
    return data
