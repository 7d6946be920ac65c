# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which NVIDIA GPU this machine has, and the chip that IREE can compile for it."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

from tuner.errors import InputError

# Chips by compute capability for which IREE 3.13 has limits and instructions. PTX for one runs on every later GPU, so
# other GPUs get the latest chip before them. 8.9 serves only itself: it has far less shared memory than 8.0, and code
# for it would limit later GPUs to that.
# Source: KnownTargets.cpp in IREE; sm_90 does not compile with 3.9 to 3.13.
_CHIPS = {(12, 0): "sm_120", (8, 9): "sm_89", (8, 7): "sm_87", (8, 6): "sm_86", (8, 0): "sm_80", (7, 5): "sm_75"}
_FOR_OTHERS = ((8, 0), (7, 5))
# Source: CUdevice_attribute in cuda.h.
_MAJOR, _MINOR, _PROCESSORS = 75, 76, 16


@dataclass(frozen=True, slots=True)
class CudaDevice:
    """A GPU by its name, as in "NVIDIA H200", its compute capability, and how many multiprocessors it has."""

    name: str
    capability: tuple[int, int]
    processors: int

    @property
    def chip(self) -> str:
        """What NVIDIA's tools call it, as in sm_90, whether IREE compiles for it or not."""
        major, minor = self.capability
        return f"sm_{major}{minor}"


def find_devices() -> tuple[CudaDevice, ...]:
    """This machine's NVIDIA GPUs in the driver's order. Raises InputError if there is none."""
    hint = "name a chip, as in --target cuda:sm_80"
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        raise InputError(f"this machine has no NVIDIA driver (libcuda.so.1); {hint}") from error
    count, device = ctypes.c_int(), ctypes.c_int()
    asked = (_MAJOR, _MINOR, _PROCESSORS)
    name = ctypes.create_string_buffer(256)
    ended = [cuda.cuInit(0), cuda.cuDeviceGetCount(ctypes.byref(count))]
    found = []
    for place in range(count.value):
        ended += [
            cuda.cuDeviceGet(ctypes.byref(device), place),
            cuda.cuDeviceGetName(name, len(name), device),
        ]
        answers = [ctypes.c_int() for _ in asked]
        ended += [
            cuda.cuDeviceGetAttribute(ctypes.byref(answer), attribute, device)
            for answer, attribute in zip(answers, asked, strict=True)
        ]
        major, minor, processors = (answer.value for answer in answers)
        found.append(CudaDevice(name.value.decode(errors="replace"), (major, minor), processors))
    if any(ended) or not found:
        raise InputError(f"the NVIDIA driver finds no GPU (error {next(filter(None, ended), 0)}); {hint}")
    return tuple(found)


def chip_for(device: CudaDevice) -> str:
    """The chip to compile for so that the code runs on the device. Raises InputError for a GPU that is too old."""
    if device.capability in _CHIPS:
        return _CHIPS[device.capability]
    for capability in _FOR_OTHERS:
        if capability <= device.capability:
            return _CHIPS[capability]
    raise InputError(f"IREE has no matrix instructions for {device.name}; name a chip, as in --target cuda:sm_70")
