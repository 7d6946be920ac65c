# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which versions are installed, and whether this package supports them, by its own metadata."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, metadata, requires, version

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from tuner.doctor.findings import Finding, wrong

_OURS = "iree-tuner"
_COMPILER, _RUNTIME = "iree-base-compiler", "iree-base-runtime"
# Told even where all is fine; the others are told where they are not.
_ALWAYS_TOLD = (_COMPILER, _RUNTIME, "z3-solver")


def check_versions() -> list[Finding]:
    """Our version, Python's, and that of everything that we need."""
    found = [Finding(_OURS, version(_OURS)), check_python(metadata(_OURS)["Requires-Python"])]
    found += check_packages(_needed())
    return [*found, *_check_same_release()]


def check_iree() -> list[Finding]:
    """The versions of IREE's packages alone, looked up and not imported."""
    found = check_packages([each for each in _needed() if each.name in (_COMPILER, _RUNTIME)])
    return [*found, *_check_same_release()]


def _needed() -> list[Requirement]:
    needed = [Requirement(text) for text in requires(_OURS) or ()]
    return [each for each in needed if each.marker is None or each.marker.evaluate({"extra": ""})]


def check_python(supported: str) -> Finding:
    """The running Python against a specifier such as `>=3.11`."""
    running = platform.python_version()
    if SpecifierSet(supported).contains(running, prereleases=True):
        return Finding("python", running)
    return wrong("python", f"{running}, and {supported} is needed", "make an environment with a newer Python")


def check_packages(needed: Sequence[Requirement]) -> list[Finding]:
    """What is installed against what is needed."""
    found = []
    for each in needed:
        install = f"install it: pip install '{each.name}{each.specifier}'"
        try:
            installed = version(each.name)
        except PackageNotFoundError:
            found.append(wrong(each.name, f"not installed, and {each.specifier} is needed", install))
            continue
        if not each.specifier.contains(installed, prereleases=True):
            found.append(wrong(each.name, f"{installed}, and {each.specifier} is needed", install))
        elif each.name in _ALWAYS_TOLD:
            found.append(Finding(each.name, f"{installed}, supported"))
    return found


def _check_same_release() -> list[Finding]:
    """A program is written for the runtime of its compiler's release."""
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
            f"install the same one of both: pip install {_COMPILER}=={compiler} {_RUNTIME}=={compiler}",
        )
    ]
