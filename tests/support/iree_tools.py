# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""IREE's command-line tools, of the release under test, with a time limit each."""

from __future__ import annotations

import subprocess
from pathlib import Path

import iree.compiler

from release_under_test import RELEASE
from tuner import native

_TOOLS = Path(iree.compiler.__file__).parent / "_mlir_libs"
TIMEOUT_S = 120

ADD_ATTRIBUTES = "--iree-codegen-add-tuner-attributes" if RELEASE >= (3, 11) else "--iree-config-add-tuner-attributes"

TARGETS = {
    "llvm-cpu": (
        "--iree-hal-target-device=local",
        "--iree-hal-local-target-device-backends=llvm-cpu",
        "--iree-llvmcpu-target-cpu=host",
    ),
    "gfx942": (
        "--iree-hal-target-device=hip",
        "--iree-rocm-target=gfx942" if RELEASE >= (3, 11) else "--iree-hip-target=gfx942",
    ),
    "sm_80": ("--iree-hal-target-device=cuda", "--iree-cuda-target=sm_80"),
}

STRATEGY = {
    "llvm-cpu": "iree-llvmcpu-select-lowering-strategy",
    "gfx942": "iree-llvmgpu-select-lowering-strategy",
    "sm_80": "iree-llvmgpu-select-lowering-strategy",
}


def configuring_pipeline(target: str) -> str:
    """Applies a spec if one is given, then gives the default to all that have none."""
    passes = f"iree-codegen-materialize-user-configs,{STRATEGY[target]}"
    return f"hal.executable(hal.executable.variant(builtin.module({passes})))"


def iree_compile(text: str, target: str, *flags: str) -> bytes:
    return _run("iree-compile", text, *TARGETS[target], *flags)


def iree_opt(text: str, *flags: str) -> str:
    """`iree-opt` with our plugin."""
    plugin = f"--load-pass-plugin={native.plugin_path()}"
    return _run("iree-opt", text, plugin, *flags).decode()


def _run(tool: str, text: str, *flags: str) -> bytes:
    finished = subprocess.run(
        [str(_TOOLS / tool), "-", "-o", "-", *flags],
        input=text.encode(),
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if finished.returncode:
        raise AssertionError(f"{tool} failed:\n{finished.stderr.decode()[:4000]}")
    return finished.stdout
