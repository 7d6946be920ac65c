# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The devices that IREE's drivers find here. Each is tried with a small matrix product."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import TimeoutError as FutureTimeoutError
from pathlib import Path

import pebble

from tuner.doctor.findings import Finding, Severity, warning, wrong
from tuner.doctor.product import compile_product, verify_product
from tuner.errors import InputError, MeasurementError, ToolError
from tuner.foreign import reason_of
from tuner.measuring import Runner
from tuner.processes import interrupts_blocked
from tuner.targets import Device
from tuner.targets.choosing import choose_target
from tuner.targets.rocm_chip import find_chips

_QUERY_TIMEOUT_S = 60.0
# What IREE's loaders report if a driver's library is not on this machine.
_ABSENT = ("UNAVAILABLE", "NOT_FOUND")
# Drivers that are tried like the others, although iree-tuner has no target for them.
_WITHOUT_TARGET = ("vulkan",)


def check_devices(scratch: Path) -> Iterator[Finding]:
    """Yields a finding for each device, and one for each driver that has no device."""
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
            if driver in _WITHOUT_TARGET and finding.severity is Severity.WRONG:
                finding = warning(finding.subject, finding.text, "nothing: iree-tuner has no target for it")
            yield finding


def check_device(uri: str, name: str, flags: Callable[[], tuple[str, ...]], scratch: Path) -> Finding:
    """Compiles a matrix product with the flags, runs it on the device and compares the result with numpy's."""
    label = f"{uri} ({name})" if name else uri
    try:
        with Runner(Device(uri, (), "wall", label), log=scratch / "product.log") as runner:
            verification = verify_product(runner, compile_product(flags(), scratch))
    except (InputError, ToolError) as error:
        return wrong(
            label, f"no matrix product can be compiled for it: {error}", "name a chip that IREE knows by --target"
        )
    except MeasurementError as error:
        return wrong(
            label, f"a matrix product does not run on it ({error})", "reinstall the driver, or leave the device out"
        )
    if not verification.passed:
        return wrong(
            label,
            f"a matrix product there differs from numpy's: {verification.detail}",
            "update the driver, or leave the device out: its results are wrong",
        )
    return Finding(label, "a matrix product compiles, runs and is correct")


def _without_device(driver: str, reason: str) -> Finding:
    if any(word in reason for word in _ABSENT):
        return Finding(driver, "no such driver on this machine")
    return warning(driver, f"its driver is installed but fails ({reason})", "repair the driver if you need it")


def _ask(driver: str) -> dict[str, str]:
    """The devices' names by URI, from a process of its own, since drivers crash and hang. Raises MeasurementError."""
    with pebble.ProcessPool(max_workers=1, context=multiprocessing.get_context("spawn")) as pool:
        with interrupts_blocked():
            asked = pool.schedule(_query, args=(driver,), timeout=_QUERY_TIMEOUT_S)
        try:
            found: dict[str, str] = asked.result()
        except FutureTimeoutError as error:
            raise MeasurementError(f"it did not answer within {_QUERY_TIMEOUT_S:.0f} s") from error
        except (RuntimeError, ValueError, pebble.ProcessExpired) as error:
            raise MeasurementError(reason_of(error)) from error
        return found


def _query(driver: str) -> dict[str, str]:
    import iree.runtime as runtime

    if driver not in runtime.query_available_drivers():
        raise RuntimeError("UNAVAILABLE; this runtime was built without it")
    found = runtime.get_driver(driver).query_available_devices()
    if driver.startswith("local-"):
        return {driver: ""}
    return {f"{driver}://{device['path']}" if device["path"] else driver: device["name"] for device in found}


def _hip_flags() -> tuple[str, ...]:
    chips = find_chips()
    if not chips:
        raise InputError("the Linux kernel driver does not say which chip it is")
    return choose_target(f"rocm:{chips[0]}").compile_flags


_FLAGS: Mapping[str, Callable[[], tuple[str, ...]]] = {
    "local-sync": lambda: choose_target("cpu").compile_flags,
    "local-task": lambda: choose_target("cpu").compile_flags,
    "cuda": lambda: choose_target("cuda").compile_flags,
    "hip": _hip_flags,
    "vulkan": lambda: ("--iree-hal-target-device=vulkan",),
}
