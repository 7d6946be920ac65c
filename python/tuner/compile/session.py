# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""IREE's compiler inside a worker process: from configured IR to a binary, with the flags of the model.

The compiler's library reads flags once in the life of a process, which from then on serves models with these flags.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

# Flags that iree-compile reads itself: its input, its output, and what it prints. The library knows none of them.
# Source: iree_compile_lib.cc in IREE.
_OF_THE_TOOL = frozenset(
    {
        "o",
        "output-format",
        "compile-mode",
        "compile-from",
        "compile-to",
        "dump-compilation-phases-to",
        "emit-mlir-bytecode",
        "emit-mlir-bytecode-version",
        "remarks-filter",
        "remarks-output-file",
        "split-input-file",
        "verify",
    }
)
# Flags that dump files: each candidate would overwrite those of the model.
_DUMPS = "iree-hal-dump-"


def flags_for_library(flags: Sequence[str]) -> Iterator[str]:
    """The flags of iree-compile that decide how a dispatch is compiled, as they were written."""
    is_for_library = True
    for word in flags:
        if word.startswith("-"):
            name = word.lstrip("-").partition("=")[0]
            is_for_library = name not in _OF_THE_TOOL and not name.startswith(_DUMPS)
        # A word without a dash is the value of the flag before it.
        if is_for_library:
            yield word


@functools.cache
def _set_up(flags: tuple[str, ...]) -> None:
    """Passes the flags, and our passes, to the compiler's library. It exits the process if it does not know a flag."""
    from iree.compiler.api import _initializeGlobalCL

    from tuner import native

    _initializeGlobalCL("iree-compile", *flags_for_library(flags))
    # Without them, candidates whose pipeline names one of our passes fail, and say so.
    with contextlib.suppress(native.HostError):
        native.register_passes()


@functools.cache
def session(flags: tuple[str, ...]) -> Any:
    """This process's compiler session (`iree.compiler.api.Session`) with these flags; no others may follow.

    Candidates share it until one fails: loading and uniquing in a fresh context is a twelfth of a candidate's time. The
    binaries are the same, byte for byte.
    """
    from iree.compiler.api import Session

    _set_up(flags)
    made = Session()
    # The workers share the processors already.
    made.context.enable_multithreading(False)
    return made


def translate(compiler: Any, module: Any, binary: Path) -> str:
    """Compiles configured IR to a VM binary in a `session`. Returns "", or why it failed.

    IREE's C functions can set the phase to start from, and leave out the verifier that runs after each pass; its Python
    `Invocation` cannot. The verifier takes a tenth of the time and finds faults of the compiler; the outputs of a
    candidate are checked anyway.
    """
    from iree.compiler.api import Output, ctypes_dl

    library = ctypes_dl._dylib
    set_phase = library.ireeCompilerInvocationSetCompileFromPhase
    set_phase.argtypes, set_phase.restype = [ctypes.c_void_p, ctypes.c_char_p], None
    set_verify = library.ireeCompilerInvocationSetVerifyIR
    set_verify.argtypes, set_verify.restype = [ctypes.c_void_p, ctypes.c_bool], None
    invocation = compiler.invocation()
    try:
        invocation.enable_console_diagnostics()
        invocation.import_module(module.operation)
        set_phase(invocation._inv_p, b"executable-configurations")
        set_verify(invocation._inv_p, False)
        if not invocation.execute():
            return "iree-compile's pipeline failed"
        with Output.open_file(str(binary)) as output:
            invocation.output_vm_bytecode(output)
            output.keep()
    finally:
        invocation.close()
    return ""
