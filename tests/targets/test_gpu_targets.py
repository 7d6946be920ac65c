# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""GPU targets state the limits that the compiler states, and write configurations as the compiler writes them."""

from __future__ import annotations

from pathlib import Path

import pytest
from iree.compiler import ir

from samples import narrow_matmul, softmax
from tuner import native
from tuner.dispatch import Configuration, Dispatch, GpuSettings
from tuner.dispatches.extract import extract
from tuner.errors import ToolError
from tuner.model.model import Model
from tuner.targets import Limits
from tuner.targets.cuda import CudaTarget
from tuner.targets.rocm import RocmTarget

pytestmark = pytest.mark.gpu


def extract_one(text: str, target: CudaTarget | RocmTarget, folder: Path) -> tuple[Dispatch, Limits]:
    path = folder / "model.mlir"
    path.write_text(text)
    extracted = extract(Model.open(path, target.compile_flags), target, folder)
    (dispatch,) = extracted.dispatches
    return dispatch, extracted.limits


MATMUL = {
    "sm_80": Configuration(
        "TileAndFuse",
        {"workgroup": (64, 64, 0), "reduction": (0, 0, 8), "subgroup": (2, 4, 0)},
        gpu=GpuSettings((128, 1, 1), 32, 0x2020, (0, 1), 2, False, False),
    ),
    "gfx942": Configuration(
        "TileAndFuse",
        {"workgroup": (64, 128, 0), "reduction": (0, 0, 8), "subgroup": (2, 4, 0)},
        gpu=GpuSettings((256, 1, 1), 64, 0x1020, (0, 1), 2, False, False),
    ),
}


@pytest.mark.parametrize("target", [CudaTarget(), RocmTarget()], ids=["sm_80", "gfx942"])
def test_limits_and_configurations_are_the_compilers(target: CudaTarget | RocmTarget, tmp_path: Path) -> None:
    dispatch, limits = extract_one(narrow_matmul(512, 4096, 4096, "f16"), target, tmp_path)
    gpu = limits.gpu
    assert gpu is not None
    assert gpu.chip == target.chip
    assert gpu.subgroup_sizes == ((32,) if target.name == "cuda" else (64,))
    assert gpu.shared_memory_bytes == (166912 if target.name == "cuda" else 65536)
    assert gpu.max_workgroup_threads == 1024
    intrinsic = gpu.intrinsics_for("f16", "f16", "f32")[0]
    assert (intrinsic.m, intrinsic.k) == (16, 16)
    assert gpu.intrinsics_for("f64", "f16", "f32") == ()

    assert dispatch.default is not None
    with ir.Context() as context:
        native.register_passes()
        info = target.compilation_info(MATMUL[target.chip], context)
        assert (str(info.lowering_config),) == dispatch.default.lowering_configs
        assert str(info.translation_info) == dispatch.default.translation_info


@pytest.mark.parametrize("target", [CudaTarget(), RocmTarget()], ids=["sm_80", "gfx942"])
def test_followers_are_written_as_they_were_read(target: CudaTarget | RocmTarget, tmp_path: Path) -> None:
    dispatch, _ = extract_one(softmax(32, 4096), target, tmp_path)
    assert dispatch.problem is not None
    assert dispatch.default is not None
    assert [follower.loops for follower in dispatch.problem.followers] == [(0, 1), (0, 1)]
    with ir.Context() as context:
        native.register_passes()
        written = [
            str(target.lowering_config(dict(follower.levels), context)) for follower in dispatch.problem.followers
        ]
    assert written == [text for text in dispatch.default.lowering_configs if "workgroup" not in text]


def test_bases_occupancy_and_padding_are_written() -> None:
    levels = {
        "workgroup": (1, 8, 0),
        "partial_reduction": (0, 0, 512),
        "thread": (0, 0, 8),
        "lane_basis": (1, 1, 64),
        "subgroup_basis": (1, 1, 2),
        "padding": (1, 8, 512),
    }
    with ir.Context() as context:
        native.register_passes()
        settings = GpuSettings((128, 1, 1), 64, occupancy=2)
        info = RocmTarget().compilation_info(Configuration("VectorDistribute", levels, gpu=settings), context)
        assert "lane_basis = [[1, 1, 64], [0, 1, 2]]" in str(info.lowering_config)
        assert "subgroup_basis = [[1, 1, 2], [0, 1, 2]]" in str(info.lowering_config)
        assert "padding = [1, 8, 512]" in str(info.lowering_config)
        assert '"amdgpu-waves-per-eu" = "2"' in str(info.translation_info)


def test_a_configuration_needs_settings_and_a_target_a_gpu() -> None:
    with ir.Context() as context:
        native.register_passes()
        with pytest.raises(ValueError, match="needs its settings"):
            CudaTarget("sm_80").compilation_info(Configuration("TileAndFuse", {"workgroup": (1,)}), context)
        executable = ir.Attribute.parse('#hal.executable.target<"llvm-cpu", "embedded-elf-x86_64", {}>')
        with pytest.raises(ToolError, match="must target sm_80"):
            CudaTarget("sm_80").facts(executable)
