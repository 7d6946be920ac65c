# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Functions that JAX exported or lowered: what is imported, computed, tuned and refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tuner
from tuner.errors import InputError
from tuner.model.frontends import write_program
from tuner.model.model import Model, import_model
from tuner.model.shapes import Shapes
from tuner.targets.cpu import CpuTarget

jax = pytest.importorskip("jax", reason="jax is not installed: pip install 'iree-tuner[jax]'")
pytest.importorskip("flatbuffers", reason="flatbuffers is not installed: pip install 'iree-tuner[jax]'")
export = pytest.importorskip("jax.export")

pytestmark = [pytest.mark.compiler, pytest.mark.filterwarnings("ignore:::(?!tuner)")]

_WEIGHTS = np.random.default_rng(0).random((16, 8), dtype=np.float32)


def attend(x: Any) -> Any:
    """Products, exponentials and sums, over an array that the function captures."""
    scores = jax.nn.softmax(x @ x.T)
    return scores @ x @ _WEIGHTS


def exported(rows: Any = 12, **options: Any) -> Any:
    return export.export(jax.jit(attend), **options)(jax.ShapeDtypeStruct((rows, 16), np.float32))


def outputs(path: Path, folder: Path, *inputs: Any) -> Any:
    """What IREE computes from a model that was imported."""
    import iree.runtime as runtime

    binary = folder / "model.vmfb"
    Model(path, path, CpuTarget().compile_flags).compile_or_reject(binary)
    return runtime.load_vm_flatbuffer_file(str(binary), driver="local-sync").main(*inputs).to_host()


def saved(folder: Path, function: Any) -> Path:
    path = folder / "model.jaxexport"
    path.write_bytes(function.serialize())
    return path


def from_file(folder: Path) -> Path:
    return import_model(saved(folder, exported()), Shapes(), folder)


def from_open_sizes(folder: Path) -> Path:
    (rows,) = export.symbolic_shape("rows")
    return import_model(saved(folder, exported(rows)), Shapes.parse(["rows=12"], []), folder)


def from_object(folder: Path) -> Path:
    return write_program(exported(), Shapes(), folder)


def from_lowered(folder: Path) -> Path:
    lowered = jax.jit(attend).lower(jax.ShapeDtypeStruct((12, 16), np.float32))
    return write_program(lowered, Shapes(), folder)


def from_text(folder: Path) -> Path:
    (folder / "model.mlir").write_text(exported().mlir_module())
    return import_model(folder / "model.mlir", Shapes(), folder)


def from_portable_artifact(folder: Path) -> Path:
    (folder / "model.bc").write_bytes(exported().mlir_module_serialized)
    return import_model(folder / "model.bc", Shapes(), folder)


@pytest.mark.parametrize(
    "make", [from_file, from_open_sizes, from_object, from_lowered, from_text, from_portable_artifact]
)
def test_iree_computes_what_jax_does(make: Any, tmp_path: Path) -> None:
    data = np.random.default_rng(1).random((12, 16), dtype=np.float32)
    np.testing.assert_allclose(outputs(make(tmp_path), tmp_path, data), attend(data), rtol=1e-4)


def test_open_sizes_are_named(tmp_path: Path) -> None:
    (rows,) = export.symbolic_shape("rows")
    with pytest.raises(InputError, match=r"leaves sizes open: input 0 \[rows, 16\]; bind them by --dim NAME=SIZE"):
        import_model(saved(tmp_path, exported(rows)), Shapes(), tmp_path)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda: jax.jit(attend), r"has no sizes yet; give jax\.export\.export\(function\)"),
        (lambda: exported(platforms=["cpu", "cuda"]), "exported for several devices or platforms; export it for one"),
    ],
    ids=["not exported", "two platforms"],
)
def test_what_cannot_be_tuned_is_told(function: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        write_program(function(), Shapes(), tmp_path)


def test_sizes_of_a_lowered_function_are_settled(tmp_path: Path) -> None:
    lowered = jax.jit(attend).lower(jax.ShapeDtypeStruct((12, 16), np.float32))
    with pytest.raises(InputError, match="is lowered for its sizes"):
        write_program(lowered, Shapes.parse(["rows=2"], []), tmp_path)


def test_a_file_without_a_function_is_told(tmp_path: Path) -> None:
    path = tmp_path / "model.jaxexport"
    path.write_bytes(b"nothing that JAX wrote" * 8)
    with pytest.raises(InputError, match=r"is no function that JAX exported .*serialize\(\) returns"):
        import_model(path, Shapes(), tmp_path)


@pytest.mark.runs
def test_a_function_is_tuned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = tuner.tune(exported(), keep_flags=True, trials=2, run_dir=tmp_path / "run")
    assert {each.dispatch.problem.kind for each in result.dispatches if each.dispatch.problem} >= {"contraction"}
