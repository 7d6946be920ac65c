# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ONNX files (`.onnx`), imported by IREE's importer once all sizes are known."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tuner.errors import InputError
from tuner.files import TEMPORARY
from tuner.foreign import printable, reason_of
from tuner.model.frontends import check_installed
from tuner.model.shapes import UNNAMED, OpenInput, Shapes, bound_sizes

_IMPORT_TIMEOUT_S = 600.0
# Older models are converted to this version of the operators: IREE does not take every older form.
_OPSET = 17
# Elements of the constants that are folded. Sizes are computed from small ones; larger ones, as data, would make
# other dispatches.
_FOLDED_ELEMENTS = 100
_TAKE_SMALLER = "import it yourself by iree-import-onnx with --externalize-params, and give the MLIR"


class OnnxFrontEnd:
    """Binds the sizes of ONNX models and calls IREE's importer."""

    priority = 0

    def reads(self, path: Path) -> bool:
        """By the ending of the file."""
        return path.suffix.lower() == ".onnx"

    def import_file(self, path: Path, shapes: Shapes, output: Path) -> None:
        """As `FrontEnd` says."""
        import_onnx(path, shapes, output)


def import_onnx(path: Path, shapes: Shapes, output: Path, timeout_s: float = _IMPORT_TIMEOUT_S) -> None:
    """Writes the ONNX model at `path` as MLIR to `output`. `timeout_s`: seconds that IREE's importer may take.

    Raises InputError for a model that cannot be imported, and for open sizes.
    """
    model = bind_model(path, shapes)
    import onnx

    with tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=output.parent) as folder:
        bound = Path(folder, "bound.onnx")
        command = [sys.executable, "-m", "iree.compiler.tools.import_onnx", str(bound), "-o", str(output)]
        if any(opset.domain in ("", "ai.onnx") and opset.version < _OPSET for opset in model.opset_import):
            command += ["--opset-version", str(_OPSET)]
        try:
            onnx.save(model, str(bound))
            done = subprocess.run(command, capture_output=True, timeout=timeout_s, check=False)
        except ValueError as error:  # of protobuf, which writes no more than 2 GiB
            raise InputError(f"{path} is too large to be imported ({reason_of(error)}); {_TAKE_SMALLER}") from error
        except subprocess.TimeoutExpired as error:
            raise InputError(
                f"IREE's importer did not end within {timeout_s:.0f} s on {path}; {_TAKE_SMALLER}"
            ) from error
    if done.returncode != 0:
        said = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
        raise InputError(f"IREE cannot import {path} ({printable(said[-1].strip()) if said else 'it says nothing'})")


def bind_model(path: Path, shapes: Shapes) -> Any:
    """The ONNX model (`onnx.ModelProto`) with the user's sizes, and with all sizes that follow from them.

    Raises InputError as `import_onnx`.
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
    check_installed(path, ("onnx", "onnxscript"), "onnx")
    import google.protobuf.message
    import onnx

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
    tensors = [tensor for tensor in model.graph.input if tensor.name not in initialized]
    for tensor in tensors:
        if tensor.type.WhichOneof("value") != "tensor_type":
            raise InputError(
                f"input '{printable(tensor.name)}' of {path} is no tensor; give a model whose inputs all are"
            )
    for tensor, sizes in zip(
        tensors, bound_sizes([_open_input(tensor) for tensor in tensors], shapes, path), strict=True
    ):
        _write_sizes(tensor.type.tensor_type.shape, sizes)
    del model.graph.value_info[:]
    for tensor in model.graph.output:
        for size in tensor.type.tensor_type.shape.dim:
            if size.dim_value < 1:
                size.Clear()


def _open_input(tensor: Any) -> OpenInput:
    import onnx

    kind = tensor.type.tensor_type
    element_type = _ELEMENT_TYPES.get(onnx.TensorProto.DataType.Name(kind.elem_type), "")
    sizes = [size.dim_value if size.dim_value > 0 else size.dim_param or UNNAMED for size in kind.shape.dim]
    return OpenInput(tensor.name, tuple(sizes) if kind.HasField("shape") else None, element_type)


def _write_sizes(shape: Any, sizes: Sequence[int]) -> None:
    import onnx

    shape.dim.extend(onnx.TensorShapeProto.Dimension() for _ in range(len(sizes) - len(shape.dim)))
    # A tensor without dimensions has a shape all the same.
    shape.SetInParent()
    for size, wanted in zip(shape.dim, sizes, strict=True):
        size.dim_value = wanted


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


FRONT_END = OnnxFrontEnd()
