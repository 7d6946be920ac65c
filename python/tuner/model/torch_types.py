# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Declares the types of a module's functions if IREE does not, so that the compiled functions can be called.

IREE writes the types of a function's arguments and results into each compiled module, but not for functions on the
torch dialect's tensors: these leave its importer with bare buffers. A declaration that a module has already is kept.
"""

from __future__ import annotations

import mmap
import re
from pathlib import Path

from iree.compiler import ir

from tuner.toolchain.contexts import new_context
from tuner.toolchain.operations import symbol

_REFLECTION, _DECLARATION = "iree.reflection", "iree.abi.declaration"


def declare_types(source: Path, output: Path) -> Path:
    """`source` itself if nothing is to be declared, else `output`: the same module with declarations, as bytecode.

    Functions with an open size or a type that is no tensor are left alone, and so is a file that is no module.
    """
    if not _mentions_torch(source):
        return source
    with new_context():
        try:
            module = ir.Module.parseFile(str(source))
        except ir.MLIRError:
            return source  # iree-compile says why
        declared = [_declare(op.operation) for op in module.body.operations if op.operation.name == "func.func"]
        if not any(declared):
            return source
        with output.open("wb") as file:
            module.operation.write_bytecode(file)
    return output


def _mentions_torch(path: Path) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(b"torch") >= 0


def _declare(function: ir.Operation) -> bool:
    """Declares the types of a function if it needs that. Returns whether it did."""
    kind = ir.FunctionType(ir.TypeAttr(function.attributes["function_type"]).value)
    if _REFLECTION in function.attributes or not any(
        "!torch." in str(type_) for type_ in (*kind.inputs, *kind.results)
    ):
        return False
    inputs, results = ([_tensor(type_) for type_ in types] for types in (kind.inputs, kind.results))
    if None in inputs or None in results:
        return False
    takes = ", ".join(f"%input{index}: {tensor}" for index, tensor in enumerate(inputs))
    gives = ", ".join(f"%output{index}: {tensor}" for index, tensor in enumerate(results))
    # A name may have spaces and brackets, which would be read as the list of inputs.
    name = re.sub(r"\W", "_", symbol(function))
    declaration = ir.StringAttr.get(f"sync func @{name}({takes}) -> ({gives})")
    function.attributes[_REFLECTION] = ir.DictAttr.get({_DECLARATION: declaration})
    return True


def _tensor(kind: ir.Type) -> str | None:
    """`!torch.vtensor<[1,128],si64>` as `tensor<1x128xi64>`; None for open sizes and other types."""
    match = re.fullmatch(r"!torch\.vtensor<\[([\d,]*)\],(\w+)>", str(kind))
    if match is None:
        return str(kind) if isinstance(kind, ir.RankedTensorType) else None
    sizes = [f"{size}x" for size in match.group(1).split(",") if size]
    return f"tensor<{''.join(sizes)}{match.group(2).removeprefix('s')}>"
