# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models are cut into dispatches with the right problems, data and defaults, or refused with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from iree.compiler import ir

import samples
from extraction import extract_text
from tuner import native
from tuner.compile.pool import CompileJob, CompilePool
from tuner.dispatch import Loop
from tuner.dispatches.extract import Extracted, extract
from tuner.errors import InputError
from tuner.measuring.guarding import GAP_BYTES
from tuner.model.model import Model
from tuner.outcome import DEFAULT, Fate
from tuner.targets.cpu import CpuTarget
from tuner.targets.cuda import CudaTarget


def test_a_fused_matmul_is_one_contraction(fused: Extracted) -> None:
    (dispatch,) = fused.dispatches
    assert dispatch.untunable is None
    assert dispatch.problem is not None
    assert dispatch.problem.loops == (Loop(96, "m"), Loop(128, "n"), Loop(64, "k"))
    assert dispatch.problem.label == "contraction m96 n128 k64 f32"
    assert dispatch.problem.reduction_extent == 64
    assert [operand.loops for operand in dispatch.problem.operands] == [(0, 2), (2, 1), (0, 1)]
    assert fused.functions == ("fused",)
    assert fused.limits.vector_bytes in (16, 32, 64)


def test_the_data_of_a_dispatch_is_known(fused: Extracted) -> None:
    (dispatch,) = fused.dispatches
    assert dispatch.program is not None
    regions = dispatch.program.regions
    assert [(region.shape, region.access) for region in regions] == [
        ((96, 64), "read"),
        ((64, 128), "read"),
        ((128,), "read"),
        ((96, 128), "write"),
    ]
    # After each is a gap: nothing may be read there while guard pages are up.
    ends = [region.offset_bytes + 4 * _size(region.shape) for region in regions]
    begins = [*(region.offset_bytes for region in regions[1:]), dispatch.program.buffer_bytes]
    assert all(GAP_BYTES <= begin - end < GAP_BYTES + 256 for end, begin in zip(ends, begins, strict=True))
    assert all(region.offset_bytes % 256 == 0 for region in regions)


def test_on_a_gpu_the_data_stays_together(tmp_path: Path) -> None:
    target = CudaTarget("sm_80")
    path = tmp_path / "model.mlir"
    path.write_text(samples.matmul(128, 128, 64))
    (dispatch,) = extract(Model.open(path, target.compile_flags), target, tmp_path).dispatches
    assert dispatch.program is not None
    assert dispatch.program.buffer_bytes < GAP_BYTES


def _size(shape: tuple[int, ...]) -> int:
    count = 1
    for extent in shape:
        count *= extent
    return count


def test_the_benchmark_is_stripped_and_marked(fused: Extracted) -> None:
    (dispatch,) = fused.dispatches
    assert dispatch.program is not None
    with ir.Context():
        module = ir.Module.parse(dispatch.program.ir_text)
        assert native.configured_ops(module.operation) == []
        (root,) = native.find_root_ops(module.operation)
        assert root.dispatch == dispatch.name
        assert root.operation.name == "linalg.matmul"


def test_the_default_is_the_one_of_the_users_flags(tmp_path: Path, target: CpuTarget) -> None:
    """Tiles of one element, where the flag has its way; it is compiled as the model itself was configured."""
    (dispatch,) = extract_text(samples.matmul(101, 211, 103), tmp_path, target, samples.NO_PEELING).dispatches
    assert dispatch.program is not None
    assert dispatch.default is not None
    assert any("vector_common_parallel = [1, 1, 0]" in each for each in dispatch.default.lowering_configs)
    job = CompileJob(dispatch.program, dispatch.name, DEFAULT, target, tmp_path / "d.vmfb", tmp_path / "d.log")
    with CompilePool(1, 60.0) as pool:
        (end,) = pool.compile([job])
    assert end.fate is Fate.COMPILED, end.detail
    assert end.configured == dispatch.default


def test_a_batch_is_a_batch(tmp_path: Path, target: CpuTarget) -> None:
    (dispatch,) = extract_text(samples.batch_matmul(3, 16, 32, 24), tmp_path, target).dispatches
    assert dispatch.problem is not None
    assert [loop.role for loop in dispatch.problem.loops] == ["batch", "m", "n", "k"]


def test_element_types_are_told_apart(tmp_path: Path, target: CpuTarget) -> None:
    (dispatch,) = extract_text(samples.integer_matmul(32, 64, 48), tmp_path, target).dispatches
    assert dispatch.problem is not None
    assert [operand.element_type for operand in dispatch.problem.operands] == ["i8", "i8", "i32"]
    assert dispatch.problem.label.endswith("i8xi8xi32")


def test_what_cannot_be_tuned_says_why(tmp_path: Path, target: CpuTarget) -> None:
    (dispatch,) = extract_text(samples.sort(256), tmp_path, target).dispatches
    assert dispatch.problem is None
    assert dispatch.untunable


def test_open_sizes_are_refused_with_the_reason(tmp_path: Path, target: CpuTarget) -> None:
    (dispatch,) = extract_text(samples.open_matmul(64, 64), tmp_path, target).dispatches
    assert dispatch.untunable is not None
    assert "its sizes are open, or those of its buffers" in dispatch.untunable


def test_two_dispatches_come_in_the_models_order(tmp_path: Path, target: CpuTarget) -> None:
    text = samples.matmul(64, 96, 32, "first") + samples.matmul(96, 64, 32, "second")
    extracted = extract_text(text, tmp_path, target)
    assert [dispatch.name.split("_")[0] for dispatch in extracted.dispatches] == ["first", "second"]
    assert extracted.functions == ("first", "second")


@pytest.mark.parametrize(
    ("content", "says"), [(b"", "is empty"), (b"\x00\x01garbage", "cannot compile"), (b"hello", "cannot compile")]
)
def test_what_is_no_model_is_refused(content: bytes, says: str, tmp_path: Path, target: CpuTarget) -> None:
    path = tmp_path / "model.mlir"
    path.write_bytes(content)
    with pytest.raises(InputError, match=says):
        Model.open(path, target.compile_flags).compile_or_reject(tmp_path / "out.mlir")
