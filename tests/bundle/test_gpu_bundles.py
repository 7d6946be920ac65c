# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Bundles for GPUs that are not here: candidates compile, and the winner goes where it is applied."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import samples
from commands import iree_tune, write
from places import EXAMPLES
from tuner.bundle.manifest import read_manifest
from tuner.bundle.results import Ended, FinalSamples, Machine, Results
from tuner.dispatches.extract import read_model_configurations
from tuner.measuring import Tolerance, Verification
from tuner.measuring.racecheck import RaceCheck
from tuner.measuring.sampling import Paired
from tuner.model.model import Model
from tuner.targets.choosing import choose_target

pytestmark = [pytest.mark.compiler, pytest.mark.gpu]


@pytest.mark.parametrize(
    ("target", "example", "options", "is_late"),
    [
        ("cuda:sm_80", "gpu_matmul_2048_f16", (), True),
        ("cuda:sm_80", "gpu_matmul_2048_f16", ("--plain",), False),
        ("cuda:sm_80", "gpu_conv_32x32x1280_f16", ("--plain",), False),
        ("rocm:gfx942", "gpu_matmul_2048_f16", (), False),
        ("rocm:gfx942", "gpu_attention_4096_f16", ("--plain",), False),
    ],
)
def test_for_a_gpu_the_winner_goes_where_it_is_applied(
    target: str, example: str, options: tuple[str, ...], is_late: bool, tmp_path: Path
) -> None:
    """No such device is needed but to measure; the numbers that one would send are made up here."""
    model = EXAMPLES / f"{example}.mlir"
    words = ("run", model, "--target", target, "--no-measure", "--bundle", "bundle", "--trials", "2", "--workers", "1")
    done = iree_tune(*words, *options, "--run-dir", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    bundle = tmp_path / "bundle"
    (dispatch,) = read_manifest(bundle).dispatches
    assert dispatch.failures.total() == 0
    results = Results.open(bundle, Machine("a GPU", "gpu", "3.13.0", "3.12.1"))
    for number in range(3):
        results.add_ended(dispatch.name, Ended(number, "Measured", "", 1e-3 / (1 + number), 1.0 + number, (1e-3,), 1.0))
    paired = Paired((3e-3,) * 10, (1e-3,) * 10)
    verification = Verification(True, 0.0, "", Tolerance(1e-3, 1e-3))
    results.add_final(dispatch.name, FinalSamples(2, paired, verification, (1, 2, 3), 20, RaceCheck(0, 1)))
    done = iree_tune("take-back", model, bundle, "-o", "spec.mlir", "--run-dir", "taken", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "a GPU" in done.stdout
    assert "3.00x" in done.stdout
    assert (tmp_path / "spec.late.mlir").exists() == is_late
    (tuned,) = json.loads((tmp_path / "taken" / "result.json").read_text())["dispatches"]
    assert tuned["moment"] == ("late" if is_late else "early")
    if is_late:
        done = iree_tune("compile", model, "spec.late.mlir", "--target", target, "-o", "model.vmfb", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert f"applied to {dispatch.name}" in done.stdout
        return
    configured, chosen = tmp_path / "configured.mlir", choose_target(target)
    plain = Model.open(model, chosen.compile_flags).with_flags(*chosen.spec_flags(tmp_path / "spec.mlir"))
    plain.compile_or_reject(configured, "--compile-to=executable-configurations")
    workgroup = tuned["winner"]["levels"]["workgroup"]
    held = read_model_configurations(configured)[dispatch.name]
    assert any(f"workgroup = {workgroup}" in config for config in held.lowering_configs)


@pytest.mark.parametrize(
    ("chip", "space"),
    [
        ("gfx942", "gpu-contraction"),
        ("gfx950", "gpu-contraction"),
        ("gfx1100", "gpu-contraction"),
        ("gfx1201", "gpu-contraction"),
        ("gfx942", "gpu-attention-amd"),
        ("gfx1100", "gpu-attention-amd"),
        ("gfx942", "gpu-convolution"),
    ],
)
def test_for_amd_chips_candidates_compile(chip: str, space: str, tmp_path: Path) -> None:
    texts = {
        "gpu-contraction": samples.narrow_matmul(256, 256, 256, "f16"),
        "gpu-attention-amd": (EXAMPLES / "gpu_attention_4096_f16.mlir").read_text(),
        "gpu-convolution": (EXAMPLES / "gpu_conv_32x32x1280_f16.mlir").read_text(),
    }
    model = write(tmp_path, texts[space])
    options = ("--no-measure", "--bundle", "bundle", "--trials", "2", "--workers", "1")
    done = iree_tune("run", model, "--target", f"rocm:{chip}", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    manifest = read_manifest(tmp_path / "bundle")
    assert manifest.device.uri == "hip"
    (dispatch,) = manifest.dispatches
    assert dispatch.space == space
    assert dispatch.failures.total() == 0
    for candidate in dispatch.candidates:
        assert candidate.binary is not None
        assert chip.encode() in (tmp_path / "bundle" / candidate.binary).read_bytes()
