# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Specs: what plain iree-compile does with them, and how they reach the disk."""

from __future__ import annotations

from pathlib import Path

import samples
from extraction import extract_text
from tuner.dispatch import Annotations, Configured
from tuner.dispatches.extract import read_model_configurations
from tuner.model.model import Model
from tuner.specs.write import Entry, problem_spec
from tuner.targets.cpu import CpuTarget
from tuner.targets.target import tuning_spec_flags

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
        out, *tuning_spec_flags(spec_path), "--compile-to=executable-configurations"
    )
    assert result.exit_code == 0, result.first_error
    return read_model_configurations(out)


def test_an_entry_reaches_its_problem_and_no_other(tmp_path: Path, target: CpuTarget) -> None:
    text = samples.matmul(96, 128, 64, "wanted") + samples.matmul(96, 128, 80, "other")
    wanted, other = extract_text(text, tmp_path, target).dispatches
    assert wanted.problem is not None
    with_spec = configurations(text, problem_spec([Entry(wanted.problem, ANNOTATIONS)]), tmp_path, target)
    assert any("distribution = [32, 64, 0]" in config for config in with_spec[wanted.name].lowering_configs)
    assert with_spec[other.name] == other.default


def test_a_transposed_operand_is_another_problem(tmp_path: Path, target: CpuTarget) -> None:
    plain = extract_text(samples.matmul(96, 96, 96), tmp_path, target).dispatches[0]
    maps = (
        "indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>,"
        " affine_map<(m, n, k) -> (m, n)>]"
    )
    text = samples.matmul(96, 96, 96).replace("linalg.matmul ins", f"linalg.matmul {maps} ins")
    (transposed,) = extract_text(text, tmp_path, target).dispatches
    assert plain.problem is not None
    assert plain.problem != transposed.problem
    with_spec = configurations(text, problem_spec([Entry(plain.problem, ANNOTATIONS)]), tmp_path, target)
    assert with_spec[transposed.name] == transposed.default


def test_a_spec_without_entries_is_valid_and_changes_nothing(tmp_path: Path, target: CpuTarget) -> None:
    (dispatch,) = extract_text(samples.matmul(96, 128, 64), tmp_path, target).dispatches
    with_spec = configurations(samples.matmul(96, 128, 64), problem_spec([], ["empty"]), tmp_path, target)
    assert with_spec[dispatch.name] == dispatch.default
