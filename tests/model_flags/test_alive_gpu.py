# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every value of the GPUs' knobs is known to the compiler, compiles, and changes the code of a small model.

Compiled for named chips and not run.
"""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import few_gpu_ops
import few_ops
import problem_sizes
from machine_code import elf_images, ptx_texts
from tuner.model.model import Model
from tuner.model_flags import ModelFlags, cuda, rocm
from tuner.targets import Target
from tuner.targets.cuda import CudaTarget
from tuner.targets.rocm import RocmTarget

pytestmark = [pytest.mark.compiler, pytest.mark.gpu]

MODELS = {
    **few_ops.MODELS,
    **{f"half {name}": text for name, text in few_gpu_ops.MODELS.items()},
    "half convolution": problem_sizes.convolution((1, 28, 28, 64, 64, 3, 1, 1), "f16"),
    "long sums": problem_sizes.product((64, 64, 16384), "f16"),
}
# The model that each value changes.
CHANGED = {
    "convolution-layout=channels-last": "convolution",
    "opt-level=O2": "half attention",
    "opt-level=O3": "half attention",
    "fuse-padding=consumer": "padded chain",
    "fuse-padding=producer": "padded chain",
    "generalized-matmul=on": "half attention",
    "aggressive-fusion=on": "half residual",
    "convolution-algorithm=direct": "half convolution",
    "convolution-algorithm=plain": "half convolution",
    "convolution-algorithm=winograd": "half convolution",
    "product-code=vector-distribute": "half product",
    "horizontal-contractions=fused": "half attention",
    "transposes=aggressive": "half attention",
    "transposes=none": "transposed matmul",
    "transposes=through-convolutions": "transposed convolution",
    "reduction-code=tile-and-fuse": "sum",
    "split-reduction=on": "long sums",
    "outer-concatenation=on": "concatenation",
}
CODE = {"cuda": ptx_texts, "rocm": elf_images}


def code_of(name: str, target: Target, folder: Path, flags: tuple[str, ...] = ()) -> tuple[bytes, ...]:
    """The machine code of a small model."""
    with tempfile.TemporaryDirectory(dir=folder) as work:
        source, binary = Path(work) / "model.mlir", Path(work) / "model.vmfb"
        source.write_text(MODELS[name])
        Model.open(source, target.compile_flags).compile_or_reject(binary, *flags)
        code = CODE[target.name](binary.read_bytes())
    assert code
    return code


@pytest.mark.parametrize(
    ("target", "known"),
    [
        pytest.param(CudaTarget("sm_80"), cuda.FLAGS, id="cuda"),
        pytest.param(RocmTarget("gfx942"), rocm.FLAGS, id="rocm", marks=pytest.mark.slow),
    ],
)
def test_every_value_changes_the_code_of_a_small_model(target: Target, known: ModelFlags, tmp_path: Path) -> None:
    assert list(CHANGED) == [f"{knob.name}={value}" for knob in known.knobs for value in knob.choices]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        models = sorted(set(CHANGED.values()))
        defaults = dict(zip(models, threads.map(lambda model: code_of(model, target, tmp_path), models), strict=True))

        def is_dead(value: str) -> bool:
            knob, _, chosen = value.partition("=")
            flags = known.flags({knob: chosen})
            return code_of(CHANGED[value], target, tmp_path, flags) == defaults[CHANGED[value]]

        dead = [value for value, found in zip(CHANGED, threads.map(is_dead, CHANGED), strict=True) if found]
    assert dead == []
