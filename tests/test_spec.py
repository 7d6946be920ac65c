# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Specs: what plain iree-compile does with them, and how they reach the disk."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

import models
from extraction import extract_text
from tuner.dispatch import Annotations, Configured
from tuner.errors import InputError
from tuner.extracting import read_model_configurations
from tuner.model import Model, spec_flag
from tuner.spec import Entry, check_writable, problem_spec, write_atomically
from tuner.targets.cpu import CpuTarget

ANNOTATIONS = Annotations(
    {
        "compilation_info": "#iree_codegen.compilation_info<lowering_config = #iree_cpu.lowering_config<"
        "distribution = [32, 64, 0], vector_common_parallel = [4, 32, 0], vector_reduction = [0, 0, 8]>,"
        " translation_info = <pipeline = #iree_cpu.pipeline<DoubleTilingExpert>>>"
    }
)


def configurations(text: str, spec: str, folder: Path, target: CpuTarget) -> dict[str, Configured]:
    """What each dispatch of the model holds after plain iree-compile read the spec."""
    model_path, spec_path, out = folder / "m.mlir", folder / "s.mlir", folder / "out.mlir"
    model_path.write_text(text)
    spec_path.write_text(spec)
    result = Model.open(model_path, target.compile_flags).compile(
        out, spec_flag(spec_path), "--mlir-disable-threading", "--compile-to=executable-configurations"
    )
    assert result.exit_code == 0, result.first_error
    return read_model_configurations(out)


def test_an_entry_reaches_its_problem_and_no_other(tmp_path: Path, target: CpuTarget) -> None:
    text = models.matmul(96, 128, 64, "wanted") + models.matmul(96, 128, 80, "other")
    wanted, other = extract_text(text, tmp_path, target).dispatches
    assert wanted.problem is not None
    with_spec = configurations(text, problem_spec([Entry(wanted.problem, ANNOTATIONS)]), tmp_path, target)
    assert any("distribution = [32, 64, 0]" in config for config in with_spec[wanted.name].lowering_configs)
    assert with_spec[other.name] == other.default


def test_a_transposed_operand_is_another_problem(tmp_path: Path, target: CpuTarget) -> None:
    plain = extract_text(models.matmul(96, 96, 96), tmp_path, target).dispatches[0]
    maps = (
        "indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>,"
        " affine_map<(m, n, k) -> (m, n)>]"
    )
    text = models.matmul(96, 96, 96).replace("linalg.matmul ins", f"linalg.matmul {maps} ins")
    (transposed,) = extract_text(text, tmp_path, target).dispatches
    assert plain.problem is not None
    assert plain.problem != transposed.problem
    with_spec = configurations(text, problem_spec([Entry(plain.problem, ANNOTATIONS)]), tmp_path, target)
    assert with_spec[transposed.name] == transposed.default


def test_a_spec_without_entries_is_valid_and_changes_nothing(tmp_path: Path, target: CpuTarget) -> None:
    (dispatch,) = extract_text(models.matmul(96, 128, 64), tmp_path, target).dispatches
    with_spec = configurations(models.matmul(96, 128, 64), problem_spec([], ["empty"]), tmp_path, target)
    assert with_spec[dispatch.name] == dispatch.default


def test_writing_replaces_in_one_step_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "spec.mlir"
    path.write_text("old")
    path.chmod(0o640)
    write_atomically(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [file.name for file in tmp_path.iterdir()] == ["spec.mlir"]


def test_a_failed_write_keeps_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "spec.mlir"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "half\ud800")
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["spec.mlir"]


def test_what_cannot_be_written_is_found_beforehand(tmp_path: Path) -> None:
    model = tmp_path / "model.mlir"
    model.write_text("a model")
    check_writable(tmp_path / "spec.mlir", never=model)
    assert [file.name for file in tmp_path.iterdir()] == ["model.mlir"]
    for path, says in (
        (tmp_path, "is a folder"),
        (tmp_path / "missing" / "spec.mlir", "there is no folder"),
        (model, "is the model itself"),
        (Path("/proc/spec.mlir"), "cannot write"),
    ):
        with pytest.raises(InputError, match=says):
            check_writable(path, never=model)


def test_file_permissions_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "spec.mlir", "new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "spec.mlir").stat().st_mode) == 0o640
