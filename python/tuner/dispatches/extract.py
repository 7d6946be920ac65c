# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Cuts a model into its dispatches, each with its root op's problem and a program that runs it alone.

One compilation dumps a benchmark of each dispatch. The compiler's marks in it are completed (`annotate-root-ops`). Its
configuration is recorded and then stripped, so that a candidate starts clean.
"""

from __future__ import annotations

import re
import shutil
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from iree.compiler import ir

from tuner import native
from tuner.dispatch import Annotations, Configured, Dispatch, plain_name
from tuner.dispatches import benchmark
from tuner.dispatches.problems import PARTS, read_configured, read_problem
from tuner.errors import InputError
from tuner.foreign import printable
from tuner.measuring.guarding import GAP_BYTES
from tuner.model.model import PREPROCESSING_FLAG, Model
from tuner.targets import DeviceFacts, Limits, Target
from tuner.toolchain.contexts import new_context
from tuner.toolchain.operations import dispatch_functions, ops_named, symbol

# Symbols as MLIR prints them, in quotes if they have other characters than these.
_SYMBOL = re.compile(rb'@("(?:[^"\\]|\\.)*"|[A-Za-z_][\w.$]*)')
_MODULE = re.compile(rb"^((?:builtin\.)?module) " + _SYMBOL.pattern, re.MULTILINE)
_ESCAPES = {b'"': b'"', b"\\": b"\\", b"n": b"\n", b"t": b"\t"}


@dataclass(frozen=True, slots=True)
class Extracted:
    """A model's dispatches and public functions, what the compiler states of the device, and the seconds this took."""

    dispatches: tuple[Dispatch, ...]
    functions: tuple[str, ...]
    limits: Limits
    device_description: str
    features: tuple[str, ...]
    seconds: float


def extract(model: Model, target: Target, work_dir: Path) -> Extracted:
    """Compiles `model` once and reads its dispatches, in the order of the model; twice if a name is not plain.

    Files go to `work_dir`. Raises InputError when iree-compile refuses the model.
    """
    started = time.perf_counter()
    benchmarks, configured = work_dir / "benchmarks", work_dir / "configured.mlir"
    with new_context():
        named, parsed = _dump(model, benchmarks, configured)
        module = parsed.operation
        variants = list(ops_named(module, "hal.executable.variant"))
        executable_target = variants[0].attributes["target"] if variants else None
        order = [symbol(function) for function in dispatch_functions(module)]
        found: dict[str, Dispatch] = {}
        # What was chosen for ops of the input is settled in a dispatch, and the file may lie elsewhere in another run.
        codegen_flags = tuple(flag for flag in model.flags if not flag.startswith(PREPROCESSING_FLAG))
        gap_bytes = GAP_BYTES if target.device.in_host_memory else 0
        for path in sorted(benchmarks.glob("*_benchmark.mlir")):
            for dispatch in _read_benchmark(path, codegen_flags, gap_bytes):
                found.setdefault(dispatch.name, dispatch)
        missing = [
            _refused(name, "the compiler writes no benchmark for it (its sizes are open, or those of its buffers)")
            for name in order
            if name not in found
        ]
        found.update({dispatch.name: dispatch for dispatch in missing})
        facts = DeviceFacts(Limits(vector_bytes=0, threads=1), "no device code")
        if executable_target is not None:
            facts = target.facts(executable_target)
        runs = _runs(module)
        return Extracted(
            dispatches=tuple(replace(found[name], runs=runs[name]) for name in order),
            functions=tuple(_public_functions(named.operation)),
            limits=facts.limits,
            device_description=facts.description,
            features=facts.features,
            seconds=time.perf_counter() - started,
        )


def _dump(model: Model, benchmarks: Path, configured: Path) -> tuple[ir.Module, ir.Module]:
    """Writes the configured module and a benchmark of each dispatch; returns a module with the model's names, and that.

    Benchmarks are files that are named after symbols, which may hold slashes and be of any length. Then the dispatches
    are cut out first, and compiled on with plain names. Raises InputError when iree-compile refuses the model.
    """
    benchmarks.mkdir(parents=True, exist_ok=True)
    flags = (
        "--iree-codegen-add-tuner-attributes",
        f"--iree-hal-dump-executable-benchmarks-to={benchmarks}",
        "--compile-to=executable-configurations",
    )
    configured.unlink(missing_ok=True)
    result = model.compile(configured, *flags)
    if result.exit_code == 0:
        check_written(configured, model)
        module = ir.Module.parseFile(str(configured))
        if _has_plain_names(module.operation):
            return module, module
    shutil.rmtree(benchmarks)
    benchmarks.mkdir()
    sources, plain = configured.with_name("sources.mlir"), configured.with_name("plain-names.mlir")
    model.compile_or_reject(sources, "--compile-to=executable-sources")
    check_written(sources, model)
    plain.write_bytes(_with_plain_names(sources.read_bytes()))
    replace(model, path=plain).compile_or_reject(configured, "--compile-from=executable-sources", *flags)
    return ir.Module.parseFile(str(sources)), ir.Module.parseFile(str(configured))


def check_written(output: Path, model: Model) -> None:
    """Raises InputError if iree-compile ended well and wrote nothing, as it does when it is asked for help."""
    if not output.exists():
        raise InputError(
            f"iree-compile wrote nothing of {model.source} with the flags {' '.join(model.flags)}; leave out those that"
            " make it print, such as --help"
        )


def _has_plain_names(module: ir.Operation) -> bool:
    named = (*ops_named(module, "hal.executable"), *dispatch_functions(module))
    return all(plain_name(symbol(op)) == symbol(op) for op in named)


def _with_plain_names(text: bytes) -> bytes:
    """The module with a plain name for each symbol, and a short name for itself: file names have it as their prefix."""
    short = _MODULE.sub(rb"\1 @module", text, count=1)
    return _SYMBOL.sub(_with_plain_name, short)


def _with_plain_name(match: re.Match[bytes]) -> bytes:
    """In quotes if it had some: what has none may stand in a string."""
    quote = b'"' if match[1].startswith(b'"') else b""
    return b"@" + quote + plain_name(_spelled(match[1])).encode() + quote


def _spelled(printed: bytes) -> str:
    """A symbol as MLIR prints it, without its quotes and escapes."""
    if not printed.startswith(b'"'):
        return printed.decode()
    letters = re.sub(
        rb"\\([0-9A-Fa-f]{2}|.)",
        lambda match: _ESCAPES.get(match[1]) or bytes.fromhex(match[1].decode()),
        printed[1:-1],
    )
    return letters.decode(errors="replace")


def read_model_configurations(configured: Path) -> dict[str, Configured]:
    """The configuration of each dispatch, by name, in a module compiled to `executable-configurations`."""
    with new_context():
        module = ir.Module.parseFile(str(configured)).operation
        return {plain_name(symbol(function)): read_configured(function) for function in dispatch_functions(module)}


def read_model_annotations(configured: Path) -> dict[str, tuple[Configured, Annotations]]:
    """As `read_model_configurations`, with what a spec would write onto the root op to ask for the same.

    Of dispatches with one root op; the module was compiled with marks on these.
    """
    with new_context():
        module = ir.Module.parseFile(str(configured))
        native.annotate_root_ops(module.operation)
        roots = native.find_root_ops(module.operation)
        found = {}
        for function in dispatch_functions(module.operation):
            own = [root.operation for root in roots if root.operation.parent == function]
            translation = native.translation_info(function)
            if len(own) == 1 and translation is not None and "lowering_config" in own[0].attributes:
                info = native.make_compilation_info(own[0].attributes["lowering_config"], translation.attribute)
                written = {"compilation_info": str(info)}
                if PARTS in own[0].attributes:
                    written[PARTS] = str(own[0].attributes[PARTS])
                found[plain_name(symbol(function))] = read_configured(function), Annotations(written)
        return found


def _runs(module: ir.Operation) -> Counter[str]:
    """How many places of the model's functions run each dispatch."""
    runs: Counter[str] = Counter()
    for function in ops_named(module, "util.func"):
        for dispatch in ops_named(function, "stream.cmd.dispatch"):
            # All entry points of one op are the same dispatch, each for a device of another kind.
            first, *_ = ir.ArrayAttr(dispatch.attributes["entry_points"])
            runs[ir.SymbolRefAttr(first).value[-1]] += 1
    return runs


def _public_functions(module: ir.Operation) -> list[str]:
    stubs = (function for function in ops_named(module, "util.func") if "iree.abi.stub" in function.attributes)
    names = [symbol(function) for function in stubs]
    # Functions on torch's tensors stand beside a form of theirs that waits for fences.
    return [name for name in names if name.removesuffix("$async") == name or name.removesuffix("$async") not in names]


def _read_benchmark(path: Path, flags: tuple[str, ...], gap_bytes: int) -> list[Dispatch]:
    module = ir.Module.parseFile(str(path))
    operation = module.operation
    functions = dispatch_functions(operation)
    names = [symbol(function) for function in functions]
    if len(functions) != 1:
        return [_refused(name, "its executable holds several functions") for name in names]
    default = read_configured(functions[0])
    try:
        native.annotate_root_ops(operation)
    except native.PassError as error:
        return [_refused(names[0], str(error))]
    roots = native.find_root_ops(operation)
    if len(roots) == 1:
        problem = read_problem(roots[0].operation.operation, functions[0])
    else:
        problem = f"it has {len(roots)} root ops; one is needed"
    try:
        program = benchmark.prepare(module, flags, gap_bytes)
    except benchmark.UnsupportedDispatchError as error:
        return [_refused(names[0], problem if isinstance(problem, str) else str(error))]
    if isinstance(problem, str):
        # It is not tuned, but its time counts.
        return [replace(_refused(names[0], problem), program=program, default=default)]
    return [Dispatch(roots[0].dispatch, problem, program, default)]


def _refused(name: str, reason: str) -> Dispatch:
    return Dispatch(name, untunable=printable(reason))
