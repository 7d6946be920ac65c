# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What GPU targets share: their limits, and a configuration as attributes of IREE's GPU code generator."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from iree.compiler import ir
from iree.compiler.dialects import iree_codegen

from tuner import native
from tuner.dispatch import Configuration, GpuSettings
from tuner.errors import InputError, ToolError
from tuner.targets.gpu_pipelines import Form, pipeline_attribute
from tuner.targets.limits import DeviceFacts, GpuLimits, Limits, MatrixIntrinsic
from tuner.targets.nvidia import MMA_SYNC
from tuner.targets.plugin_passes import needs_plugin
from tuner.targets.target import Place

_PADDING = ("padding", "padding_conv")


@dataclass(frozen=True, slots=True)
class GpuTarget(Place):
    """One GPU, compiled for `chip`.

    `lists_no_passes`: configurations name IREE's pipelines, since an entry that lists passes is late.
    """

    chip: str
    lists_no_passes: bool = field(default=False, kw_only=True)

    def for_plain_compilation(self) -> Self:
        return replace(self, lists_no_passes=True)

    @property
    def strategy_pass(self) -> str:
        return "iree-llvmgpu-select-lowering-strategy"

    @property
    def processors(self) -> int | None:
        """How many processors the GPU has, if the driver states it; the chip's number otherwise."""
        return None

    @property
    def occupancies(self) -> tuple[int, ...]:
        """The occupancies that its code generator can be asked for; 0 asks for none."""
        return (0,)

    @property
    def occupancy_limits_registers(self) -> bool:
        """Whether to ask for an occupancy limits the registers of a thread."""
        return False

    @property
    def prefetches(self) -> bool:
        """Whether IREE's pipelines prefetch tiles into registers for it."""
        return False

    @property
    def warpgroup_memory_bytes(self) -> int:
        """The shared memory of code that multiplies by Hopper's `wgmma`; 0 if the GPU has no such instruction."""
        return 0

    def facts(self, executable_target: ir.Attribute) -> DeviceFacts:
        gpu = native.gpu_target(executable_target)
        if gpu is None:
            raise ToolError(f"the compiler did not state the GPU's limits; it must target {self.chip}")
        limits = GpuLimits(
            chip=gpu.arch,
            subgroup_sizes=gpu.subgroup_sizes,
            max_workgroup_sizes=gpu.max_workgroup_sizes,
            max_workgroup_threads=gpu.max_threads_per_workgroup,
            shared_memory_bytes=gpu.max_shared_memory_bytes,
            processors=self.processors or gpu.workgroup_processors,
            # Without a layout our pipelines cannot use an instruction; with blocks, its shape misleads them.
            intrinsics=tuple(
                _intrinsic(intrinsic)
                for intrinsic in gpu.mma_intrinsics
                if intrinsic.lhs_layout is not None and intrinsic.blocks == 1
            ),
            occupancies=self.occupancies,
            occupancy_limits_registers=self.occupancy_limits_registers,
            warpgroup_memory_bytes=self.warpgroup_memory_bytes,
            lists_passes=not self.lists_no_passes,
        )
        return DeviceFacts(Limits(vector_bytes=0, threads=1, gpu=limits), self.chip)

    def compilation_info(self, configuration: Configuration, context: ir.Context) -> iree_codegen.CompilationInfoAttr:
        """As in `Attributes`; an attribute that the compiler itself has printed is parsed."""
        if "compilation_info" in configuration.attributes:
            with context:
                return ir.Attribute.parse(configuration.attributes["compilation_info"])
        settings = configuration.gpu
        if settings is None:
            raise ValueError("a configuration for a GPU needs its settings")
        translation = native.make_translation_info(
            _pipeline(configuration, settings, context, prefetches=self.prefetches),
            settings.workgroup_size,
            settings.subgroup_size,
            _options(settings, self.llvm_attributes(settings.occupancy), context),
        )
        lowering = _lowering_config(configuration.levels, context, settings, configuration.pipeline)
        return iree_codegen.CompilationInfoAttr(native.make_compilation_info(lowering, translation))

    def llvm_attributes(self, occupancy: int) -> Mapping[str, str]:
        """How an occupancy is asked for among the attributes that IREE passes on to LLVM's function."""
        del occupancy
        return {}

    def function_attributes(self, configuration: Configuration) -> Mapping[str, str]:
        del configuration
        return {}

    def lowering_config(self, levels: Mapping[str, tuple[int, ...]], context: ir.Context) -> ir.Attribute:
        return _lowering_config(levels, context)


def check_threads(name: str, threads: int) -> None:
    """Raises InputError for a number of threads, which only a CPU can have."""
    if threads != 1:
        raise InputError(f"--threads is for the target cpu, not for {name}")


def device_uris(scheme: str, devices: Sequence[str], count: int | None = None) -> tuple[str, ...]:
    """IREE's URIs of the devices that a user names; only `scheme` if none is named.

    `count`: how many this machine has, if that is known; `all` names them. Raises InputError.
    """
    if tuple(devices) == ("all",) and count is not None:
        return tuple(f"{scheme}://{place}" for place in range(count))
    uris = tuple(devices) or (scheme,)
    for uri in uris:
        if not re.fullmatch(rf"{scheme}(://(\d+|GPU-[0-9a-fA-F-]+))?", uri):
            raise InputError(f"'{uri}' is no device of this target; write {scheme}://0, {scheme}://1, or all alone")
        place = uri.rpartition("/")[2]
        if count is not None and place.isdecimal() and int(place) >= count:
            raise InputError(f"there is no device {uri}: this machine has {count}, from {scheme}://0 on")
    # The scheme without a number means the first device.
    first = f"{scheme}://0"
    if len({first if uri == scheme else uri for uri in uris}) < len(uris):
        raise InputError("--device names a device twice; only one process may measure on a device")
    return uris


def _pipeline(
    configuration: Configuration, settings: GpuSettings, context: ir.Context, *, prefetches: bool
) -> ir.Attribute:
    """IREE's pipeline of that name, or its passes with the feeding that the settings ask for."""
    if settings.feeding is None:
        return native.pipeline("gpu", configuration.pipeline, context)
    form = Form(
        of_convolution=settings.use_igemm_convolution is True,
        prefetched=(settings.prefetch_num_stages or 0) if prefetches else None,
    )
    text = pipeline_attribute(configuration.pipeline, settings.feeding, form)
    if needs_plugin(text):
        native.register_passes()
    return ir.Attribute.parse(text, context)


def _intrinsic(intrinsic: native.MMAIntrinsic) -> MatrixIntrinsic:
    return MatrixIntrinsic(
        name=intrinsic.name,
        number=intrinsic.number,
        m=intrinsic.m,
        n=intrinsic.n,
        k=intrinsic.k,
        lhs_type=str(intrinsic.lhs_type),
        rhs_type=str(intrinsic.rhs_type),
        sum_type=str(intrinsic.acc_type),
        subgroup_size=intrinsic.subgroup_size,
        is_virtual=intrinsic.virtual,
    )


def _lowering_config(
    levels: Mapping[str, tuple[int, ...]],
    context: ir.Context,
    settings: GpuSettings | None = None,
    pipeline: str = "",
) -> ir.Attribute:
    """The levels and, for the root op, its part of the settings."""
    other = {name: _integers(levels[name], context) for name in _PADDING if name in levels}
    if "lane_basis" in levels:
        lanes = levels["lane_basis"]
        other["lane_basis"] = ir.ArrayAttr.get(
            [_integers(lanes, context), _integers(range(len(lanes)), context)], context
        )
    intrinsic = None
    if settings is not None and settings.intrinsic is not None:
        intrinsic = native.mma_intrinsic(settings.intrinsic, context)
        # It cannot start from sums.
        if intrinsic.name in MMA_SYNC:
            other["convert_acc_gemm"] = ir.UnitAttr.get(context)
    promoted = () if settings is None else settings.promoted
    if promoted and pipeline == "VectorDistribute":
        derived = ir.Attribute.parse("#iree_gpu.derived_thread_config", context)
        other["promotion_types"] = ir.ArrayAttr.get([derived for _ in promoted], context)
    subgroups = levels.get("subgroup_basis")
    return native.gpu_lowering_config(
        native.GPULoweringConfig(
            tiles={name: sizes for name, sizes in levels.items() if name in native.GPU_TILING_LEVELS},
            mma_kind=None if intrinsic is None else intrinsic.mma_kind,
            subgroup_basis=None if subgroups is None else native.SubgroupBasis(subgroups, tuple(range(len(subgroups)))),
            promote_operands=promoted,
            other=other,
        ),
        context,
    )


def _options(settings: GpuSettings, llvm: Mapping[str, str], context: ir.Context) -> ir.DictAttr | None:
    """The translation info's dictionary; None if it would be empty."""
    options = native.PipelineOptions(
        prefetch_num_stages=settings.prefetch_num_stages,
        no_reduce_shared_memory_bank_conflicts=settings.no_reduce_shared_memory_bank_conflicts,
        use_igemm_convolution=settings.use_igemm_convolution,
    )
    entries: dict[str, ir.Attribute] = {}
    if options != native.PipelineOptions():
        entries["gpu_pipeline_options"] = native.pipeline_options(options, context)
    if llvm:
        texts = {name: ir.StringAttr.get(text, context) for name, text in llvm.items()}
        entries["llvm_func_attrs"] = ir.DictAttr.get(texts, context)
    if settings.flushes_denormals:
        entries["iree_codegen.denormal_fp_math_f32"] = ir.Attribute.parse(
            '#iree_codegen.denormal_fp_math<"preserve-sign">', context
        )
    return ir.DictAttr.get(entries, context) if entries else None


def _integers(values: Iterable[int], context: ir.Context) -> ir.ArrayAttr:
    i64 = ir.IntegerType.get_signless(64, context)
    return ir.ArrayAttr.get([ir.IntegerAttr.get(i64, value) for value in values], context)
