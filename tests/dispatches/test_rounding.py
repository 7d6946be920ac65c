# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is read of a dispatch's arithmetic: which types it rounds to, and whether small integers stay exact."""

from __future__ import annotations

from pathlib import Path

import pytest

from extraction import extract_text
from layers import FAMILIES, KINDS, NO_FAULT, dispatch
from tuner.dispatch import Arithmetic
from tuner.targets.cpu import CpuTarget

READ = {
    ("products", "f32"): Arithmetic(128, "f32", "f32", is_exact=True),
    ("products", "bf16"): Arithmetic(128, "bf16", "bf16", is_exact=True),
    # Matrix units sum widened factors in their own way.
    ("products", "bf16 summed in f32"): Arithmetic(128, "f32", "f16", is_exact=True),
    ("products", "i8 summed in i32"): Arithmetic(128, "", "", is_exact=True),
    ("products", "i8 requantised"): Arithmetic(128, "f32", "f32", is_exact=False),
    ("attention", "f8E5M2 summed in f32"): Arithmetic(64, "f32", "f16", is_exact=False),
    ("layer norms", "f16"): Arithmetic(256, "f16", "f16", is_exact=False),
    # Numbers are narrowed, and not computed in the narrow type.
    ("layer norms", "f16 summed in f32"): Arithmetic(256, "f32", "f32", is_exact=False),
}

MAXIMA = """
func.func @maxima(%x: tensor<64x4096xf32>) -> tensor<64xf32> {
  %low = arith.constant 0xFF800000 : f32
  %empty = tensor.empty() : tensor<64xf32>
  %start = linalg.fill ins(%low : f32) outs(%empty : tensor<64xf32>) -> tensor<64xf32>
  %y = linalg.reduce { arith.maximumf } ins(%x : tensor<64x4096xf32>) outs(%start : tensor<64xf32>) dimensions = [1]
  return %y : tensor<64xf32>
}
"""


@pytest.fixture(name="read", scope="module")
def make_read(tmp_path_factory: pytest.TempPathFactory, target: CpuTarget) -> dict[tuple[str, str], Arithmetic]:
    texts = (
        dispatch(FAMILIES[family], KINDS[kind], NO_FAULT, f"f{number}") for number, (family, kind) in enumerate(READ)
    )
    folder: Path = tmp_path_factory.mktemp("rounding")
    extracted = extract_text("".join(texts), folder, target)
    programs = {each.name.partition("_dispatch_")[0]: each.program for each in extracted.dispatches}
    return {key: program.arithmetic for number, key in enumerate(READ) if (program := programs[f"f{number}"])}


def test_maxima_are_not_looked_for_among_small_integers(tmp_path: Path, target: CpuTarget) -> None:
    (dispatch_of_maxima,) = extract_text(MAXIMA, tmp_path, target).dispatches
    assert dispatch_of_maxima.program is not None
    assert not dispatch_of_maxima.program.arithmetic.is_exact


@pytest.mark.parametrize("key", READ, ids=", ".join)
def test_arithmetic_is_read(key: tuple[str, str], read: dict[tuple[str, str], Arithmetic]) -> None:
    assert read[key] == READ[key]
