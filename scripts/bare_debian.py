# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Installs wheels and runs the demo in bare Debian systems, which have no compiler and no clone, and times each step.

    sudo python scripts/bare_debian.py WHEELS [--suite bookworm] [--suite trixie] [--work FOLDER]

WHEELS is a folder of iree_tuner's wheels: pip takes the one for the system's Python. A system holds Debian's minimal
packages, Python with venv, and certificates. It is made by `debootstrap` (Debian: `apt install debootstrap`), which
needs root, and kept in the work folder for the next time; the environment in it is made anew. The host's certificates
and DNS serve the system too. The exit code is 0 if every step passed on every system.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MIRROR = "http://deb.debian.org/debian"
PACKAGES = "ca-certificates,python3-venv"
STEP_TIMEOUT_S = 900
# What the host lends: how names are resolved, and whom to trust.
LENT = ("/etc/resolv.conf", "/etc/ssl/certs/ca-certificates.crt")
# Settings of pip that hold in the system too.
PIP = ("PIP_CERT", "PIP_DEFAULT_TIMEOUT", "PIP_INDEX_URL")
# Python's processes share semaphores in /dev/shm.
MOUNTS = (("proc", "proc"), ("tmpfs", "dev/shm"))

BIN = "PATH=/opt/tuner/bin:$PATH;"
STEPS = (
    ("python", "python3 --version; ! command -v c++ g++ gcc cc make git"),
    ("environment", "python3 -m venv /opt/tuner"),
    ("install", "/opt/tuner/bin/pip install --quiet --disable-pip-version-check --find-links /wheels iree-tuner"),
    ("doctor", f"{BIN} cd /root; iree-tune doctor"),
    ("demo", f"{BIN} cd /root; iree-tune demo"),
    ("report", f"{BIN} cd /root/iree-tuner-demo; iree-tune report run -o page.html; grep -c '<svg' page.html"),
    ("check", f"{BIN} cd /root/iree-tuner-demo; iree-tune check matvec_4096.mlir spec.mlir"),
)


def main(wheels: Path, suites: list[str], work: Path) -> int:
    passed = True
    for suite in suites:
        system = make_system(suite, work)
        shutil.rmtree(system / "wheels", ignore_errors=True)
        shutil.copytree(wheels, system / "wheels")
        for folder in ("opt/tuner", "root"):
            shutil.rmtree(system / folder, ignore_errors=True)
        (system / "root").mkdir()
        with mounted(system):
            passed = run_steps(suite, system) and passed
    return 0 if passed else 1


def make_system(suite: str, work: Path) -> Path:
    """The root folder of a minimal Debian, which is made unless it is there."""
    system = work / suite
    if not (system / "usr" / "bin" / "python3").exists():
        shutil.rmtree(system, ignore_errors=True)
        work.mkdir(parents=True, exist_ok=True)
        command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", suite, str(system), MIRROR]
        started = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=STEP_TIMEOUT_S)
        print(f"{suite}: made in {time.monotonic() - started:.0f} s", flush=True)
    for path in LENT:
        shutil.copyfile(path, system / path.lstrip("/"))
    return system


@contextmanager
def mounted(system: Path) -> Iterator[None]:
    """/proc and /dev/shm of a system, for as long as the body runs."""
    done: list[Path] = []
    try:
        for kind, name in MOUNTS:
            place = system / name
            place.mkdir(parents=True, exist_ok=True)
            subprocess.run(["mount", "-t", kind, kind, str(place)], check=True, timeout=60)
            done.append(place)
        yield
    finally:
        for mounted_at in reversed(done):
            subprocess.run(["umount", "--lazy", str(mounted_at)], check=True, timeout=60)


def run_steps(suite: str, system: Path) -> bool:
    """Prints what each step printed and took. What follows a failed step is left out."""
    environment = {name: os.environ[name] for name in PIP if name in os.environ}
    environment |= {"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}
    for name, command in STEPS:
        started = time.monotonic()
        ended = subprocess.run(
            ["chroot", str(system), "sh", "-ec", command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=STEP_TIMEOUT_S,
        )
        verdict = "" if ended.returncode == 0 else f", exit code {ended.returncode}"
        print(f"--- {suite}: {name}, {time.monotonic() - started:.1f} s{verdict}\n{ended.stdout.rstrip()}", flush=True)
        if ended.returncode != 0:
            return False
    return True


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheels", type=Path)
    parser.add_argument("--suite", action="append", help="a release of Debian (default: bookworm and trixie)")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "debian")
    arguments = parser.parse_args()
    sys.exit(main(arguments.wheels, arguments.suite or ["bookworm", "trixie"], arguments.work))
