# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The native layer: our passes, and typed access to IREE's codegen attributes.

Operations and attributes are IREE's own Python objects (`iree.compiler.ir`).
An operation belongs to its module: keep the module while you use the operation.

Errors::

    NativeError
    ├── HostError    the loaded IREE compiler cannot serve us (symbols stripped, …)
    └── PassError    a pass failed; its text is the diagnostics'

Bad arguments raise `ValueError` or `TypeError`.

Source: the configuration attributes are those of IREE's Codegen dialects,
`compiler/src/iree/compiler/Codegen/Dialect/{CPU,Codegen,GPU}/IR`.
"""

from __future__ import annotations

import ctypes
import functools
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

try:
    import iree.compiler.ir as _ir
except ImportError as error:
    raise ImportError("tuner.native needs IREE's compiler: pip install iree-base-compiler") from error

if TYPE_CHECKING:
    from iree.compiler.ir import AffineMap, Attribute, Context, Module, Operation, Type


def _make_compiler_symbols_global() -> None:
    """Lets `_core` and the plugin bind to the compiler that Python has loaded."""
    import iree.compiler._mlir_libs as libs

    library = Path(libs.__file__).parent / "libIREECompiler.so"
    try:
        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        raise ImportError(f"tuner.native cannot load IREE's compiler library {library}: {error}") from error


_make_compiler_symbols_global()

from . import _core  # noqa: E402

__all__ = [
    "CPU_TILING_LEVELS",
    "GPU_TILING_LEVELS",
    "CompilationInfo",
    "GPULoweringConfig",
    "GPUTarget",
    "HostError",
    "LaneLayout",
    "MMAIntrinsic",
    "NativeError",
    "PassError",
    "PipelineOptions",
    "Problem",
    "RootOp",
    "SubgroupBasis",
    "TilingLevel",
    "TranslationInfo",
    "annotate_root_ops",
    "compilation_info",
    "configured_ops",
    "cpu_lowering_config",
    "find_root_ops",
    "gpu_lowering_config",
    "gpu_target",
    "make_compilation_info",
    "make_translation_info",
    "mma_intrinsic",
    "mma_intrinsics",
    "pipeline",
    "pipeline_options",
    "plugin_path",
    "problem",
    "read_cpu_lowering_config",
    "read_gpu_lowering_config",
    "read_pipeline_options",
    "register_passes",
    "strip_annotations",
    "strip_configuration",
    "strip_root_configuration",
    "translation_info",
]

_log = logging.getLogger(__name__)

CPU_TILING_LEVELS = (
    "distribution",
    "cache_parallel",
    "cache_reduction",
    "vector_common_parallel",
    "vector_reduction",
    "vector_inner_parallel",
)
"""The tiling levels of `#iree_cpu.lowering_config`, outermost first.

Source: IREE `Codegen/Dialect/CPU/IR/IREECPUAttrs.cpp`.
"""


class NativeError(Exception):
    """The native layer could not do what was asked."""


class HostError(NativeError):
    """The loaded IREE compiler lacks what our passes need."""


class PassError(NativeError):
    """A pass failed. The message is the text of its error diagnostics."""


# Passes ---------------------------------------------------------------------------


def plugin_path() -> Path:
    """The pass plugin, for `iree-opt --load-pass-plugin=…`."""
    return Path(_core.__file__).parent / "libIREETunerPlugin.so"


def register_passes() -> None:
    """Makes our passes known to `iree.compiler.passmanager.PassManager.parse`.

    The functions below do not need it. Once per process is enough; more does no harm.

    Raises:
        HostError: the loaded compiler library gives no access to its pass registry.
    """
    try:
        _core.register_passes()
    except RuntimeError as error:
        raise HostError(str(error)) from error


def annotate_root_ops(operation: Operation | Module) -> None:
    """Runs `iree-tuner-annotate-root-ops`: marks root ops and names configured ops.

    Annotate the whole module at once: identities are unique within `operation`.
    A dispatch without a root op is left alone, and said so in this module's log.

    Raises:
        PassError: a configured op in no function, a foreign `root_op` attribute, or
            two dispatches that nothing tells apart.
    """
    _run("iree-tuner-annotate-root-ops", operation)


def strip_configuration(operation: Operation | Module) -> None:
    """Runs `iree-tuner-strip-configuration`: removes every codegen configuration.

    Root-op marks and identities stay.
    """
    _run("iree-tuner-strip-configuration", operation)


def strip_root_configuration(operation: Operation | Module) -> None:
    """Runs `iree-tuner-strip-root-configuration`: functions and root ops only.

    Raises:
        PassError: a function has configured ops but no root-op mark.
    """
    _run("iree-tuner-strip-root-configuration", operation)


def strip_annotations(operation: Operation | Module) -> None:
    """Runs `iree-tuner-strip-annotations`: configuration, marks and identities go."""
    _run("iree-tuner-strip-annotations", operation)


def _run(name: str, operation: Operation | Module) -> None:
    passed, diagnostics = _core.run_pass(name, operation.operation)
    if passed:
        for _, text in diagnostics:
            _log.info("%s", text)
    else:
        errors = [text for severity, text in diagnostics if severity in ("error", "note")]
        raise PassError("\n".join(errors) or f"{name} failed without a diagnostic")


# Ops ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RootOp:
    """An annotated root op.

    Attributes:
        dispatch: the identity: the function's name, or its symbol path
            `executable::variant::function` where two dispatches share the name;
            with `@k` appended for the k-th root after a dispatch's first.
        function: the name of the function that holds the op.
        set: the number in the root-op mark; 0 on releases whose mark has none (before 3.11).
        operation: the op itself.
    """

    dispatch: str
    function: str
    set: int
    operation: Operation
    _owner: object = field(default=None, repr=False, compare=False)


def find_root_ops(operation: Operation | Module) -> list[RootOp]:
    """The root ops below `operation`, in walk order, found by their identity.

    Empty before `annotate_root_ops`.

    Raises:
        PassError: an op has an identity but no root-op mark, or stands in no function.
    """
    roots = []
    for op in _core.ops_with_attribute(operation.operation, ["iree_tuner.dispatch"]):
        attributes = op.attributes
        identity = _ir.StringAttr(attributes["iree_tuner.dispatch"]).value
        set_ = _core.root_op_mark_set(attributes["root_op"]) if "root_op" in attributes else -1
        function = _enclosing_function(op)
        if set_ < 0 or function is None:
            raise PassError(
                f"the op with the identity {identity!r} is no root op of a function; run annotate_root_ops again"
            )
        name = _ir.StringAttr(function.attributes["sym_name"]).value
        roots.append(RootOp(identity, name, set_, op, _owner=operation))
    return roots


def _enclosing_function(op: Operation) -> Operation | None:
    parent = op.parent
    while parent is not None:
        attributes = parent.operation.attributes
        if "function_type" in attributes and "sym_name" in attributes:
            return parent.operation
        parent = parent.operation.parent
    return None


def configured_ops(operation: Operation | Module) -> list[Operation]:
    """Every op below `operation` that has a `lowering_config`, in walk order.

    An op whose configuration stands in a `compilation_info` counts too.
    """
    return _core.ops_with_attribute(operation.operation, ["lowering_config", "compilation_info"])


@dataclass(frozen=True, slots=True)
class Problem:
    """What an op computes, as far as tiling it is concerned.

    Attributes:
        name: the op's name, such as `linalg.generic`.
        loop_sizes: one per loop, outermost first; None where dynamic, or where no operand
            is indexed by that loop alone (a convolution's window in its image).
        parallel: whether each loop is parallel, that is, indexes the op's output.
        indexing_maps: one per operand and output; empty for an op that has none (softmax).
        operand_types: inputs, then outputs.
        result_types: one per result.
    """

    name: str
    loop_sizes: tuple[int | None, ...]
    parallel: tuple[bool, ...]
    indexing_maps: tuple[AffineMap, ...]
    operand_types: tuple[Type, ...]
    result_types: tuple[Type, ...]


def problem(operation: Operation) -> Problem:
    """The problem of an op; for a root op, of its dispatch."""
    maps, loops, operand_types, result_types = _core.problem(operation.operation)
    return Problem(
        name=operation.operation.name,
        loop_sizes=tuple(None if size < 0 else size for size, _ in loops),
        parallel=tuple(parallel for _, parallel in loops),
        indexing_maps=tuple(_ir.AffineMapAttr(m).value for m in _ir.ArrayAttr(maps)) if maps is not None else (),
        operand_types=tuple(operand_types),
        result_types=tuple(result_types),
    )


# Attributes -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TranslationInfo:
    """The parts of an `#iree_codegen.translation_info`.

    Attributes:
        pipeline: the pass pipeline's attribute; its form differs from release to release.
        workgroup_size: threads per dimension, up to 3; empty where not given.
        subgroup_size: threads per subgroup, or None where not given.
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
    """The translation info of a dispatch's function, or None where it has none.

    Raises:
        ValueError: the attribute `translation_info` is of another kind.
    """
    attributes = function_op.operation.attributes
    if "translation_info" not in attributes:
        return None
    attribute = attributes["translation_info"]
    pipeline, spec, workgroup_size, subgroup_size, configuration = _core.translation_info(attribute)
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
    return _core.make_translation_info(pipeline, list(workgroup_size), subgroup_size, configuration)


def pipeline(target: Literal["cpu", "gpu"], name: str, context: Context) -> Attribute:
    """A pass pipeline, such as `pipeline("cpu", "DoubleTilingExpert", context)`.

    The name is that of IREE 3.12 and later; older releases spell it differently, and get
    their spelling (`CPUDoubleTilingExpert`, `LLVMGPUTileAndFuse`).

    Raises:
        ValueError: no such pipeline in this release.
    """
    if target not in ("cpu", "gpu"):
        raise ValueError(f"the target of a pipeline is 'cpu' or 'gpu', not {target!r}")
    if not name.isidentifier():
        raise ValueError(f"no such pipeline: {name!r}")
    return _core.pipeline(target, name, context)


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
    return CompilationInfo(*_core.compilation_info(attribute))


def make_compilation_info(lowering_config: Attribute, translation_info: Attribute) -> Attribute:
    """Builds an `#iree_codegen.compilation_info`; the inverse of `compilation_info`.

    Raises:
        ValueError: `translation_info` is another kind of attribute.
    """
    return _core.make_compilation_info(lowering_config, translation_info)


@dataclass(frozen=True, slots=True)
class TilingLevel:
    """Tile sizes of one level of an `#iree_cpu.lowering_config`.

    Attributes:
        sizes: one per loop of the op; 0 leaves the loop untiled.
        interchange: a permutation of the loops, or empty for their own order.
        scalable: whether each size is multiplied by the vector length at run time;
            empty where none is.

    Raises:
        ValueError: a negative size, an interchange that is no permutation of the
            sizes' positions, or a `scalable` of another length.
    """

    sizes: tuple[int, ...]
    interchange: tuple[int, ...] = ()
    scalable: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        if any(size < 0 for size in self.sizes):
            raise ValueError(f"tile sizes must not be negative: {list(self.sizes)}")
        if self.interchange and sorted(self.interchange) != list(range(len(self.sizes))):
            raise ValueError(f"interchange {list(self.interchange)} is no permutation of the {len(self.sizes)} loops")
        if self.scalable and len(self.scalable) != len(self.sizes):
            raise ValueError(f"{len(self.scalable)} scalable flags for {len(self.sizes)} tile sizes")


def cpu_lowering_config(levels: Mapping[str, TilingLevel], context: Context) -> Attribute:
    """Builds an `#iree_cpu.lowering_config`.

    Args:
        levels: tile sizes by level; the names are those of `CPU_TILING_LEVELS`.
        context: where the attribute lives.

    Raises:
        ValueError: an unknown level. (IREE takes a misspelled one in silence.)
    """
    unknown = [name for name in levels if name not in CPU_TILING_LEVELS]
    if unknown:
        raise ValueError(f"unknown tiling level {unknown[0]!r}; the levels are {', '.join(CPU_TILING_LEVELS)}")
    entries = [f"{name} = {_level_text(levels[name])}" for name in CPU_TILING_LEVELS if name in levels]
    return _core.parse_attribute(f"#iree_cpu.lowering_config<{', '.join(entries)}>", context)


def _level_text(level: TilingLevel) -> str:
    scalable = level.scalable or (False,) * len(level.sizes)
    sizes = ", ".join(f"[{size}]" if flag else str(size) for size, flag in zip(level.sizes, scalable, strict=True))
    if not level.interchange:
        return f"[{sizes}]"
    return f"{{sizes = [{sizes}], interchange = {list(level.interchange)}}}"


def read_cpu_lowering_config(attribute: Attribute) -> dict[str, TilingLevel]:
    """Takes an `#iree_cpu.lowering_config` apart; the inverse of `cpu_lowering_config`.

    Returns:
        The tiling levels that are given, outermost first.

    Raises:
        ValueError: another kind of attribute, or an entry that is no known tiling level.
    """
    if not str(attribute).startswith("#iree_cpu.lowering_config<"):
        raise ValueError(f"not an #iree_cpu.lowering_config: {attribute}")
    levels = dict(_core.tiling_levels(attribute))
    unknown = [name for name in levels if name not in CPU_TILING_LEVELS]
    if unknown:
        raise ValueError(f"unknown tiling level {unknown[0]!r} in {attribute}")
    return {name: _level(*levels[name]) for name in CPU_TILING_LEVELS if name in levels}


def _level(sizes: list[int], interchange: list[int], scalable: list[bool]) -> TilingLevel:
    return TilingLevel(tuple(sizes), tuple(interchange), tuple(scalable) if any(scalable) else ())


GPU_TILING_LEVELS = (
    "workgroup",
    "reduction",
    "partial_reduction",
    "serial",
    "thread",
    "subgroup",
    "lane",
)
"""The tiling levels of `#iree_gpu.lowering_config`.

Source: IREE `Codegen/Dialect/GPU/IR/IREEGPUAttrs.cpp`.
"""


@dataclass(frozen=True, slots=True)
class SubgroupBasis:
    """How subgroups are laid over the loops of an op.

    Attributes:
        counts: subgroups per basis dimension; their product is the workgroup's subgroups.
        mapping: for each loop, the basis dimension that it takes.
    """

    counts: tuple[int, ...]
    mapping: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class GPULoweringConfig:
    """The entries of an `#iree_gpu.lowering_config`.

    Attributes:
        tiles: tile sizes by level, one per loop; the levels are `GPU_TILING_LEVELS`.
        mma_kind: the intrinsic, as `MMAIntrinsic.mma_kind`; None where not given.
        subgroup_basis: None where not given.
        promote_operands: numbers of the operands that go through shared memory.
        other: every further entry, by name, as IREE's attribute.
    """

    tiles: Mapping[str, tuple[int, ...]]
    mma_kind: Attribute | None = None
    subgroup_basis: SubgroupBasis | None = None
    promote_operands: tuple[int, ...] = ()
    other: Mapping[str, Attribute] = field(default_factory=dict)


def gpu_lowering_config(config: GPULoweringConfig, context: Context) -> Attribute:
    """Builds an `#iree_gpu.lowering_config`.

    Raises:
        ValueError: an unknown level, a negative tile, a basis whose mapping leaves it, or
            an `other` entry that has a field of its own.
    """
    entries: dict[str, Attribute] = {}
    for name, sizes in config.tiles.items():
        if name not in GPU_TILING_LEVELS:
            raise ValueError(f"unknown tiling level {name!r}; the levels are {', '.join(GPU_TILING_LEVELS)}")
        if any(size < 0 for size in sizes):
            raise ValueError(f"tile sizes must not be negative: {name} = {list(sizes)}")
        entries[name] = _integer_array(sizes, context)
    if config.mma_kind is not None:
        entries["mma_kind"] = config.mma_kind
    if config.subgroup_basis is not None:
        basis = config.subgroup_basis
        if any(not 0 <= position < len(basis.counts) for position in basis.mapping):
            raise ValueError(f"mapping {list(basis.mapping)} leaves the basis of {len(basis.counts)} dimensions")
        entries["subgroup_basis"] = _ir.ArrayAttr.get(
            [_integer_array(basis.counts, context), _integer_array(basis.mapping, context)], context
        )
    if config.promote_operands:
        entries["promote_operands"] = _integer_array(config.promote_operands, context)
    for name, attribute in config.other.items():
        if name in entries or name in _GPU_FIELDS:
            raise ValueError(f"{name!r} has a field of its own")
        entries[name] = attribute
    return _core.gpu_lowering_config(_ir.DictAttr.get(entries, context))


_GPU_FIELDS = (*GPU_TILING_LEVELS, "mma_kind", "subgroup_basis", "promote_operands")


def read_gpu_lowering_config(attribute: Attribute) -> GPULoweringConfig:
    """Takes an `#iree_gpu.lowering_config` apart; the inverse of `gpu_lowering_config`.

    Raises:
        ValueError: another kind of attribute, or an entry that is not of its kind.
    """
    if not str(attribute).startswith("#iree_gpu.lowering_config<"):
        raise ValueError(f"not an #iree_gpu.lowering_config: {attribute}")
    dictionary = _ir.DictAttr(_core.lowering_config_entries(attribute))
    entries = {entry.name: entry.attr for entry in dictionary}
    tiles = {n: tuple(_core.integers(a)) for n, a in entries.items() if n in GPU_TILING_LEVELS}
    basis = None
    if "subgroup_basis" in entries:
        parts = list(_ir.ArrayAttr(entries["subgroup_basis"]))
        if len(parts) != 2:
            raise ValueError(f"a subgroup basis is counts and mapping, not {parts}")
        basis = SubgroupBasis(*(tuple(_core.integers(part)) for part in parts))
    promoted = entries.get("promote_operands")
    return GPULoweringConfig(
        tiles=tiles,
        mma_kind=entries.get("mma_kind"),
        subgroup_basis=basis,
        promote_operands=tuple(_core.integers(promoted)) if promoted is not None else (),
        other={n: a for n, a in entries.items() if n not in _GPU_FIELDS},
    )


def _integer_array(values: tuple[int, ...], context: Context) -> Attribute:
    i64 = _ir.IntegerType.get_signless(64, context)
    return _ir.ArrayAttr.get([_ir.IntegerAttr.get(i64, value) for value in values], context)


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
    if stages is not None and (stages < 0 or (stages > 2 and not _core.has_prefetch_stages())):
        raise ValueError(f"this IREE release cannot prefetch in {stages} stages")
    reorder = options.reorder_workgroups
    if reorder is not None and reorder not in _REORDER:
        raise ValueError(f"workgroups are reordered by {_REORDER}, not {reorder!r}")
    return _core.make_pipeline_options(
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
    stages, no_reduce, igemm, reorder = _core.pipeline_options(attribute)
    return PipelineOptions(stages, no_reduce, igemm, None if reorder is None else _REORDER[reorder])


# GPU targets ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LaneLayout:
    """How the lanes of a subgroup hold one operand of an intrinsic.

    Along dimension d the operand has `outer[d] * thread[d] * element[d]` elements: `outer`
    repetitions of `thread` lanes that hold `element` neighbours each. The lane at position
    (i, j, …) of the lanes' grid has the number `i * strides[0] + j * strides[1] + …`.
    Dimensions are those of the operand, lhs [M, K], rhs [K, N], accumulator [M, N];
    intrinsics of several blocks have the block in front.

    Where the grid has fewer positions than the subgroup has lanes, several lanes stand at
    one position. They hold the same elements (RDNA3's WMMA), or share them evenly (VDMFMA).
    """

    outer: tuple[int, ...]
    thread: tuple[int, ...]
    strides: tuple[int, ...]
    element: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MMAIntrinsic:
    """A matrix-multiply instruction of a GPU, lhs `[m, k]`, rhs `[k, n]`, accumulator `[m, n]`.

    Attributes:
        name: IREE's name, such as `MFMA_F32_16x16x16_F16`.
        virtual: whether IREE composes it of several instructions.
        m, n, k: its shape in elements, as IREE reports it. Of an intrinsic of several
            blocks IREE reports the number of blocks as m; its layouts give the true shape.
        lhs_type, rhs_type, acc_type: element types.
        subgroup_size: the lanes that execute it together.
        lhs_layout, rhs_layout, acc_layout: None where IREE keeps them opaque (NVIDIA WMMA).
        mma_kind: the attribute that a lowering configuration holds as `mma_kind`.
    """

    name: str
    virtual: bool
    m: int
    n: int
    k: int
    lhs_type: Type
    rhs_type: Type
    acc_type: Type
    subgroup_size: int
    lhs_layout: LaneLayout | None
    rhs_layout: LaneLayout | None
    acc_layout: LaneLayout | None
    mma_kind: Attribute

    @property
    def blocks(self) -> int:
        """How many products it computes side by side."""
        layout = self.lhs_layout
        if layout is None or len(layout.thread) == 2:
            return 1
        return layout.outer[0] * layout.thread[0] * layout.element[0]


def mma_intrinsic(name: str, context: Context) -> MMAIntrinsic:
    """The intrinsic of that name, virtual ones included.

    Raises:
        ValueError: this IREE release knows no such intrinsic.
    """
    if name not in _intrinsic_names():
        raise ValueError(f"this IREE release knows no intrinsic {name!r}")
    kind = "virtual_mma_intrinsic" if _intrinsic_names()[name] else "mma_intrinsic"
    return _read_intrinsic(_core.parse_attribute(f"#iree_gpu<{kind} {name}>", context))


def mma_intrinsics(context: Context) -> tuple[MMAIntrinsic, ...]:
    """Every intrinsic that this IREE release knows; a target offers some of them."""
    return tuple(mma_intrinsic(name, context) for name in _intrinsic_names())


@functools.cache
def _intrinsic_names() -> Mapping[str, bool]:
    """Each intrinsic's name, and whether it is virtual, in the order of IREE's values."""
    # Not from IREE's Python enumerations: before 3.11 `iree_gpu` and `linalg` register a
    # builder of the same name, and whoever imports both, or one and walks the other's ops,
    # gets a RuntimeError.
    return {name: virtual for name, _, virtual in _core.mma_names(_ir.Context())}


def _read_intrinsic(attribute: Attribute) -> MMAIntrinsic:
    name, virtual = _core.mma_name(attribute)
    layouts = []
    for operand in range(3):
        layout = _core.mma_layout(attribute, operand)
        layouts.append(None if layout is None else LaneLayout(*map(tuple, layout)))
    m, n, k = _core.mma_shape(attribute)
    lhs_type, rhs_type, acc_type = _core.mma_element_types(attribute)
    return MMAIntrinsic(
        name=name,
        virtual=virtual,
        m=m,
        n=n,
        k=k,
        lhs_type=lhs_type,
        rhs_type=rhs_type,
        acc_type=acc_type,
        # No function tells. Source: IREE, getIntrinsicSubgroupSize in IREEGPUAttrs.cpp.
        subgroup_size=64 if "MFMA" in name else 32,
        lhs_layout=layouts[0],
        rhs_layout=layouts[1],
        acc_layout=layouts[2],
        mma_kind=_core.mma_attr(attribute),
    )


@dataclass(frozen=True, slots=True)
class GPUTarget:
    """What a `#hal.executable.target` says of its GPU.

    Attributes:
        arch: such as `gfx942` or `sm_80`.
        subgroup_sizes: the lanes a subgroup may have.
        max_workgroup_sizes: the most threads along x, y and z.
        max_threads_per_workgroup: the most threads in all.
        max_shared_memory_bytes: the most shared memory of one workgroup.
        workgroup_processors: compute units or multiprocessors; None where not given.
        simds_per_workgroup_processor: None where not given.
        mma_intrinsics: those that it offers, virtual ones included.
    """

    arch: str
    subgroup_sizes: tuple[int, ...]
    max_workgroup_sizes: tuple[int, ...]
    max_threads_per_workgroup: int
    max_shared_memory_bytes: int
    workgroup_processors: int | None
    simds_per_workgroup_processor: int | None
    mma_intrinsics: tuple[MMAIntrinsic, ...]


def gpu_target(target: Attribute) -> GPUTarget | None:
    """The GPU of a `#hal.executable.target`; None where it is none (llvm-cpu).

    Raises:
        ValueError: another kind of attribute.
    """
    info = _core.gpu_target_info(target)
    if info is None:
        return None
    arch, subgroups, workgroup, threads, memory, intrinsics, processors, simds = info
    return GPUTarget(
        arch=arch,
        subgroup_sizes=tuple(subgroups),
        max_workgroup_sizes=tuple(workgroup),
        max_threads_per_workgroup=threads,
        max_shared_memory_bytes=memory,
        workgroup_processors=processors or None,
        simds_per_workgroup_processor=simds or None,
        mma_intrinsics=tuple(_read_intrinsic(attribute) for attribute in intrinsics),
    )
