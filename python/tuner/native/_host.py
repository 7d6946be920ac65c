# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The compiler that Python has loaded, made visible to our binary, and the binary."""

from __future__ import annotations

import ctypes
from pathlib import Path

try:
    import iree.compiler.ir as ir
except ImportError as error:
    raise ImportError("tuner.native needs IREE's compiler: pip install iree-base-compiler") from error


def _make_compiler_symbols_global() -> None:
    """Lets `_core` and the plugin bind to the compiler that Python has loaded."""
    import iree.compiler._mlir_libs as libs

    library = Path(libs.__file__).parent / "libIREECompiler.so"
    try:
        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        raise ImportError(f"tuner.native cannot load IREE's compiler library {library}: {error}") from error


_make_compiler_symbols_global()

import tuner.native._core as core  # noqa: E402

__all__ = ["core", "ir"]
