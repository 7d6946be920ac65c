# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Open sizes and entries for a range: these reach an open dispatch only if the model says that its sizes are theirs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from iree import runtime

import samples
from pretended import proof_with_winners
from tuner.dispatches.extract import read_model_configurations
from tuner.model.model import Model
from tuner.specs.ranges import widen_spec
from tuner.targets.choosing import choose_target
from tuner.targets.target import tuning_spec_flags

pytestmark = pytest.mark.compiler

ROWS, MOST = 384, 1536


def product(known: str) -> str:
    """A product of any number of rows, of which `known` is known, as in `udiv = 64`."""
    x, w, y = "tensor<?x128xf32>", "tensor<128x256xf32>", "tensor<?x256xf32>"
    return f"""
func.func @main(%open: {x}, %w: {w}) -> {y} {{
  %first = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %dim = tensor.dim %open, %first : {x}
  %rows = util.assume.int %dim<{known}> : index
  %x = flow.tensor.tie_shape %open : {x}{{%rows}}
  %empty = tensor.empty(%rows) : {y}
  %init = linalg.fill ins(%zero : f32) outs(%empty : {y}) -> {y}
  %y = linalg.matmul ins(%x, %w : {x}, {w}) outs(%init : {y}) -> {y}
  return %y : {y}
}}
"""


@pytest.fixture(name="wide", scope="module")
def widen_a_product(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spec for multiples of its tile up to MOST rows."""
    folder = tmp_path_factory.mktemp("measured")
    _, proof = proof_with_winners(samples.matmul(ROWS, 256, 128), "cpu", folder)
    (folder / "spec.mlir").write_text(proof.spec)
    widen_spec(folder / "spec.mlir", folder / "wide.mlir", "m", MOST)
    return folder / "wide.mlir"


def held(model: Model, folder: Path, *flags: str) -> list[str]:
    """What the dispatches of a model hold after plain iree-compile."""
    model.compile_or_reject(folder / "out.mlir", *flags, "--compile-to=executable-configurations")
    return [str(configured) for configured in read_model_configurations(folder / "out.mlir").values()]


def opened(text: str, folder: Path) -> Model:
    (folder / "model.mlir").write_text(text)
    return Model.open(folder / "model.mlir", choose_target("cpu").compile_flags)


def test_an_entry_reaches_open_sizes_that_are_known_to_be_of_its_range(wide: Path, tmp_path: Path) -> None:
    flags = tuning_spec_flags(wide)
    wanted = held(opened(samples.matmul(ROWS, 256, 128), tmp_path), tmp_path, *flags)
    model = opened(product(f"umin = {ROWS}, umax = {MOST}, udiv = {ROWS}"), tmp_path)
    assert held(model, tmp_path, *flags) == wanted != held(model, tmp_path)
    model.compile_or_reject(tmp_path / "model.vmfb", *flags)
    program = runtime.load_vm_flatbuffer_file(str(tmp_path / "model.vmfb"), driver="local-sync")
    rng = np.random.default_rng(0)
    for rows in (ROWS, 2 * ROWS, MOST):
        x, w = (rng.integers(-4, 5, size=shape).astype(np.float32) for shape in ((rows, 128), (128, 256)))
        np.testing.assert_array_equal(program.main(x, w).to_host(), x @ w)


@pytest.mark.parametrize(
    "known",
    [
        pytest.param(f"umin = {ROWS}, umax = {2 * MOST}, udiv = {ROWS}", id="some are larger"),
        pytest.param(f"umin = {ROWS}, umax = {MOST}", id="some have a remainder"),
    ],
)
def test_no_entry_reaches_open_sizes_of_which_some_are_not_of_its_range(known: str, wide: Path, tmp_path: Path) -> None:
    model = opened(product(known), tmp_path)
    assert held(model, tmp_path, *tuning_spec_flags(wide)) == held(model, tmp_path)
