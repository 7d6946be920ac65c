# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Functions that `jax.export` exports, the files that their `serialize()` fills, and functions that JAX has lowered."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tuner.errors import InputError
from tuner.foreign import reason_of
from tuner.model.frontends import check_installed
from tuner.model.frontends.apart import import_apart
from tuner.model.shapes import OpenInput, Shapes, bound_sizes

# JAX has no ending of its own.
_ENDING = ".jaxexport"
_PROGRAM = "this function of JAX"

# MLIR's names of JAX's element types, as far as they differ from `f32` for `float32`.
_ELEMENT_TYPES = {"bfloat16": "bf16", "bool": "i1"}
_LETTERS = {"float": "f", "int": "i", "uint": "ui"}


class JaxFrontEnd:
    """Takes what JAX has exported or lowered: it is StableHLO already."""

    priority = 0
    programs = "jax.export.Exported, jax.stages.Lowered"

    def reads(self, path: Path) -> bool:
        """By the ending of the file."""
        return path.suffix.lower() == _ENDING

    def import_file(self, path: Path, shapes: Shapes, output: Path) -> None:
        """As `FrontEnd` says."""
        check_installed(path, ("jax", "flatbuffers"), "jax")
        import_apart(__name__, path, shapes, output)

    def takes(self, program: object) -> bool:
        """What was exported or lowered, and functions of `jax.jit` to say that they must be."""
        export, stages = sys.modules.get("jax.export"), sys.modules.get("jax.stages")
        if export is not None and isinstance(program, export.Exported):
            return True
        return stages is not None and isinstance(program, stages.Lowered | stages.Wrapped)

    def import_program(self, program: object, shapes: Shapes, output: Path) -> None:
        """As `ProgramFrontEnd` says."""
        from jax import export, stages

        if isinstance(program, export.Exported):
            import_exported(program, shapes, output, _PROGRAM)
        elif isinstance(program, stages.Lowered):
            if shapes:
                raise InputError(f"{_PROGRAM} is lowered for its sizes; leave --dim and --input out")
            output.write_text(program.as_text())
        else:
            raise InputError("a function of jax.jit has no sizes yet; give jax.export.export(function)(*inputs)")


def convert(path: Path, shapes: Shapes, output: Path) -> None:
    """Writes the function of a file as MLIR to `output`. Raises InputError, or what JAX raises."""
    from jax import export

    try:
        exported = export.deserialize(bytearray(path.read_bytes()))
    except Exception as error:  # JAX and flatbuffers name no class of errors
        raise InputError(
            f"{path} is no function that JAX exported ({reason_of(error)}); write what"
            " jax.export.export(function)(*inputs).serialize() returns"
        ) from error
    import_exported(exported, shapes, output, str(path))


def import_exported(exported: Any, shapes: Shapes, output: Path, name: str) -> None:
    """Writes a `jax.export.Exported` as StableHLO to `output`. Arrays that the function captured are constants there.

    `name` is what messages call it. Raises InputError, or what JAX raises.
    """
    if exported.nr_devices > 1 or len(exported.platforms) > 1:
        raise InputError(f"{name} is exported for several devices or platforms; export it for one")
    asked = [
        OpenInput(
            f"input {number}",
            tuple(size if isinstance(size, int) else str(size) for size in value.shape),
            _element_type(value.dtype.name),
        )
        for number, value in enumerate(exported.in_avals)
    ]
    sizes = bound_sizes(asked, shapes, name)
    if not any(tensor.is_open for tensor in asked):
        # The form that StableHLO keeps readable: IREE reads that of older and newer releases of JAX.
        output.write_bytes(exported.mlir_module_serialized)
    else:
        output.write_bytes(_with_sizes(exported, sizes, name))


def _with_sizes(exported: Any, sizes: Sequence[tuple[int, ...]], name: str) -> bytes:
    """The function for inputs of these sizes, as bytecode: exported once more, and its inner sizes worked out."""
    import jax
    from jax.extend.mlir import refine_polymorphic_shapes

    leaves = [jax.ShapeDtypeStruct(given, value.dtype) for given, value in zip(sizes, exported.in_avals, strict=True)]
    positional, named = jax.tree.unflatten(exported.in_tree, leaves)
    export = jax.export.export(
        jax.jit(exported.call), platforms=exported.platforms, disabled_checks=exported.disabled_safety_checks
    )
    try:
        refined: bytes = refine_polymorphic_shapes(export(*positional, **named).mlir_module().encode())
        return refined
    except (RuntimeError, TypeError, ValueError) as error:
        raise InputError(f"the shapes of {name} do not fit together with these sizes ({reason_of(error)})") from error


def _element_type(name: str) -> str:
    """MLIR's name of an element type, as far as it is known."""
    letters = name.rstrip("0123456789")
    return _ELEMENT_TYPES.get(name) or (_LETTERS[letters] + name[len(letters) :] if letters in _LETTERS else "")


FRONT_END = JaxFrontEnd()
