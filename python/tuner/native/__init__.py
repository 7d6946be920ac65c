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
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

try:
    import iree.compiler.ir as _ir
except ImportError as error:
    raise ImportError(
        "tuner.native needs IREE's compiler: pip install iree-base-compiler"
    ) from error

if TYPE_CHECKING:
    from iree.compiler.ir import Attribute, Context, Module, Operation


def _make_compiler_symbols_global() -> None:
    """Lets `_core` and the plugin bind to the compiler that Python has loaded."""
    import iree.compiler._mlir_libs as libs

    library = Path(libs.__file__).parent / "libIREECompiler.so"
    try:
        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        raise ImportError(
            f"tuner.native cannot load IREE's compiler library {library}: {error}"
        ) from error


_make_compiler_symbols_global()

from . import _core  # noqa: E402

__all__ = [
    "CPU_TILING_LEVELS",
    "HostError",
    "NativeError",
    "PassError",
    "RootOp",
    "TilingLevel",
    "TranslationInfo",
    "annotate_root_ops",
    "configured_ops",
    "cpu_lowering_config",
    "find_root_ops",
    "plugin_path",
    "read_cpu_lowering_config",
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
                f"the op with the identity {identity!r} is no root op of a function; "
                "run annotate_root_ops again"
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
    return TranslationInfo(
        pipeline, tuple(workgroup_size), subgroup_size, configuration, spec, attribute
    )


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
            raise ValueError(
                f"interchange {list(self.interchange)} is no permutation of "
                f"the {len(self.sizes)} loops"
            )
        if self.scalable and len(self.scalable) != len(self.sizes):
            raise ValueError(
                f"{len(self.scalable)} scalable flags for {len(self.sizes)} tile sizes"
            )


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
        raise ValueError(
            f"unknown tiling level {unknown[0]!r}; the levels are {', '.join(CPU_TILING_LEVELS)}"
        )
    entries = [
        f"{name} = {_level_text(levels[name])}" for name in CPU_TILING_LEVELS if name in levels
    ]
    return _core.parse_attribute(f"#iree_cpu.lowering_config<{', '.join(entries)}>", context)


def _level_text(level: TilingLevel) -> str:
    scalable = level.scalable or (False,) * len(level.sizes)
    sizes = ", ".join(
        f"[{size}]" if flag else str(size) for size, flag in zip(level.sizes, scalable, strict=True)
    )
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
