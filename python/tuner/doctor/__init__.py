# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Examines an installation and a machine: what is installed, whether it works, and what to do if it does not."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tuner.doctor.findings import Finding, Severity, wrong
from tuner.doctor.versions import check_versions

__all__ = ["Finding", "Severity", "examine"]

_REINSTALL = "reinstall it: in its repository, pip install --force-reinstall ."


def examine(working_folder: Path, peaks: Path, threads: int = 1) -> Iterator[Finding]:
    """Yields each finding as soon as it is known.

    `working_folder` is where runs would be kept. The CPU's peaks on this number of threads go to the file `peaks`.
    """
    yield from check_versions()
    with tempfile.TemporaryDirectory(prefix="iree-tuner-doctor-") as temporary:
        scratch = Path(temporary)
        yield from _guarded("plugin", lambda: _plugin(scratch))
        yield from _guarded("devices", lambda: _devices(scratch))
        yield from _guarded("tools for GPUs", _gpu_tools)
        yield from _guarded("noise", lambda: _noise(scratch))
        yield from _guarded("peaks", lambda: _peaks(threads, peaks, scratch))
    yield from _machine(working_folder)


# The checks below import what may be missing or broken. An ImportError becomes a finding.


def _plugin(scratch: Path) -> Iterable[Finding]:
    from tuner import native
    from tuner.doctor.plugin import check_plugin

    return [check_plugin(native.plugin_path(), scratch)]


def _devices(scratch: Path) -> Iterable[Finding]:
    from tuner.doctor.devices import check_devices

    return check_devices(scratch)


def _gpu_tools() -> Iterable[Finding]:
    from tuner.doctor.gpu_tools import check_gpu_tools

    return check_gpu_tools()


def _noise(scratch: Path) -> Iterable[Finding]:
    from tuner.doctor.noise import check_noise

    return [check_noise(scratch)]


def _peaks(threads: int, keep: Path, scratch: Path) -> Iterable[Finding]:
    from tuner.doctor.peaks import check_peaks

    return [check_peaks(threads, keep, scratch)]


def _machine(working_folder: Path) -> Iterable[Finding]:
    from tuner.doctor.machine import check_folder, check_processors

    return [check_processors(), check_folder(working_folder)]


def _guarded(subject: str, check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except ImportError as error:
        yield wrong(subject, f"a part of the installation does not load ({error})", _REINSTALL)
