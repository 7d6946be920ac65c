# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Late specs: applied to a whole model when the compiler has configured everything, before it generates code.

They reach every kind of op on every target. A spec that plain iree-compile reads comes too early for some ops, which
the compiler makes anew afterwards; for some targets it is not read at all. The sequences are those of a search.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from iree.compiler import ir
from iree.compiler.dialects.transform import interpreter

from tuner import native
from tuner.compile.apply import RejectedError, materialize
from tuner.dispatch import plain_name
from tuner.dispatches.problems import read_problem
from tuner.errors import InputError, ToolError
from tuner.foreign import reason_of
from tuner.specs.read import parse_spec, text_of
from tuner.specs.write import LATE, NEEDS_PLUGIN, PROBLEM
from tuner.targets import Target
from tuner.targets.plugin_passes import only_chip
from tuner.toolchain.contexts import new_context
from tuner.toolchain.operations import dispatch_functions, ops_named, symbol

# What a constant is whose data stands at the end of a module.
_RESOURCE = b"dense_resource<"


@dataclass(frozen=True, slots=True)
class LateEntry:
    """An entry of a late spec, and the dispatches of the model that it was applied to.

    `problem` is the key of its problem.
    """

    name: str
    problem: str
    dispatches: tuple[str, ...]

    @property
    def label(self) -> str:
        """Its name, with the kind and the extents of its problem."""
        return f"{self.name} ({' '.join(self.problem.split(' | ')[:2])})"


def is_late(spec: Path) -> bool:
    """Whether a spec is one that plain iree-compile cannot apply. Raises InputError if it is no spec."""
    with new_context():
        return LATE in parse_spec(spec).operation.attributes


def plugin_flags(spec: Path) -> tuple[str, ...]:
    """The flags of iree-compile for a late spec that needs our plugin: to load it, and to leave executables apart.

    Passes of ours may change the chip that a dispatch is compiled for. IREE would link it with others in an executable
    of several variants, of which the runtime loads one. Raises InputError if it is no spec.
    """
    with new_context():
        needed = NEEDS_PLUGIN in parse_spec(spec).operation.attributes
    return (f"--load={native.plugin_path()}", "--iree-hal-link-executables=false") if needed else ()


def apply_late(configured: Path, spec: Path, target: Target, output: Path) -> tuple[LateEntry, ...]:
    """Applies a late spec to a module compiled to `executable-configurations`, and writes it to `output`.

    A dispatch without an entry keeps its configuration. Raises InputError if it is no late spec, or has entries that
    the target's chip cannot run, RejectedError if IREE refuses a configuration.
    """
    with new_context() as context:
        sequences = parse_spec(spec)
        entries = {
            text_of(op, "sym_name", str(spec)): op
            for op in ops_named(sequences.operation, "transform.named_sequence")
            if PROBLEM in op.attributes
        }
        _check_chip(spec, entries, target)
        names = {text_of(op, PROBLEM, f"{spec}: the entry {name}"): name for name, op in entries.items()}
        # Not by `parseFile`, for a binary keeps the names of files, and users compile in other folders than we do.
        module = ir.Module.parse(configured.read_bytes(), context)
        try:
            native.annotate_root_ops(module)
        except native.PassError as error:
            raise ToolError(f"the root ops of {configured} cannot be found: {error}") from error
        reached: dict[str, list[str]] = {name: [] for name in names.values()}
        for function in dispatch_functions(module.operation):
            roots = native.find_root_ops(function)
            if len(roots) != 1:
                continue
            problem = read_problem(roots[0].operation.operation, function)
            if isinstance(problem, str) or problem.key not in names:
                continue
            name = names[problem.key]
            reached[name].append(plain_name(symbol(function)))
            _make_way(function, roots[0].operation.operation, name)
        try:
            for name, entry in entries.items():
                if reached.get(name):
                    interpreter.apply_named_sequence(module.operation, entry, sequences.operation)
            materialize(module, target)
        except (ir.MLIRError, ValueError, RuntimeError) as error:
            raise RejectedError(reason_of(error)) from error
        _write(module, output, has_resources=_RESOURCE in configured.read_bytes())
        return tuple(LateEntry(name, problem, tuple(reached[name])) for problem, name in names.items())


def _write(module: ir.Module, output: Path, *, has_resources: bool) -> None:
    """Writes the module to `output`: as bytecode, or as text if its constants are resources.

    IREE packs constants into attributes that bytecode has as text. Read back from there, a resource has lost its data
    (IREE 3.13): "resource data missing in input IR". The front end of torch makes such constants.
    """
    with output.open("wb") as file:
        if has_resources:
            module.operation.print(file=file, binary=True, enable_debug_info=True)
        else:
            module.operation.write_bytecode(file)


def _check_chip(spec: Path, entries: Mapping[str, ir.Operation], target: Target) -> None:
    for name, entry in entries.items():
        chip, ours = only_chip(str(entry)), target.machine_code_for
        if chip and chip != ours:
            raise InputError(
                f"{spec}: the entry {name} is for {chip}, and this is compiled for {ours or target.name}; give"
                f" --target {target.name}:{chip} if such a GPU will run it, or tune for this one"
            )


def _make_way(function: ir.Operation, root: ir.Operation, name: str) -> None:
    """Gives a dispatch the identity that its entry looks for, and removes the compiler's configuration."""
    with function.context:
        root.attributes["iree_tuner.dispatch"] = ir.StringAttr.get(name)
        for op in native.configured_ops(function):
            if "iree_tuner.op" in op.attributes:
                number = str(ir.StringAttr(op.attributes["iree_tuner.op"]).value).rpartition("#")[2]
                op.attributes["iree_tuner.op"] = ir.StringAttr.get(f"{name}#{number}")
    native.strip_configuration(function)
