# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""IREE's compiler inside a worker process: from configured IR to a binary, by the flags of the model.

The compiler's library hears flags once in the life of a process, which from then on is for models of these flags.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

# What iree-compile reads itself: what to compile, from where to where, and what to say. The library knows none of it.
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
# By these each candidate would write over what was written for the model.
_DUMPS = "iree-hal-dump-"


def heard(flags: Sequence[str]) -> Iterator[str]:
    """Those of iree-compile's flags that decide what becomes of a dispatch, as they were written."""
    is_heard = True
    for word in flags:
        if word.startswith("-"):
            name = word.lstrip("-").partition("=")[0]
            is_heard = name not in _OF_THE_TOOL and not name.startswith(_DUMPS)
        # A word without a dash is the value of the flag before it.
        if is_heard:
            yield word


@functools.cache
def _set_up(flags: tuple[str, ...]) -> None:
    """Tells the compiler's library the flags of this process. It ends the process where it knows one of them not."""
    from iree.compiler.api import _initializeGlobalCL

    _initializeGlobalCL("iree-compile", *heard(flags))


@functools.cache
def session(flags: tuple[str, ...]) -> Any:
    """This process's compiler session (`iree.compiler.api.Session`), by these flags; no others may follow.

    Candidates share it until one fails: what a context has loaded and uniqued is a twelfth of a candidate's time, and
    the binaries are the same, byte for byte.
    """
    from iree.compiler.api import Session

    _set_up(flags)
    made = Session()
    # The workers share the processors already.
    made.context.enable_multithreading(False)
    return made


def translate(compiler: Any, module: Any, binary: Path) -> str:
    """Compiles configured IR to a VM binary in a `session`. Returns "" or why not.

    IREE's Python `Invocation` cannot set the phase to start from, nor leave out the verifier that runs after each
    pass (a tenth of the time: it finds faults of the compiler, and what a candidate computes is checked anyway);
    its C functions can.
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
