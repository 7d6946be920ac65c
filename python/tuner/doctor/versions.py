# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which versions are installed, and whether this package's metadata supports them."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, metadata, requires, version

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from tuner.doctor.findings import Finding, warning, wrong

_OURS = "iree-tuner"
# The latest release of IREE that the tests run with. A newer one is used, and a note says so.
_TESTED = "3.13"
_COMPILER, _RUNTIME = "iree-base-compiler", "iree-base-runtime"
# Reported even if supported; the others are reported only if they are not.
_ALWAYS_REPORTED = (_COMPILER, _RUNTIME, "z3-solver")


def check_versions() -> list[Finding]:
    """The versions of iree-tuner, of Python, and of the packages that iree-tuner needs."""
    found = [Finding(_OURS, version(_OURS)), check_python(metadata(_OURS)["Requires-Python"])]
    found += check_packages(_needed())
    return [*found, *_check_same_release()]


def check_iree() -> list[Finding]:
    """The versions of IREE's packages alone, which are looked up without importing them."""
    found = check_packages([needed for needed in _needed() if needed.name in (_COMPILER, _RUNTIME)])
    return [*found, *_check_same_release()]


def _needed() -> list[Requirement]:
    needed = [Requirement(text) for text in requires(_OURS) or ()]
    return [package for package in needed if package.marker is None or package.marker.evaluate({"extra": ""})]


def check_python(supported: str) -> Finding:
    """Whether the running Python is one that a specifier such as `>=3.11` allows."""
    running = platform.python_version()
    if SpecifierSet(supported).contains(running, prereleases=True):
        return Finding("python", running)
    return wrong("python", f"{running}, and {supported} is needed", "make an environment with a newer Python")


def check_packages(needed: Sequence[Requirement]) -> list[Finding]:
    """A finding for each package that is missing or unsupported, and for those that are always reported."""
    found = []
    for package in needed:
        is_iree = package.name in (_COMPILER, _RUNTIME)
        wanted = f"~={_TESTED}.0" if is_iree else package.specifier
        install = f"install it: pip install '{package.name}{wanted}'"
        try:
            installed = version(package.name)
        except PackageNotFoundError:
            found.append(wrong(package.name, f"not installed, and {package.specifier} is needed", install))
            continue
        if is_iree and Version(installed).release[:2] > Version(_TESTED).release:
            text = f"{installed}, newer than {_TESTED}, the latest release that was tested"
            found.append(warning(package.name, text, f"if something fails, {install}"))
        elif not package.specifier.contains(installed, prereleases=True):
            found.append(wrong(package.name, f"{installed}, and {package.specifier} is needed", install))
        elif package.name in _ALWAYS_REPORTED:
            found.append(Finding(package.name, f"{installed}, supported"))
    return found


def _check_same_release() -> list[Finding]:
    """A finding if the runtime is of another release than the compiler: programs are written for their own release."""
    try:
        compiler, runtime = version(_COMPILER), version(_RUNTIME)
    except PackageNotFoundError:
        return []
    if Version(compiler).release[:2] == Version(runtime).release[:2]:
        return []
    return [
        wrong(
            "compiler and runtime",
            f"of different releases ({compiler} and {runtime})",
            f"install the same release of both: pip install {_COMPILER}=={compiler} {_RUNTIME}=={compiler}",
        )
    ]
