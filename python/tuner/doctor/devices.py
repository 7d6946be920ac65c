# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The devices that IREE's drivers find here, each tried with a tiny kernel."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import TimeoutError as FutureTimeoutError
from pathlib import Path

import pebble

from tuner.doctor.findings import Finding, Gravity, warning, wrong
from tuner.doctor.kernel import compile_kernel, verify_kernel
from tuner.errors import InputError, MeasurementError, ToolError
from tuner.measuring import Runner
from tuner.processes import deaf_to_interrupts
from tuner.targets import Device
from tuner.targets.choosing import choose_target
from tuner.targets.rocm_chip import find_chips

_QUERY_TIMEOUT_S = 60.0
# What IREE's loaders say where a driver's library is not on this machine.
_ABSENT = ("UNAVAILABLE", "NOT_FOUND")
# Tried as the others are, but nothing is tuned for it.
_WITHOUT_TARGET = ("vulkan",)


def check_devices(scratch: Path) -> Iterator[Finding]:
    """One finding for each device, and for each driver without one."""
    for driver, flags in _FLAGS.items():
        try:
            uris = _ask(driver)
        except MeasurementError as error:
            yield _without_device(driver, str(error))
            continue
        if not uris:
            yield Finding(driver, "no device")
        for uri, name in uris.items():
            finding = check_device(uri, name, flags, scratch)
            if driver in _WITHOUT_TARGET and finding.gravity is Gravity.WRONG:
                finding = warning(finding.subject, finding.text, "nothing: iree-tuner has no target for it")
            yield finding


def check_device(uri: str, name: str, flags: Callable[[], tuple[str, ...]], scratch: Path) -> Finding:
    """Compiles a tiny kernel with the flags, runs it on the device and looks at the result."""
    label = f"{uri} ({name})" if name else uri
    try:
        with Runner(Device(uri, (), "wall", label), log=scratch / "kernel.log") as runner:
            verification = verify_kernel(runner, compile_kernel(flags(), scratch))
    except (InputError, ToolError) as error:
        return wrong(label, f"no kernel can be compiled for it: {error}", "name a chip that IREE knows by --target")
    except MeasurementError as error:
        return wrong(label, f"a kernel does not run on it ({error})", "reinstall the device's driver, or leave it out")
    if not verification.passed:
        return wrong(
            label,
            f"a kernel computes something else there than numpy: {verification.detail}",
            "update the device's driver, or leave it out: nothing that it computes can be relied on",
        )
    return Finding(label, "a kernel compiles, runs and computes what it should")


def _without_device(driver: str, reason: str) -> Finding:
    if any(word in reason for word in _ABSENT):
        return Finding(driver, "no such driver on this machine")
    return warning(driver, f"its driver is here and fails ({reason})", "repair the driver, unless you do not need it")


def _ask(driver: str) -> dict[str, str]:
    """The devices' names by URI. Raises MeasurementError; the driver runs in a process that may crash or hang."""
    with pebble.ProcessPool(max_workers=1, context=multiprocessing.get_context("spawn")) as pool:
        with deaf_to_interrupts():
            asked = pool.schedule(_query, args=(driver,), timeout=_QUERY_TIMEOUT_S)
        try:
            found: dict[str, str] = asked.result()
        except FutureTimeoutError as error:
            raise MeasurementError(f"it did not answer within {_QUERY_TIMEOUT_S:.0f} s") from error
        except (RuntimeError, ValueError, pebble.ProcessExpired) as error:
            raise MeasurementError((str(error).splitlines() or [repr(error)])[0]) from error
        return found


def _query(driver: str) -> dict[str, str]:
    import iree.runtime as runtime

    if driver not in runtime.query_available_drivers():
        raise RuntimeError("UNAVAILABLE; this runtime was built without it")
    found = runtime.get_driver(driver).query_available_devices()
    if driver.startswith("local-"):
        return {driver: ""}
    return {f"{driver}://{each['path']}" if each["path"] else driver: each["name"] for each in found}


def _hip_flags() -> tuple[str, ...]:
    chips = find_chips()
    if not chips:
        raise InputError("the kernel driver does not say which chip it is")
    return choose_target(f"rocm:{chips[0]}").compile_flags


_FLAGS: Mapping[str, Callable[[], tuple[str, ...]]] = {
    "local-sync": lambda: choose_target("cpu").compile_flags,
    "local-task": lambda: choose_target("cpu").compile_flags,
    "cuda": lambda: choose_target("cuda").compile_flags,
    "hip": _hip_flags,
    "vulkan": lambda: ("--iree-hal-target-device=vulkan",),
}
