# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs that `torch.export` makes, and the files (`.pt2`) that they are saved to.

The importer is torch-mlir's, which comes with IREE's compiler. iree-turbine calls the same one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tuner.errors import InputError
from tuner.foreign import reason_of
from tuner.model.frontends import check_installed
from tuner.model.frontends.apart import import_apart
from tuner.model.shapes import OpenInput, Shapes, bound_sizes

# The others hold weights or TorchScript as a rule, and are refused with what to do.
_ENDINGS = (".pt2", ".pt", ".pth")
_EXPORT = "torch.export.export(module.eval(), inputs)"
_PROGRAM = "this program of torch"
_EXTRA = "torch"

# MLIR's names of torch's element types.
_ELEMENT_TYPES = {
    "float32": "f32",
    "float64": "f64",
    "float16": "f16",
    "bfloat16": "bf16",
    "int8": "i8",
    "uint8": "ui8",
    "int16": "i16",
    "int32": "i32",
    "int64": "i64",
    "bool": "i1",
}


class TorchFrontEnd:
    """Imports exported programs of torch."""

    priority = 0
    programs = "torch.export.ExportedProgram"

    def reads(self, path: Path) -> bool:
        """By the ending of the file."""
        return path.suffix.lower() in _ENDINGS

    def import_file(self, path: Path, shapes: Shapes, output: Path) -> None:
        """As `FrontEnd` says."""
        check_installed(path, ("torch",), _EXTRA)
        import_apart(__name__, path, shapes, output)

    def takes(self, program: object) -> bool:
        """Exported programs, and modules to say that they must be exported first."""
        torch = sys.modules.get("torch")
        return torch is not None and isinstance(program, torch.export.ExportedProgram | torch.nn.Module)

    def import_program(self, program: object, shapes: Shapes, output: Path) -> None:
        """As `ProgramFrontEnd` says."""
        import torch

        if isinstance(program, torch.nn.Module):
            raise InputError(f"a torch.nn.Module says nothing of its inputs; give {_EXPORT}")
        try:
            import_exported(program, shapes, output, _PROGRAM)
        except (AssertionError, KeyError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
            raise InputError(
                f"{_PROGRAM} cannot be imported ({reason_of(error)}); export it in another form"
            ) from error


def convert(path: Path, shapes: Shapes, output: Path) -> None:
    """Writes the program of a file as MLIR to `output`. Raises InputError, or what torch raises."""
    import torch

    try:
        program = torch.export.load(path)
    except Exception as error:  # torch names no class of errors
        raise InputError(
            f"{path} is no program that torch.export.save wrote ({reason_of(error)}); write one by"
            f" torch.export.save({_EXPORT}, 'model.pt2')"
        ) from error
    import_exported(program, shapes, output, str(path))


def import_exported(program: Any, shapes: Shapes, output: Path, name: str) -> None:
    """Writes a `torch.export.ExportedProgram` as MLIR to `output`. Its weights become constants there.

    `name` is what messages call it. Raises InputError, or what torch raises.
    """
    from iree.compiler.extras.fx_importer import FxImporter
    from iree.compiler.passmanager import PassManager

    from tuner.toolchain.contexts import new_context

    sized = _with_sizes(program, shapes, name)
    with new_context() as context:
        # Attention too becomes products and a softmax. IREE's own op of it took 52 ms instead of 5.1 on one CPU thread.
        plain = sized.run_decompositions(_decompositions(context.is_registered_operation))
        signature = plain.graph_signature
        if changed := (*signature.buffers_to_mutate.values(), *signature.user_inputs_to_mutate.values()):
            raise InputError(
                f"{name} changes {changed[0]} while it runs, and a tuned model keeps nothing; give {_EXPORT} of a"
                " module that does not"
            )
        importer = FxImporter(context=context)
        importer.import_program(plain, func_name="main")
        module = importer.module.operation
        # Equal programs make equal files, wherever their Python code lies.
        PassManager.parse("builtin.module(strip-debuginfo)").run(module)
        with output.open("wb") as file:
            module.write_bytecode(file)


def _decompositions(is_known: Callable[[str], bool]) -> Any:
    """How ops are replaced by others: as torch does it, and also each that IREE's dialect of torch has not.

    Torch's core ops have some of these, such as normalization over a batch.
    """
    import torch

    table = torch.export.default_decompositions()
    known = torch._decomp.decomposition_table.items()
    table.update({op: made for op, made in known if not (hasattr(op, "_schema") and is_known(_mlir_name(op)))})
    return table


def _mlir_name(op: Any) -> str:
    """MLIR's name of an op of torch, as in `torch.aten.add.Tensor`."""
    schema = op._schema
    return ".".join(filter(None, ("torch", *schema.name.split("::"), schema.overload_name)))


def _with_sizes(program: Any, shapes: Shapes, name: str) -> Any:
    """The program with its open sizes bound: exported once more, on inputs of these sizes."""
    import torch

    inputs = _inputs(program, name)
    tensors = [value for _, value in inputs if isinstance(value, torch.Tensor)]
    asked = [_open_input(label, value) for label, value in inputs if isinstance(value, torch.Tensor)]
    sizes = bound_sizes(asked, shapes, name)
    if not any(tensor.is_open for tensor in asked):
        return program
    made = iter([torch.zeros(given, dtype=tensor.dtype) for given, tensor in zip(sizes, tensors, strict=True)])
    leaves = [next(made) if isinstance(value, torch.Tensor) else value for _, value in inputs]
    positional, named = torch.utils._pytree.tree_unflatten(leaves, program.call_spec.in_spec)
    try:
        return torch.export.export(program.module(), positional, named)
    except (AssertionError, RuntimeError, ValueError) as error:
        raise InputError(f"the shapes of {name} do not fit together with these sizes ({reason_of(error)})") from error


def _inputs(program: Any, name: str) -> list[tuple[str, Any]]:
    """The program's inputs in order, by name: tensors without data, or the values of constants."""
    from torch.export.graph_signature import ConstantArgument, InputKind, TensorArgument

    values = {node.name: node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder"}
    found: list[tuple[str, Any]] = []
    for spec in program.graph_signature.input_specs:
        if spec.kind != InputKind.USER_INPUT:
            continue
        if not isinstance(spec.arg, TensorArgument | ConstantArgument):
            raise InputError(f"input '{spec.arg.name}' of {name} is no tensor; export a program whose inputs all are")
        is_tensor = isinstance(spec.arg, TensorArgument)
        found.append((spec.arg.name, values[spec.arg.name] if is_tensor else spec.arg.value))
    return found


def _open_input(name: str, value: Any) -> OpenInput:
    sizes = tuple(size if isinstance(size, int) else str(size) for size in value.shape)
    return OpenInput(name, sizes, _ELEMENT_TYPES.get(str(value.dtype).removeprefix("torch."), ""))


FRONT_END = TorchFrontEnd()
