# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Late specs: applied to a whole model when the compiler has configured everything, before it generates code.

This reaches every kind of op on every target, where a spec that plain iree-compile reads comes too early (the op is
made anew afterwards) or is not read at all. The way is the one of search, with the same sequences.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from iree.compiler import ir
from iree.compiler.dialects.transform import interpreter

from tuner import native
from tuner.compile.apply import RejectedError, materialize
from tuner.dispatch import plain_name
from tuner.dispatches.extract import check_written
from tuner.dispatches.problems import ops_named, read_problem
from tuner.errors import InputError, ToolError
from tuner.files import check_writable, place_of
from tuner.foreign import printable
from tuner.model.model import Model, spec_flag
from tuner.model.onnx import Shapes
from tuner.runs.names import check_not_of_a_run
from tuner.specs.deliver import THE_MODEL
from tuner.specs.read import parse_spec, read_spec, text_of
from tuner.specs.write import LATE, PROBLEM
from tuner.stopwatch import Part
from tuner.targets import Target
from tuner.targets.choosing import choose_target
from tuner.toolchain.contexts import new_context
from tuner.toolchain.tools import ToolResult, run_tool

# iree-compile applies a spec to all dispatches at once on its threads, and was once seen to hang there.
NO_HANG = "--mlir-disable-threading"


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
        """For people: the kind and the extents of its problem."""
        return f"{self.name} ({' '.join(self.problem.split(' | ')[:2])})"


def is_late(spec: Path) -> bool:
    """Whether a spec is one that plain iree-compile cannot apply. Raises InputError for what is no spec."""
    with new_context():
        return LATE in parse_spec(spec).operation.attributes


def configure(model: Model, output: Path, early: Path | None) -> ToolResult:
    """Compiles a model up to the moment when all is configured, `early` being a spec that plain iree-compile reads."""
    flags = () if early is None else (spec_flag(early), NO_HANG)
    return model.compile(
        output, *flags, "--iree-codegen-add-tuner-attributes", "--compile-to=executable-configurations"
    )


def apply_late(configured: Path, spec: Path, target: Target, output: Path) -> tuple[LateEntry, ...]:
    """Applies a late spec to a module that `configure` made, and writes it to `output`.

    A dispatch without an entry keeps what it holds. Raises InputError for what is no late spec, RejectedError where
    IREE refuses a configuration.
    """
    with new_context() as context:
        sequences = parse_spec(spec)
        entries = {
            text_of(op, "sym_name", str(spec)): op
            for op in ops_named(sequences.operation, "transform.named_sequence")
            if PROBLEM in op.attributes
        }
        names = {text_of(op, PROBLEM, f"{spec}: the entry {name}"): name for name, op in entries.items()}
        module = ir.Module.parseFile(str(configured), context)
        try:
            native.annotate_root_ops(module)
        except native.PassError as error:
            raise ToolError(f"the root ops of {configured} cannot be found: {error}") from error
        reached: dict[str, list[str]] = {name: [] for name in names.values()}
        functions = [
            function
            for variant in ops_named(module.operation, "hal.executable.variant")
            for function in ops_named(variant, "func.func")
        ]
        for function in functions:
            roots = native.find_root_ops(function)
            if len(roots) != 1:
                continue
            problem = read_problem(roots[0].operation.operation, function)
            if isinstance(problem, str) or problem.key not in names:
                continue
            name = names[problem.key]
            reached[name].append(plain_name(_text(function, "sym_name")))
            _make_way(function, roots[0].operation.operation, name)
        try:
            for name, entry in entries.items():
                if reached.get(name):
                    interpreter.apply_named_sequence(module.operation, entry, sequences.operation)
            materialize(module, target)
        except (ir.MLIRError, ValueError, RuntimeError) as error:
            raise RejectedError(_reason(error)) from error
        with output.open("wb") as file:
            module.operation.write_bytecode(file)
        return tuple(LateEntry(name, problem, tuple(reached[name])) for problem, name in names.items())


def compile_configured(model: Model, configured: Path, output: Path) -> ToolResult:
    """Compiles what `apply_late` wrote to a binary, with the model's flags."""
    arguments = [str(configured), *model.flags, "--compile-from=executable-configurations", "-o", str(output)]
    with model.watch.of(Part.COMPILING):
        return run_tool("iree-compile", arguments, timeout_s=model.timeout_s, scratch=output.parent)


def compile_with_specs(
    path: Path,
    specs: Sequence[Path],
    output: Path,
    target_name: str,
    threads: int,
    flags: Sequence[str],
    shapes: Shapes,
) -> tuple[LateEntry, ...]:
    """Compiles a model file with specs, at most one of each kind, and says where each late entry was applied.

    Raises InputError for unusable input; then nothing is written.
    """
    target = choose_target(target_name, threads)
    model = Model.open(path, (*target.compile_flags, *flags))
    check_writable(output, kept={**dict.fromkeys(specs, "a spec that is given"), path: THE_MODEL})
    check_not_of_a_run(output)
    late = [spec for spec in specs if is_late(spec)]
    early = [spec for spec in specs if spec not in late]
    for kind, given in (("late", late), ("early", early)):
        if len(given) > 1:
            raise InputError(f"{given[0]} and {given[1]} are both {kind} specs; merge them first (iree-tune merge)")
    if early and not target.reads_specs and _has_entries(early[0]):
        raise InputError(
            f"{early[0]} has no effect: iree-compile ignores tuning specs for {target.name}; give late ones"
        )
    place = place_of(output)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{place.name}.") as folder:
        model = model.imported(shapes, Path(folder))
        configured, applied, binary = (Path(folder) / name for name in ("configured.mlir", "applied.mlirbc", "binary"))
        result = configure(model, configured, early[0] if early else None)
        if result.exit_code != 0:
            raise InputError(f"iree-compile cannot compile {path} with these specs ({result.first_error})")
        check_written(configured, model)
        entries: tuple[LateEntry, ...] = ()
        if late:
            try:
                entries = apply_late(configured, late[0], target, applied)
            except RejectedError as error:
                raise InputError(f"{late[0]} is refused by this compiler ({error}); tune again with it") from error
        result = compile_configured(model, applied if late else configured, binary)
        if result.exit_code != 0:
            raise ToolError(f"{path} does not compile with these specs: {result.first_error}")
        binary.replace(place)
    return entries


def _has_entries(spec: Path) -> bool:
    read = read_spec(spec)
    return bool(read.entries or read.foreign)


def _make_way(function: ir.Operation, root: ir.Operation, name: str) -> None:
    """Gives a dispatch the identity that its entry looks for, and takes the compiler's configuration away."""
    with function.context:
        root.attributes["iree_tuner.dispatch"] = ir.StringAttr.get(name)
        for op in native.configured_ops(function):
            if "iree_tuner.op" in op.attributes:
                number = _text(op, "iree_tuner.op").rpartition("#")[2]
                op.attributes["iree_tuner.op"] = ir.StringAttr.get(f"{name}#{number}")
    native.strip_configuration(function)


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return printable(next((line for line in lines if line.startswith("error:")), lines[0] if lines else repr(error)))


def _text(op: ir.Operation, attribute: str) -> str:
    return str(ir.StringAttr(op.attributes[attribute]).value)
