# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""GPU configurations, intrinsics and targets, held against IREE's own bindings."""

from __future__ import annotations

import inspect
import math

import pytest
from iree.compiler import ir
from iree.compiler.dialects import iree_codegen

from release_under_test import RELEASE, iree_gpu
from tuner import native
from tuner.native import GPULoweringConfig, MMAIntrinsic, PipelineOptions, SubgroupBasis

pytestmark = pytest.mark.gpu

INTRINSICS = [*iree_gpu.MMAIntrinsic.__members__, *iree_gpu.VirtualMMAIntrinsic.__members__]

GFX942 = """#hal.executable.target<"rocm", "rocm-hsaco-fb", {
  iree_codegen.target_info = #iree_gpu.target<arch = "gfx942", features = "", wgp = <
    compute = fp32|fp16|int8, storage = b32|b16|b8, subgroup = shuffle|arithmetic, dot = dp4xi8toi32,
    mma = [<MFMA_F32_16x16x16_F16>, <MFMA_F32_32x32x8_F16>],
    subgroup_size_choices = [64], max_workgroup_sizes = [1024, 1024, 1024],
    max_thread_count_per_workgroup = 1024, max_workgroup_memory_bytes = 65536,
    max_workgroup_counts = [2147483647, 2147483647, 2147483647]>>}>"""


def _irees(intrinsic: MMAIntrinsic) -> tuple[ir.Attribute, ir.Attribute]:
    """IREE's own objects for the intrinsic: its enumeration attribute and its MMA attribute."""
    if intrinsic.virtual:
        enumeration = iree_gpu.VirtualMMAIntrinsicAttr.get(iree_gpu.VirtualMMAIntrinsic[intrinsic.name])
        return enumeration, enumeration.mma
    enumeration = iree_gpu.MMAIntrinsicAttr.get(iree_gpu.MMAIntrinsic[intrinsic.name])
    return enumeration, enumeration.mma


@pytest.mark.parametrize("name", INTRINSICS)
def test_intrinsic_agrees_with_iree(context: ir.Context, name: str) -> None:
    intrinsic = native.mma_intrinsic(name, context)
    enumeration, mma = _irees(intrinsic)
    assert intrinsic.name == name
    assert intrinsic.mma_kind == mma
    assert (intrinsic.m, intrinsic.n, intrinsic.k) == mma.mnk_shape
    assert (intrinsic.lhs_type, intrinsic.rhs_type, intrinsic.acc_type) == mma.abc_element_types
    layouts = (intrinsic.lhs_layout, intrinsic.rhs_layout, intrinsic.acc_layout)
    for operand, layout in enumerate(layouts):
        theirs = iree_gpu.get_single_subgroup_layout(enumeration, operand)
        if layout is None:
            assert list(theirs.thread) == []
            continue
        assert list(layout.outer) == list(theirs.outer)
        assert list(layout.thread) == list(theirs.thread)
        assert list(layout.strides) == list(theirs.tstrides)
        assert list(layout.element) == list(theirs.element)


@pytest.mark.parametrize("name", [name for name in INTRINSICS if not name.startswith("NV_WMMA")])
def test_layout_covers_the_operand(context: ir.Context, name: str) -> None:
    """The lanes' elements make up each operand, and are those that IREE's vectors hold."""
    intrinsic = native.mma_intrinsic(name, context)
    assert intrinsic.lhs_layout and intrinsic.rhs_layout and intrinsic.acc_layout
    layouts = (intrinsic.lhs_layout, intrinsic.rhs_layout, intrinsic.acc_layout)
    shapes = [[o * t * e for o, t, e in zip(ly.outer, ly.thread, ly.element, strict=True)] for ly in layouts]
    (*_, m, k), (*_, k_again, n), (*_, m_again, n_again) = shapes
    assert (m, n, k) == (m_again, n_again, k_again)
    if intrinsic.blocks == 1:
        assert (m, n, k) == (intrinsic.m, intrinsic.n, intrinsic.k)
    _, mma = _irees(intrinsic)
    for layout, vector in zip(layouts, mma.abc_vector_types, strict=True):
        held = math.prod(layout.outer) * math.prod(layout.element)
        lanes_per_position, rest = divmod(intrinsic.subgroup_size, math.prod(layout.thread))
        assert rest == 0
        shared = lanes_per_position if intrinsic.name.startswith("VDMFMA") else 1
        assert held == shared * math.prod(ir.VectorType(vector).shape)


@pytest.mark.parametrize("name", [name for name in INTRINSICS if not name.startswith("NV_WMMA")])
def test_lanes_fill_the_subgroup(context: ir.Context, name: str) -> None:
    """No lane has a number beyond the subgroup, and some operand takes all of them."""
    intrinsic = native.mma_intrinsic(name, context)
    used = set()
    for layout in (intrinsic.lhs_layout, intrinsic.rhs_layout, intrinsic.acc_layout):
        assert layout is not None
        last = sum((t - 1) * s for t, s in zip(layout.thread, layout.strides, strict=True))
        assert last < intrinsic.subgroup_size
        used.add(math.prod(layout.thread))
    if RELEASE < (3, 12) and name in ("WMMAR3_F16_16x16x16_F16", "WMMAR3_BF16_16x16x16_BF16"):
        assert used == {16}  # There even the accumulator is held twice over.
    else:
        assert max(used) == intrinsic.subgroup_size


def test_intrinsics_lists_all(context: ir.Context) -> None:
    listed = native.mma_intrinsics(context)
    assert sorted(intrinsic.name for intrinsic in listed) == sorted(INTRINSICS)
    assert any(intrinsic.virtual for intrinsic in listed)
    blocked = [i.name for i in listed if i.blocks > 1]
    assert all("B_" in name for name in blocked)


def test_opaque_intrinsic(context: ir.Context) -> None:
    wmma = native.mma_intrinsic("NV_WMMA_F32_16x16x16_F16", context)
    assert (wmma.m, wmma.n, wmma.k, wmma.subgroup_size) == (16, 16, 16, 32)
    assert wmma.lhs_layout is None


def test_unknown_intrinsic(context: ir.Context) -> None:
    with pytest.raises(ValueError, match="knows no intrinsic 'MFMA_NONE'"):
        native.mma_intrinsic("MFMA_NONE", context)


def test_gpu_target(context: ir.Context) -> None:
    target = native.gpu_target(ir.Attribute.parse(GFX942, context))
    assert target is not None
    assert target.arch == "gfx942"
    assert target.subgroup_sizes == (64,)
    assert target.max_workgroup_sizes == (1024, 1024, 1024)
    assert target.max_threads_per_workgroup == 1024
    assert target.max_shared_memory_bytes == 65536
    assert target.workgroup_processors is None
    names = [intrinsic.name for intrinsic in target.mma_intrinsics]
    assert names[0] == "MFMA_F32_16x16x16_F16"
    assert "MFMA_F32_32x32x8_F16" in names
    assert any(name.startswith("VMFMA") for name in names)
    theirs = iree_gpu.TargetInfo.get_gpu_target_info(ir.Attribute.parse(GFX942, context))
    assert names == [intrinsic.name for intrinsic in theirs.mma_intrinsics]


def test_cpu_target_is_no_gpu(context: ir.Context) -> None:
    cpu = '#hal.executable.target<"llvm-cpu", "embedded-elf-x86_64", {native_vector_size = 64 : i64}>'
    assert native.gpu_target(ir.Attribute.parse(cpu, context)) is None
    with pytest.raises(ValueError, match=r"not a #hal\.executable\.target"):
        native.gpu_target(ir.Attribute.parse("42 : i32", context))


@pytest.mark.parametrize(
    "config",
    [
        GPULoweringConfig({}),
        GPULoweringConfig({"workgroup": (64, 64, 0), "reduction": (0, 0, 4)}),
        GPULoweringConfig(
            {"workgroup": (64, 64, 0), "reduction": (0, 0, 4), "subgroup": (2, 2, 0)},
            subgroup_basis=SubgroupBasis((2, 2, 1), (0, 1, 2)),
            promote_operands=(0, 1),
        ),
    ],
)
def test_gpu_lowering_config_round_trip(context: ir.Context, config: GPULoweringConfig) -> None:
    attribute = native.gpu_lowering_config(config, context)
    assert native.read_gpu_lowering_config(attribute) == config
    assert ir.Attribute.parse(str(attribute), context) == attribute


def test_gpu_lowering_config_agrees_with_iree(context: ir.Context) -> None:
    kind = native.mma_intrinsic("MFMA_F32_16x16x16_F16", context).mma_kind
    config = GPULoweringConfig(
        {"workgroup": (64, 32, 0), "reduction": (0, 0, 4)},
        mma_kind=kind,
        subgroup_basis=SubgroupBasis((2, 1, 1), (0, 1, 2)),
        other={"expand_dims": ir.UnitAttr.get(context)},
    )
    attribute = native.gpu_lowering_config(config, context)
    assert native.read_gpu_lowering_config(attribute) == config
    theirs = iree_gpu.LoweringConfigAttr(attribute)
    assert theirs.workgroup_tile_sizes == [64, 32, 0]
    assert theirs.reduction_tile_sizes == [0, 0, 4]
    assert theirs.mma_kind == kind
    assert theirs.subgroup_basis == ([2, 1, 1], [0, 1, 2])


def test_bad_gpu_lowering_config(context: ir.Context) -> None:
    for config, message in [
        (GPULoweringConfig({"wrokgroup": (1,)}), "unknown tiling level 'wrokgroup'"),
        (GPULoweringConfig({"workgroup": (-1,)}), "must not be negative"),
        (GPULoweringConfig({}, subgroup_basis=SubgroupBasis((2,), (1,))), "leaves the basis"),
        (
            GPULoweringConfig({}, other={"workgroup": ir.UnitAttr.get(context)}),
            "has a field of its own",
        ),
    ]:
        with pytest.raises(ValueError, match=message):
            native.gpu_lowering_config(config, context)
    with pytest.raises(ValueError, match=r"not an #iree_gpu\.lowering_config"):
        native.read_gpu_lowering_config(ir.Attribute.parse("42 : i32", context))
    broken = ir.Attribute.parse('#iree_gpu.lowering_config<{workgroup = "x"}>', context)
    with pytest.raises(ValueError, match="array of integers"):
        native.read_gpu_lowering_config(broken)


@pytest.mark.parametrize(
    "options",
    [
        PipelineOptions(),
        PipelineOptions(0, True, False, "none"),
        PipelineOptions(2, False, True, "transpose"),
    ],
)
def test_pipeline_options_round_trip(context: ir.Context, options: PipelineOptions) -> None:
    attribute = native.pipeline_options(options, context)
    assert native.read_pipeline_options(attribute) == options
    theirs = iree_gpu.PipelineOptionsAttr(attribute)
    assert theirs.use_igemm_convolution == options.use_igemm_convolution
    if RELEASE >= (3, 10):
        assert theirs.prefetch_num_stages == options.prefetch_num_stages
    else:
        wanted = None if options.prefetch_num_stages is None else options.prefetch_num_stages > 1
        assert theirs.prefetch_shared_memory == wanted


def test_bad_pipeline_options(context: ir.Context) -> None:
    with pytest.raises(ValueError, match="cannot prefetch in -1 stages"):
        native.pipeline_options(PipelineOptions(prefetch_num_stages=-1), context)
    with pytest.raises(ValueError, match="not 'sideways'"):
        native.pipeline_options(PipelineOptions(reorder_workgroups="sideways"), context)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="pipeline_options"):
        native.read_pipeline_options(ir.Attribute.parse("42 : i32", context))


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("cpu", "DoubleTilingExpert"),
        ("cpu", "ConvTileAndDecomposeExpert"),
        ("cpu", "Mmt4dTilingExpert"),
        ("cpu", "DataTiling"),
        ("gpu", "TileAndFuse"),
        ("gpu", "VectorDistribute"),
    ],
)
def test_translation_info_round_trip(context: ir.Context, target: str, name: str) -> None:
    pipeline = native.pipeline(target, name, context)  # type: ignore[arg-type]
    options = native.pipeline_options(PipelineOptions(2), context)
    config = ir.DictAttr.get({"gpu_pipeline_options": options}, context)
    attribute = native.make_translation_info(pipeline, (64, 2, 1), 64, config)
    assert name in str(attribute)
    theirs = iree_codegen.TranslationInfoAttr(attribute)
    assert theirs.pass_pipeline == pipeline
    assert theirs.workgroup_size == [64, 2, 1]
    assert theirs.subgroup_size == 64
    assert theirs.configuration == config
    function = ir.Module.parse("func.func @f() { return }", context).body.operations[0]
    function.attributes["translation_info"] = attribute
    info = native.translation_info(function)
    assert info is not None
    assert (info.pipeline, info.workgroup_size, info.subgroup_size, info.configuration) == (
        pipeline,
        (64, 2, 1),
        64,
        config,
    )


def test_bad_translation_info(context: ir.Context) -> None:
    with pytest.raises(ValueError):
        native.pipeline("cpu", "NoSuchPipeline", context)
    with pytest.raises(ValueError, match="'cpu' or 'gpu'"):
        native.pipeline("tpu", "Default", context)  # type: ignore[arg-type]
    pipeline = native.pipeline("gpu", "TileAndFuse", context)
    with pytest.raises(ValueError, match="3 positive sizes"):
        native.make_translation_info(pipeline, (0,))
    with pytest.raises(ValueError, match="must be positive"):
        native.make_translation_info(pipeline, (64,), 0)
    with pytest.raises(ValueError, match="dictionary"):
        native.make_translation_info(pipeline, (64,), 64, pipeline)


def test_compilation_info_round_trip(context: ir.Context) -> None:
    lowering = native.cpu_lowering_config({"distribution": native.TilingLevel((8, 8, 0))}, context)
    translation = native.make_translation_info(native.pipeline("cpu", "DoubleTilingExpert", context))
    attribute = native.make_compilation_info(lowering, translation)
    assert native.compilation_info(attribute) == native.CompilationInfo(lowering, translation)
    theirs = iree_codegen.CompilationInfoAttr(attribute)
    assert theirs.lowering_config == lowering
    assert theirs.translation_info == translation
    with pytest.raises(ValueError, match="translation_info"):
        native.make_compilation_info(lowering, lowering)
    with pytest.raises(ValueError, match="compilation_info"):
        native.compilation_info(lowering)


def test_public_functions_are_documented() -> None:
    for name in native.__all__:
        member = getattr(native, name)
        if callable(member):
            assert inspect.getdoc(member), name
