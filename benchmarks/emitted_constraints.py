# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Asks IREE for the constraints of its own pipelines, and turns an assignment back into attributes.

The compiler states them in SMT for some kinds of dispatch on GPUs. For others it crashes: it runs in a process
of its own, and a crash is an answer with a reason.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from iree.compiler import ir
from iree.compiler.dialects import iree_codegen

from emitted_space import OCCUPANCY, EmittedConstraints
from tuner.dispatch import Configuration
from tuner.errors import ToolError
from tuner.toolchain.contexts import new_context
from tuner.toolchain.operations import ops_named, symbol
from tuner.toolchain.tools import run_tool

_TIMEOUT_S = 120.0
_CONSTRAINTS = "iree_codegen.smt.constraints"
_ASSERT = "iree_codegen.smt.assert"
_KNOB = "iree_codegen.smt.knob"
# What a root op may need beside a compilation info: attention is decomposed into two products of their own.
_FURTHER = ("decomposition_config",)


def emit_constraints(model: Path, flags: Sequence[str], work_dir: Path) -> tuple[EmittedConstraints, ...]:
    """The constraints that IREE emits for the dispatches of `model`, compiled with `flags`; () where it emits none.

    Raises ToolError where the compiler fails, crashes or hangs.
    """
    output = work_dir / "constraints.mlir"
    flags = [
        *flags,
        "--iree-codegen-emit-pipeline-constraints",
        "--compile-to=executable-configurations",
        "-o",
        str(output),
    ]
    result = run_tool("iree-compile", [str(model), *flags], timeout_s=_TIMEOUT_S, scratch=work_dir)
    if result.exit_code < 0:
        raise ToolError(
            f"iree-compile crashed (signal {-result.exit_code}) while stating its constraints for {model};"
            " it does so on some batched and matrix-vector products"
        )
    if result.exit_code != 0:
        raise ToolError(f"iree-compile cannot state its constraints for {model} ({result.first_error})")
    with new_context():
        return read_constraints(ir.Module.parseFile(str(output)))


def read_constraints(module: ir.Module) -> tuple[EmittedConstraints, ...]:
    """The constraints that stand in a module, in its order."""
    found = []
    for function in ops_named(module.operation, "func.func"):
        found += [_read(op, symbol(function)) for op in ops_named(function, _CONSTRAINTS)]
    return tuple(found)


def materialize(emitted: EmittedConstraints, point: Mapping[str, int]) -> Configuration:
    """The configuration that an assignment of all knobs stands for, in IREE's own attributes.

    Raises ToolError where IREE refuses it.
    """
    (configuration,) = materialize_all(emitted, [point])
    return configuration


def materialize_all(emitted: EmittedConstraints, points: Iterable[Mapping[str, int]]) -> list[Configuration]:
    """As `materialize` for each point; reading the template once is most of the time saved."""
    with _context():
        module = ir.Module.parse(emitted.template)  # Keeps the op alive.
        (op,) = ops_named(module.operation, _CONSTRAINTS)
        return [_materialize(op, emitted, point) for point in points]


@functools.cache
def _context() -> ir.Context:
    """One context for all templates: loading IREE's dialects takes longer than making a hundred configurations."""
    return new_context()


def _materialize(op: ir.Operation, emitted: EmittedConstraints, point: Mapping[str, int]) -> Configuration:
    assignment = {name: int(point[name]) for name in emitted.knobs}
    try:
        info = iree_codegen.materialize_compilation_info(op, assignment)
        further = {
            name: str(iree_codegen.materialize_configuration_attr(op, name, assignment))
            for name in emitted.further_attributes
        }
    except RuntimeError as error:
        raise ToolError(f"IREE makes no configuration of {assignment}: {error}") from error
    if occupancy := point.get(OCCUPANCY, 0):
        info = _with_occupancy(info, occupancy)
    return Configuration(emitted.pipeline, {}, attributes={"compilation_info": str(info), **further})


def _read(op: ir.Operation, dispatch: str) -> EmittedConstraints:
    (block,) = op.regions[0].blocks
    body = [entry.operation for entry in block.operations]
    pipeline, knobs = op.attributes["pipeline"], op.attributes["knobs"]
    target = str(op.attributes["target"]).removeprefix("#iree_codegen.root_op")
    named = re.match(r"#iree_gpu\.pipeline<(\w+)>", str(pipeline))
    return EmittedConstraints(
        dispatch=dispatch,
        pipeline=named.group(1) if named else str(pipeline),
        smtlib=iree_codegen.convert_constraints_op_to_smtlib(op),
        labels=tuple(str(ir.StringAttr(entry.attributes["msg"]).value) for entry in body if entry.name == _ASSERT),
        knobs=tuple(str(ir.StringAttr(entry.attributes["name"]).value) for entry in body if entry.name == _KNOB),
        template=f"{_CONSTRAINTS} target = {target}, pipeline = {pipeline}, knobs = {knobs} dims() {{ }}",
        further_attributes=tuple(name for name in _FURTHER if name in ir.DictAttr(knobs)),
    )


def _with_occupancy(info: iree_codegen.CompilationInfoAttr, occupancy: int) -> iree_codegen.CompilationInfoAttr:
    """The compilation info that asks for an occupancy. Source: IREE passes `llvm_func_attrs` on to LLVM's function."""
    translation = iree_codegen.TranslationInfoAttr(info.translation_info)
    asked = ir.DictAttr.get({"amdgpu-waves-per-eu": ir.StringAttr.get(str(occupancy))})
    entries = {entry.name: entry.attr for entry in translation.configuration or ()}
    return iree_codegen.CompilationInfoAttr.get(
        info.lowering_config,
        iree_codegen.TranslationInfoAttr.get(
            translation.pass_pipeline,
            None,
            translation.workgroup_size,
            translation.subgroup_size,
            ir.DictAttr.get({**entries, "llvm_func_attrs": asked}),
        ),
    )
