# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the lit suite and the native tests with our code under AddressSanitizer and UBSan.

    python scripts/sanitize.py [--fuzz MINUTES]

Builds the CMake preset `sanitize` with this environment's Python and nanobind. The host,
iree-opt or Python, is not instrumented, so the sanitizers' runtimes are preloaded and the
search for leaks is off. With `--fuzz` the fuzzer runs afterwards.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "sanitize"
SITE = BUILD / "site"
RUNTIMES = ("libasan.so", "libubsan.so", "libstdc++.so.6")
BUILD_TIMEOUT_S = 900
RUN_TIMEOUT_S = 1800


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--fuzz", type=float, default=0, metavar="MINUTES")
    options = parser.parse_args()
    _build()
    environment = _environment()
    lit = "from lit.main import main; main()"
    commands = [
        [sys.executable, "-c", lit, "-v", "-j2", "lit_tests"],
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("--confcutdir=tests/native", "tests/native"),
        ],
    ]
    if options.fuzz:
        commands.append([sys.executable, "scripts/fuzz_native.py", "--minutes", str(options.fuzz)])
    codes = [
        subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            timeout=RUN_TIMEOUT_S + 60 * options.fuzz,
            check=False,
        ).returncode
        for command in commands
    ]
    return max(codes)


def _build() -> None:
    python = f"-DPython_EXECUTABLE={sys.executable}"
    tools = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    shutil.rmtree(SITE, ignore_errors=True)
    for command in (
        ["cmake", "--preset", "sanitize", python],
        ["cmake", "--build", "--preset", "sanitize", "-j2"],
        ["cmake", "--install", str(BUILD), "--prefix", str(SITE)],
    ):
        subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=BUILD_TIMEOUT_S)
    shutil.copytree(ROOT / "python" / "tuner", SITE / "tuner", dirs_exist_ok=True, ignore=_ignore_caches)
    for library in SITE.glob("tuner/native/*.so"):
        if b"__asan_init" not in library.read_bytes():
            sys.exit(f"error: {library} is not instrumented")


_ignore_caches = shutil.ignore_patterns("__pycache__", "*.so")


def _environment() -> dict[str, str]:
    preloads = [
        subprocess.run(
            ["g++", f"-print-file-name={runtime}"],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout.strip()
        for runtime in RUNTIMES
    ]
    return {
        **os.environ,
        "LD_PRELOAD": " ".join(preloads),
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
        "PYTHONPATH": str(SITE),
        "IREE_TUNER_LIT_OUTPUT": str(BUILD / "lit"),
    }


if __name__ == "__main__":
    sys.exit(main())
