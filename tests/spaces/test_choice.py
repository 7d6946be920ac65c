# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which space each dispatch of the examples gets, on every target."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from places import EXAMPLES
from tuner import plugins, spaces
from tuner.dispatch import Problem
from tuner.dispatches.extract import extract
from tuner.errors import InputError
from tuner.model.model import Model
from tuner.options import Options
from tuner.spaces import SpaceBuilder
from tuner.targets import Target
from tuner.targets.cpu import CpuTarget
from tuner.targets.cuda import CudaTarget
from tuner.targets.rocm import RocmTarget

pytestmark = pytest.mark.compiler

# By kind; a kind that is not listed has no space.
CPU = {
    "attention": "cpu-attention",
    "contraction": "cpu-double-tiling-contraction",
    "matvec": "cpu-double-tiling-contraction",
    "convolution": "cpu-convolution",
    "copy": "cpu-copy",
    "elementwise": "cpu-elementwise",
    "mmt4d": "cpu-mmt4d",
    "inner-tiled": "cpu-inner-tiled",
    "packing": "cpu-packing",
    "pooling": "cpu-pooling",
    "reduction": "cpu-reduction",
    "winograd": "cpu-winograd",
}
GPU = {
    "contraction": "gpu-contraction",
    "convolution": "gpu-convolution",
    "copy": "gpu-copy",
    "elementwise": "gpu-elementwise",
    "matvec": "gpu-matvec",
    "pooling": "gpu-convolution",
    "reduction": "gpu-reduction",
}
CASES: dict[str, tuple[Target, tuple[str, ...], dict[str, str]]] = {
    "cpu": (CpuTarget(), (), CPU),
    "cpu, data-tiled": (CpuTarget(), ("--iree-opt-data-tiling",), CPU),
    "cuda": (CudaTarget("sm_80"), (), {**GPU, "attention": "gpu-attention"}),
    "rocm": (RocmTarget("gfx942"), (), {**GPU, "attention": "gpu-attention-amd"}),
}
# Forms that only some targets tell apart: GPUs reduce a product of a single row, the CPU folds a convolution without
# products.
FORMS = {
    "contraction m1 n4096 k4096 f32": "matvec",
    "convolution batch1 image28 image28 batch64 window2 window2 f32": "pooling",
}


def problems(target: Target, flags: tuple[str, ...], folder: Path) -> Iterator[Problem]:
    """The problems of all examples."""
    for path in sorted(EXAMPLES.glob("*.mlir")):
        for dispatch in extract(Model.open(path, (*target.compile_flags, *flags)), target, folder).dispatches:
            if dispatch.problem is not None:
                yield dispatch.problem


@pytest.mark.parametrize("case", CASES)
def test_each_problem_of_the_examples_has_one_space(case: str, tmp_path: Path) -> None:
    target, flags, expected = CASES[case]
    seen = set()
    for problem in problems(target, flags, tmp_path):
        wanted = expected.get(FORMS.get(problem.label, problem.kind))
        # Spaces of a lower priority serve if they are named.
        claims = [name for name in plugins.names(spaces.GROUP) if serves(name, target, problem) and not is_second(name)]
        found = spaces.find(target.name, problem)
        assert (found[0] if found else None) == wanted, problem.label
        assert claims == ([wanted] if wanted else []), problem.label
        seen.add(problem.kind)
    assert len(seen) >= 4


def serves(name: str, target: Target, problem: Problem) -> bool:
    builder: SpaceBuilder = plugins.load(spaces.GROUP, name)
    return builder.serves(target.name, problem)


def test_a_space_that_is_not_registered_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="there is no space named 'cpu-magic'; choose one of: cpu-attention, "):
        Options(spaces=("cpu-magic",))


def is_second(name: str) -> bool:
    """Whether a space serves only where no other one does, or if it is named."""
    builder: SpaceBuilder = plugins.load(spaces.GROUP, name)
    return builder.priority < 0
