# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Turns a model file into one that iree-compile reads: IREE's importer imports ONNX, MLIR is used as it is."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuner.errors import InputError
from tuner.foreign import printable, reason_of

_IMPORT_TIMEOUT_S = 600.0
# Older models are converted to this version of the operators: IREE does not take every older form.
_OPSET = 17
# Elements of the constants that are folded. Sizes are computed from small ones; larger ones, as data, would make
# other dispatches.
_FOLDED_ELEMENTS = 100
# A size that fits into 64 bits, as ONNX has them.
_SIZE = re.compile("[1-9][0-9]{0,17}")
_TAKE_SMALLER = "import it yourself by iree-import-onnx with --externalize-params, and give the MLIR"


@dataclass(frozen=True, slots=True)
class Shapes:
    """Sizes that a model leaves open and the user gives.

    `dims` maps names of dimensions to sizes; `inputs` holds the shape of each input, in order, as in `1x3x48x320xf32`.
    """

    dims: Mapping[str, int] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()

    @staticmethod
    def parse(dims: Sequence[str], inputs: Sequence[str]) -> Shapes:
        """Reads texts such as `NAME=SIZE` and shapes. Raises InputError."""
        named: dict[str, int] = {}
        for text in dims:
            name, equals, size = text.rpartition("=")
            if not equals or not name or not _SIZE.fullmatch(size.lstrip("0")):
                raise InputError(f"--dim takes NAME=SIZE with a positive size of 18 digits at most, not '{text}'")
            if named.setdefault(name, int(size)) != int(size):
                raise InputError(f"--dim gives {name} twice, as {named[name]} and as {size}; give one size")
        for text in inputs:
            _parsed(text)
        return Shapes(named, tuple(inputs))


def import_model(path: Path, shapes: Shapes, work_dir: Path, timeout_s: float = _IMPORT_TIMEOUT_S) -> Path:
    """A file that iree-compile reads, with the types of its functions declared: `path` itself or one in `work_dir`.

    `timeout_s`: seconds that IREE's importer may take. Raises InputError for a model that cannot be imported, and for
    open sizes.
    """
    # Imported here, since it imports IREE: printing a command's help must not need that.
    from tuner.model.torch_types import declare_types

    declared = work_dir / f"{path.stem}.declared.mlirbc"
    if path.suffix.lower() != ".onnx":
        if shapes.dims or shapes.inputs:
            raise InputError(f"--dim and --input bind sizes of ONNX models; {path} is none: give it static shapes")
        return declare_types(path, declared)
    model = bind_model(path, shapes)
    import onnx

    bound, imported = work_dir / f"{path.stem}.bound.onnx", work_dir / f"{path.stem}.mlir"
    command = [sys.executable, "-m", "iree.compiler.tools.import_onnx", str(bound), "-o", str(imported)]
    if any(opset.domain in ("", "ai.onnx") and opset.version < _OPSET for opset in model.opset_import):
        command += ["--opset-version", str(_OPSET)]
    try:
        onnx.save(model, str(bound))
        done = subprocess.run(command, capture_output=True, timeout=timeout_s, check=False)
    except ValueError as error:  # of protobuf, which writes no more than 2 GiB
        raise InputError(f"{path} is too large to be imported ({reason_of(error)}); {_TAKE_SMALLER}") from error
    except subprocess.TimeoutExpired as error:
        raise InputError(f"IREE's importer did not end within {timeout_s:.0f} s on {path}; {_TAKE_SMALLER}") from error
    finally:
        bound.unlink(missing_ok=True)
    if done.returncode != 0:
        said = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
        raise InputError(f"IREE cannot import {path} ({printable(said[-1].strip()) if said else 'it says nothing'})")
    if declare_types(imported, declared) == declared:
        imported.unlink()
        return declared
    return imported


def bind_model(path: Path, shapes: Shapes) -> Any:
    """The ONNX model (`onnx.ModelProto`) with the user's sizes, and with all sizes that follow from them.

    Raises InputError as `import_model`.
    """
    model = _load(path)
    import onnx
    import onnx_ir
    from onnxscript import optimizer

    _bind(model, shapes, path)
    try:
        # Sizes that the model computes are constants now. If they are not folded, IREE makes dispatches of open sizes.
        folded = onnx_ir.from_proto(model)
        limits = {"input_size_limit": _FOLDED_ELEMENTS, "output_size_limit": _FOLDED_ELEMENTS}
        optimizer.fold_constants(folded, onnx_shape_inference=True, **limits)
        optimizer.remove_unused_nodes(folded)
        return onnx.shape_inference.infer_shapes(onnx_ir.to_proto(folded), data_prop=True, strict_mode=True)
    except (RuntimeError, ValueError, onnx.shape_inference.InferenceError) as error:
        raise InputError(f"the shapes of {path} do not fit together with these sizes ({reason_of(error)})") from error


def _load(path: Path) -> Any:
    try:
        import google.protobuf.message
        import onnx
        import onnxscript  # noqa: F401 (of the same extra)
    except ImportError as error:
        raise InputError(
            f"reading {path} needs the package {error.name}; install it by: pip install 'iree-tuner[onnx]'"
        ) from error
    try:
        model = onnx.load(str(path))
    except FileNotFoundError as error:
        missing = error.filename or path
        raise InputError(f"there is no model file {missing}; check the path") from error
    except (OSError, ValueError, google.protobuf.message.Error, onnx.checker.ValidationError) as error:
        raise InputError(f"{path} is no ONNX model that can be read ({reason_of(error)})") from error
    if not model.graph.node:
        raise InputError(f"{path} is no ONNX model that can be read (it holds no operators)")
    return model


def _bind(model: Any, shapes: Shapes, path: Path) -> None:
    """Writes the user's sizes into the model's inputs, and drops stated shapes that follow from them."""
    initialized = {initializer.name for initializer in model.graph.initializer}
    inputs = [tensor for tensor in model.graph.input if tensor.name not in initialized]
    if shapes.inputs and len(shapes.inputs) != len(inputs):
        raise InputError(f"{path} has {len(inputs)} inputs; give --input for each of them, not {len(shapes.inputs)}")
    for tensor in inputs:
        if tensor.type.WhichOneof("value") != "tensor_type":
            raise InputError(
                f"input '{printable(tensor.name)}' of {path} is no tensor; give a model whose inputs all are"
            )
    unknown = set(shapes.dims) - {size.dim_param for tensor in inputs for size in tensor.type.tensor_type.shape.dim}
    if unknown:
        raise InputError(
            f"{path} has no dimension named {', '.join(sorted(unknown))}; it needs: {_open(inputs) or 'none'}"
        )
    bound = dict(shapes.dims)
    for tensor, shape in zip(inputs, shapes.inputs, strict=False):
        _bind_input(tensor, shape, bound, path)
    for tensor in inputs:
        for size in tensor.type.tensor_type.shape.dim:
            if size.dim_param in bound:
                size.dim_value = bound[size.dim_param]
    if open_sizes := _open(inputs):
        raise InputError(f"{path} leaves sizes open: {open_sizes}; bind them by --dim NAME=SIZE or --input SHAPE")
    del model.graph.value_info[:]
    for tensor in model.graph.output:
        for size in tensor.type.tensor_type.shape.dim:
            if size.dim_value < 1:
                size.Clear()


def _bind_input(tensor: Any, shape: str, bound: dict[str, int], path: Path) -> None:
    """Writes the sizes of `shape` into one input; those of named dimensions go into `bound`."""
    import onnx

    where = f"'{printable(tensor.name)}' of {path}"
    given, element_type = _parsed(shape)
    kind = tensor.type.tensor_type
    expected = _ELEMENT_TYPES.get(onnx.TensorProto.DataType.Name(kind.elem_type))
    if expected not in (None, element_type):
        raise InputError(f"input {where} holds {expected}, not {element_type} as in {shape}")
    if not kind.HasField("shape"):
        kind.shape.dim.extend(onnx.TensorShapeProto.Dimension() for _ in given)
    if len(given) != len(kind.shape.dim):
        raise InputError(f"input {where} has {len(kind.shape.dim)} dimensions; {shape} has {len(given)}")
    for place, (size, wanted) in enumerate(zip(kind.shape.dim, given, strict=True)):
        # Some exporters give sizes without a name the name `?`.
        named = any(letter.isalpha() for letter in size.dim_param)
        known = bound.setdefault(size.dim_param, wanted) if named else size.dim_value
        if known > 0 and known != wanted:
            name = f" ({size.dim_param})" if named else ""
            raise InputError(f"dimension {place}{name} of input {where} is {known}, not {wanted} as in {shape}")
        size.dim_value = wanted


def _open(inputs: Sequence[Any]) -> str:
    """The inputs with open sizes, as text."""
    found = []
    for tensor in inputs:
        kind = tensor.type.tensor_type
        if not kind.HasField("shape"):
            found.append(f"{tensor.name} [any shape]")
            continue
        sizes = [str(size.dim_value) if size.dim_value > 0 else (size.dim_param or "?") for size in kind.shape.dim]
        if any(size.dim_value < 1 for size in kind.shape.dim):
            found.append(f"{tensor.name} [{', '.join(sizes)}]")
    return printable("; ".join(found))


# MLIR's names of ONNX's element types.
_ELEMENT_TYPES = {
    "FLOAT": "f32",
    "DOUBLE": "f64",
    "FLOAT16": "f16",
    "BFLOAT16": "bf16",
    "INT8": "i8",
    "UINT8": "ui8",
    "INT16": "i16",
    "UINT16": "ui16",
    "INT32": "i32",
    "UINT32": "ui32",
    "INT64": "i64",
    "UINT64": "ui64",
    "BOOL": "i1",
}


def _parsed(shape: str) -> tuple[tuple[int, ...], str]:
    """The sizes and the element type of `1x3x48x320xf32`. Raises InputError."""
    if not re.fullmatch(rf"({_SIZE.pattern}x)*(bf|f|ui|si|i)[0-9]+[A-Z0-9]*", shape):
        raise InputError(f"--input takes a shape such as 1x3x48x320xf32, not '{shape}'")
    *sizes, element_type = shape.split("x")
    return tuple(int(size) for size in sizes), element_type
