# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Turns a model file into one that iree-compile reads: ONNX is imported by IREE's importer, MLIR is taken as it is."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuner.errors import InputError

_IMPORT_TIMEOUT_S = 600.0
# Older models are converted to this version of the operators: IREE does not take every older form.
_OPSET = 17


@dataclass(frozen=True, slots=True)
class Shapes:
    """What the user says of sizes that a model leaves open.

    `dims` maps names of dimensions to sizes; `inputs` holds the shape of each input, in order, as in `1x3x48x320xf32`.
    """

    dims: Mapping[str, int] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()

    @staticmethod
    def parse(dims: Sequence[str], inputs: Sequence[str]) -> Shapes:
        """From `NAME=SIZE` and shapes. Raises InputError."""
        named = {}
        for text in dims:
            name, equals, size = text.rpartition("=")
            if not equals or not name or not size.isdecimal() or int(size) < 1:
                raise InputError(f"--dim takes NAME=SIZE with a positive size, not '{text}'")
            named[name] = int(size)
        for text in inputs:
            _sizes(text)
        return Shapes(named, tuple(inputs))


def import_model(path: Path, shapes: Shapes, work_dir: Path) -> Path:
    """A file that iree-compile reads: `path` itself, or for ONNX one in `work_dir`.

    Raises InputError for a model that cannot be imported, and for sizes that are left open.
    """
    if path.suffix.lower() != ".onnx":
        if shapes.dims or shapes.inputs:
            raise InputError(f"--dim and --input bind sizes of ONNX models; {path} is none: give it static shapes")
        return path
    try:
        import onnx
    except ImportError as error:
        raise InputError(
            f"reading {path} needs the package onnx; install it by: pip install 'iree-tuner[onnx]'"
        ) from error
    try:
        model = onnx.load(str(path))
    except FileNotFoundError as error:
        raise InputError(f"there is no model file {path}; check the path") from error
    except Exception as error:  # protobuf's errors have no common base
        raise InputError(f"{path} is no ONNX model that can be read ({_first_line(error)})") from error
    _bind(model, shapes, path)
    try:
        model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    except Exception as error:
        raise InputError(f"the shapes of {path} do not fit together with these sizes ({_first_line(error)})") from error
    bound, imported = work_dir / f"{path.stem}.bound.onnx", work_dir / f"{path.stem}.mlir"
    onnx.save(model, str(bound))
    command = [sys.executable, "-m", "iree.compiler.tools.import_onnx", str(bound), "-o", str(imported)]
    if any(each.domain in ("", "ai.onnx") and each.version < _OPSET for each in model.opset_import):
        command += ["--opset-version", str(_OPSET)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_IMPORT_TIMEOUT_S, check=False)
    bound.unlink()
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise InputError(f"IREE cannot import {path} ({said[-1].strip() if said else 'it says nothing'})")
    return imported


def _bind(model: Any, shapes: Shapes, path: Path) -> None:
    """Writes the user's sizes into the model's inputs, and forgets what was stated of shapes that follow from them."""
    initialized = {each.name for each in model.graph.initializer}
    inputs = [each for each in model.graph.input if each.name not in initialized]
    if shapes.inputs and len(shapes.inputs) != len(inputs):
        raise InputError(f"{path} has {len(inputs)} inputs; give --input for each of them, not {len(shapes.inputs)}")
    unknown = set(shapes.dims)
    for index, each in enumerate(inputs):
        sizes = each.type.tensor_type.shape.dim
        given = _sizes(shapes.inputs[index]) if shapes.inputs else None
        if given is not None and len(given) != len(sizes):
            raise InputError(
                f"input '{each.name}' of {path} has {len(sizes)} dimensions; {shapes.inputs[index]} has not"
            )
        for place, size in enumerate(sizes):
            if size.dim_param in shapes.dims:
                unknown.discard(size.dim_param)
                size.dim_value = shapes.dims[size.dim_param]
            elif given is not None:
                if size.dim_value > 0 and size.dim_value != given[place]:
                    raise InputError(
                        f"dimension {place} of '{each.name}' in {path} is {size.dim_value}, not {given[place]}"
                    )
                size.dim_value = given[place]
    if unknown:
        raise InputError(
            f"{path} has no dimension named {', '.join(sorted(unknown))}; it needs: {_open(inputs) or 'none'}"
        )
    if open_sizes := _open(inputs):
        raise InputError(f"{path} leaves sizes open: {open_sizes}; bind them by --dim NAME=SIZE or --input SHAPE")
    del model.graph.value_info[:]
    for each in model.graph.output:
        for size in each.type.tensor_type.shape.dim:
            size.ClearField("dim_param")


def _open(inputs: Sequence[Any]) -> str:
    """The inputs with sizes that nothing says, for people."""
    found = []
    for each in inputs:
        sizes = [
            str(size.dim_value) if size.dim_value > 0 else (size.dim_param or "?")
            for size in each.type.tensor_type.shape.dim
        ]
        if not all(size.isdecimal() for size in sizes):
            found.append(f"{each.name} [{', '.join(sizes)}]")
    return "; ".join(found)


def _sizes(shape: str) -> tuple[int, ...]:
    """The sizes of `1x3x48x320xf32`. Raises InputError."""
    if not re.fullmatch(r"(\d+x)*[a-z]\w*", shape):
        raise InputError(f"--input takes a shape such as 1x3x48x320xf32, not '{shape}'")
    return tuple(int(size) for size in shape.split("x")[:-1])


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [repr(error)])[0]
