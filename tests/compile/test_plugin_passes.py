# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A pipeline with passes of our plugin: in a search, in a late spec that is read back, and compiled by it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from places import DATA
from samples import narrow_matmul
from tuner.compile.late import plugin_flags
from tuner.compile.pool import CompileJob, CompilePool
from tuner.compile.specified import compile_with_specs
from tuner.dispatch import Annotations, Configuration, Feeding, GpuSettings
from tuner.dispatches.extract import extract
from tuner.events import nobody
from tuner.model.model import Model
from tuner.native import plugin_path
from tuner.options import Options
from tuner.outcome import Candidate, Fate
from tuner.specs.read import read_spec
from tuner.specs.write import Entry, late_spec
from tuner.targets.cuda import CudaTarget
from tuner.targets.gpu_pipelines import TILE_AND_FUSE, pipeline_attribute

RECORDED = DATA / "h200_run" / "spec.late.mlir"
BUILT_IN = "#iree_gpu.pipeline<TileAndFuse>"
MATMUL = Configuration(
    "TileAndFuse",
    {"workgroup": (64, 64, 0), "reduction": (0, 0, 4), "subgroup": (2, 4, 0)},
    gpu=GpuSettings((128, 1, 1), 32, 0x2020, (0, 1), feeding=Feeding(128, 3, matrix_loads=True)),
)


@pytest.mark.parametrize(
    ("pipeline", "needs"),
    [
        (BUILT_IN, False),
        (pipeline_attribute(TILE_AND_FUSE, Feeding(128)), True),
        (pipeline_attribute(TILE_AND_FUSE, Feeding(128, 3, True)), True),
    ],
    ids=["built-in", "padded", "staged"],
)
def test_a_spec_says_that_it_needs_the_plugin(pipeline: str, needs: bool, tmp_path: Path) -> None:
    (recorded,) = read_spec(RECORDED).entries
    root = {name: text.replace(BUILT_IN, pipeline) for name, text in recorded.annotations.root.items()}
    path = tmp_path / "spec.late.mlir"
    path.write_text(late_spec([replace(recorded.rewritten(), annotations=Annotations(root))]))
    assert ("needs iree-tuner's pass plugin" in path.read_text()) == needs
    assert plugin_flags(path) == ((f"--load={plugin_path()}", "--iree-hal-link-executables=false") if needs else ())
    (read,) = read_spec(path).entries
    assert read.annotations.root == root


@pytest.mark.compiler
@pytest.mark.gpu
def test_it_compiles_to_the_same_code_in_a_search_and_by_a_spec(tmp_path: Path) -> None:
    model, target = tmp_path / "model.mlir", CudaTarget()
    model.write_text(narrow_matmul(128, 128, 512, "f16"))
    (dispatch,) = extract(Model.open(model, target.compile_flags), target, tmp_path).dispatches
    assert dispatch.program is not None
    assert dispatch.problem is not None
    candidate = Candidate(1, configuration=MATMUL)
    job = CompileJob(
        dispatch.program, dispatch.name, candidate, target, tmp_path / "searched.vmfb", tmp_path / "searched.log"
    )
    with CompilePool(1, 60.0) as compilers:
        (end,) = compilers.compile([job])
    assert end.fate is Fate.COMPILED, end.detail
    assert end.annotations is not None
    spec, binary = tmp_path / "spec.late.mlir", tmp_path / "model.vmfb"
    spec.write_text(late_spec([Entry(dispatch.problem, end.annotations)]))
    compile_with_specs(model, [spec], binary, Options(target="cuda:sm_80"), nobody)
    searched, deployed = (path.read_bytes() for path in (tmp_path / "searched.vmfb", binary))
    for word in (b"ldmatrix", b"cp.async.c", b"mma.sync"):
        assert searched.count(word) == deployed.count(word) > 0
