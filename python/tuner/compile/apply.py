# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Applies a configuration to a stripped dispatch, late, and reads back what took effect.

This works as in deployment: a spec's sequence annotates the root op, IREE moves the annotation into place, and the
target's strategy pass configures the rest and verifies everything.
"""

from __future__ import annotations

from dataclasses import dataclass

from iree.compiler import ir, passmanager
from iree.compiler.dialects.transform import interpreter

from tuner import native
from tuner.dispatch import Annotations, Configuration, Configured
from tuner.dispatches.problems import read_configured
from tuner.foreign import reason_of
from tuner.specs.write import identity_spec
from tuner.targets import Attributes, Compilation, Target
from tuner.toolchain.operations import dispatch_functions


@dataclass(frozen=True, slots=True)
class Applied:
    """The configuration that the IR holds afterwards, and the annotations (None: the compiler's default)."""

    configured: Configured
    annotations: Annotations | None


class RejectedError(Exception):
    """IREE refused the configuration (its verifier or its parser). The message is the reason."""


class NotAppliedError(Exception):
    """IREE accepted the configuration, but the IR holds another one afterwards."""


def annotations_of(configuration: Configuration, target: Attributes, context: ir.Context) -> Annotations:
    """A configuration as the attributes that a spec writes. Raises ValueError or MLIRError if there are none for it."""
    info = target.compilation_info(configuration, context)
    others = {number: target.lowering_config(levels, context) for number, levels in configuration.others.items()}
    return Annotations(
        {**configuration.attributes, "compilation_info": str(info)},
        {number: str(config) for number, config in others.items()},
        {**configuration.function_attributes, **target.function_attributes(configuration)},
    )


def apply_configuration(
    module: ir.Module, identity: str, configuration: Configuration | Annotations | None, target: Target
) -> Applied:
    """Configures `module` (stripped and annotated) in place; with None it keeps the compiler's configuration.

    Annotations are those of a spec's entry. Raises RejectedError or NotAppliedError.
    """
    context = module.context
    wanted = None
    annotations = configuration if isinstance(configuration, Annotations) else None
    others: dict[int, ir.Attribute] = {}
    try:
        if isinstance(configuration, Configuration):
            annotations = annotations_of(configuration, target, context)
        if annotations is not None:
            wanted = native.compilation_info(ir.Attribute.parse(annotations.root["compilation_info"], context))
            others = {number: ir.Attribute.parse(text, context) for number, text in annotations.others.items()}
            spec = ir.Module.parse(identity_spec(identity, annotations), context)
            for entry in spec.body.operations:
                interpreter.apply_named_sequence(module.operation, entry.operation, spec.operation)
            materialize(module, target)
    except (ir.MLIRError, ValueError, RuntimeError) as error:
        raise RejectedError(reason_of(error)) from error
    (function,) = dispatch_functions(module.operation)
    if wanted is not None:
        (root,) = native.find_root_ops(module.operation)
        translation = native.translation_info(function)
        if root.operation.attributes["lowering_config"] != wanted.lowering_config:
            raise NotAppliedError(f"the root op carries another lowering config than {wanted.lowering_config}")
        if translation is None or translation.attribute != wanted.translation_info:
            raise NotAppliedError(f"the function carries {translation} instead of {wanted.translation_info}")
        held = {op.attributes["iree_tuner.op"].value: op for op in native.configured_ops(function) if _is_other(op)}
        for number, config in others.items():
            op = held.get(f"{identity}#{number}")
            if op is None or op.attributes["lowering_config"] != config:
                raise NotAppliedError(f"op {number} of the dispatch does not carry {config}")
        for name, text in annotations.function.items() if annotations is not None else ():
            if name not in function.attributes or function.attributes[name] != ir.Attribute.parse(text, context):
                raise NotAppliedError(f"the function does not carry {name} = {text}")
    return Applied(read_configured(function), annotations)


def materialize(module: ir.Module, target: Compilation) -> None:
    """Moves annotations into place, gives each dispatch without a configuration IREE's default, and verifies all.

    Raises MLIRError if IREE refuses a configuration.
    """
    _run("iree-codegen-materialize-user-configs", module)
    listed = [function for function in dispatch_functions(module.operation) if _has_listed_passes(function)]
    configured = [native.configured_ops(function) for function in listed]
    _run(target.strategy_pass, module)
    # IREE's pass for GPUs gives the root op's configuration to all ops around it if the pipeline is none of its own.
    # Source: IREE, `initGPULaunchConfig` in LLVMGPU/KernelConfig.cpp.
    for function, before in zip(listed, configured, strict=True):
        for op in native.configured_ops(function):
            if op not in before:
                del op.attributes["lowering_config"]


def _run(name: str, module: ir.Module) -> None:
    """Runs a pass of IREE on the functions of all dispatches."""
    pipeline = f"builtin.module(hal.executable(hal.executable.variant(builtin.module({name}))))"
    with module.context:
        passmanager.PassManager.parse(pipeline).run(module.operation)


def _has_listed_passes(function: ir.Operation) -> bool:
    translation = native.translation_info(function)
    return translation is not None and str(translation.pipeline).startswith("#iree_codegen.pass_pipeline<")


def _is_other(op: ir.Operation) -> bool:
    return "iree_tuner.op" in op.attributes and "lowering_config" in op.attributes
