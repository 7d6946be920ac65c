# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How a dispatch is compiled: pipeline, its options, translation info, compilation info."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tuner.native._host import core

if TYPE_CHECKING:
    from iree.compiler.ir import Attribute, Context, Operation


@dataclass(frozen=True, slots=True)
class TranslationInfo:
    """The parts of an `#iree_codegen.translation_info`.

    Attributes:
        pipeline: the pass pipeline's attribute; its form differs from release to release.
        workgroup_size: threads per dimension, up to 3; empty if not given.
        subgroup_size: threads per subgroup, or None if not given.
        configuration: a DictAttr of further options, or None.
        codegen_spec: a SymbolRefAttr that names a transform-dialect strategy, or None.
        attribute: the whole.
    """

    pipeline: Attribute
    workgroup_size: tuple[int, ...]
    subgroup_size: int | None
    configuration: Attribute | None
    codegen_spec: Attribute | None
    attribute: Attribute


def translation_info(function_op: Operation) -> TranslationInfo | None:
    """The translation info of a dispatch's function, or None if it has none.

    Raises:
        ValueError: the attribute `translation_info` is of another kind.
    """
    attributes = function_op.operation.attributes
    if "translation_info" not in attributes:
        return None
    attribute = attributes["translation_info"]
    pipeline, spec, workgroup_size, subgroup_size, configuration = core.translation_info(attribute)
    return TranslationInfo(pipeline, tuple(workgroup_size), subgroup_size, configuration, spec, attribute)


def make_translation_info(
    pipeline: Attribute,
    workgroup_size: tuple[int, ...] = (),
    subgroup_size: int | None = None,
    configuration: Attribute | None = None,
) -> Attribute:
    """Builds an `#iree_codegen.translation_info`; the inverse of `translation_info`.

    Args:
        pipeline: what `pipeline` gives.
        workgroup_size: threads per dimension, at most 3.
        subgroup_size: threads per subgroup.
        configuration: a DictAttr of further options, `gpu_pipeline_options` among them.

    Raises:
        ValueError: a size that is not positive, more than 3 dimensions, or a
            configuration that is no dictionary.
    """
    if len(workgroup_size) > 3 or any(size <= 0 for size in workgroup_size):
        raise ValueError(f"a workgroup has up to 3 positive sizes, not {list(workgroup_size)}")
    if subgroup_size is not None and subgroup_size <= 0:
        raise ValueError(f"a subgroup size must be positive, not {subgroup_size}")
    return core.make_translation_info(pipeline, list(workgroup_size), subgroup_size, configuration)


def pipeline(target: Literal["cpu", "gpu"], name: str, context: Context) -> Attribute:
    """A pass pipeline, such as `pipeline("cpu", "DoubleTilingExpert", context)`.

    The name is that of IREE 3.12 and later; older releases spell it differently, and receive
    their spelling (`CPUDoubleTilingExpert`, `LLVMGPUTileAndFuse`).

    Raises:
        ValueError: no such pipeline in this release.
    """
    if target not in ("cpu", "gpu"):
        raise ValueError(f"the target of a pipeline is 'cpu' or 'gpu', not {target!r}")
    if not name.isidentifier():
        raise ValueError(f"no such pipeline: {name!r}")
    return core.pipeline(target, name, context)


@dataclass(frozen=True, slots=True)
class CompilationInfo:
    """The two halves of an `#iree_codegen.compilation_info`."""

    lowering_config: Attribute
    translation_info: Attribute


def compilation_info(attribute: Attribute) -> CompilationInfo:
    """Takes an `#iree_codegen.compilation_info` apart.

    Raises:
        ValueError: another kind of attribute.
    """
    return CompilationInfo(*core.compilation_info(attribute))


def make_compilation_info(lowering_config: Attribute, translation_info: Attribute) -> Attribute:
    """Builds an `#iree_codegen.compilation_info`; the inverse of `compilation_info`.

    Raises:
        ValueError: `translation_info` is another kind of attribute.
    """
    return core.make_compilation_info(lowering_config, translation_info)


@dataclass(frozen=True, slots=True)
class PipelineOptions:
    """The parts of an `#iree_gpu.pipeline_options`; None leaves the choice to IREE.

    Attributes:
        prefetch_num_stages: stages of the software pipeline; up to 1 means none. IREE 3.9
            knows only whether to prefetch: there above 1 is yes, and yes reads as 2.
        no_reduce_shared_memory_bank_conflicts: whether to leave bank conflicts alone.
        use_igemm_convolution: whether a convolution becomes an implicit GEMM.
        reorder_workgroups: the order in which workgroups take the tiles.
    """

    prefetch_num_stages: int | None = None
    no_reduce_shared_memory_bank_conflicts: bool | None = None
    use_igemm_convolution: bool | None = None
    reorder_workgroups: Literal["none", "transpose"] | None = None


_REORDER: tuple[Literal["none", "transpose"], ...] = ("none", "transpose")


def pipeline_options(options: PipelineOptions, context: Context) -> Attribute:
    """Builds an `#iree_gpu.pipeline_options`.

    Raises:
        ValueError: a negative number of stages, one that this release cannot express (3.9:
            above 2), or an unknown order.
    """
    stages = options.prefetch_num_stages
    if stages is not None and (stages < 0 or (stages > 2 and not core.has_prefetch_stages())):
        raise ValueError(f"this IREE release cannot prefetch in {stages} stages")
    reorder = options.reorder_workgroups
    if reorder is not None and reorder not in _REORDER:
        raise ValueError(f"workgroups are reordered by {_REORDER}, not {reorder!r}")
    return core.make_pipeline_options(
        (
            stages,
            options.no_reduce_shared_memory_bank_conflicts,
            options.use_igemm_convolution,
            None if reorder is None else _REORDER.index(reorder),
        ),
        context,
    )


def read_pipeline_options(attribute: Attribute) -> PipelineOptions:
    """Takes an `#iree_gpu.pipeline_options` apart; the inverse of `pipeline_options`.

    Raises:
        ValueError: another kind of attribute.
    """
    stages, no_reduce, igemm, reorder = core.pipeline_options(attribute)
    return PipelineOptions(stages, no_reduce, igemm, None if reorder is None else _REORDER[reorder])
