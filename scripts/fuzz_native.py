# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Throws random modules, attributes and ELF files at the native layer.

    python scripts/fuzz_native.py [--minutes 10] [--seed N]

A worker process takes one case after another; each case is a function of its number alone,
so `--seed N --cases 1` repeats it. A case fails when the worker dies, hangs, raises anything
but the documented errors, or breaks a promise:

- stripping leaves no configuration, changes nothing the second time, and keeps the module valid;
- annotating twice is annotating once, and every identity names one op;
- a configuration that is read and built again is the same attribute.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import tempfile
import time
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

HANG_S = 60
CONFIGURATION = (
    "lowering_config",
    "translation_info",
    "compilation_info",
    "decomposition_config",
    "iree_codegen.ukernel",
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cases", type=int, default=sys.maxsize)
    options = parser.parse_args()
    deadline = time.monotonic() + 60 * options.minutes
    spawn = multiprocessing.get_context("spawn")
    current: Synchronized[int] = spawn.Value("q", options.seed)
    valid: Synchronized[int] = spawn.Value("q", 0)
    last = min(options.seed + options.cases, sys.maxsize)
    failures = []
    while current.value < last and time.monotonic() < deadline:
        worker = spawn.Process(target=_work, args=(current, valid, last, deadline))
        worker.start()
        seen, since = current.value, time.monotonic()
        while worker.is_alive():
            worker.join(1)
            if current.value != seen:
                seen, since = current.value, time.monotonic()
            elif time.monotonic() - since > HANG_S:
                worker.kill()
                worker.join()
        if worker.exitcode:
            failures.append(current.value)
            print(f"FAILED: case {current.value}, exit code {worker.exitcode}", flush=True)
            current.value += 1
    cases = current.value - options.seed
    print(f"{cases} cases, {valid.value} modules valid, {len(failures)} failures {failures}")
    return 1 if failures or not valid.value else 0


def _work(current: Synchronized[int], valid: Synchronized[int], last: int, deadline: float) -> None:
    while current.value < last and time.monotonic() < deadline:
        valid.value += _run_case(random.Random(current.value))
        current.value += 1


def _run_case(rng: random.Random) -> bool:
    _fuzz_elf(rng)
    _fuzz_attributes(rng)
    return _fuzz_module(rng)


# Attributes -----------------------------------------------------------------------

_LEVELS = (
    *("distribution", "cache_parallel", "cache_reduction", "vector_common_parallel"),
    *("vector_reduction", "vector_inner_parallel", "workgroup", "reduction", "thread", "subgroup"),
)


def _integers(rng: random.Random, low: int = -2) -> str:
    values = [rng.choice((0, 1, 4, 32, low, 2**62)) for _ in range(rng.randrange(5))]
    texts = [f"[{v}]" if rng.random() < 0.1 else str(v) for v in values]
    return f"[{', '.join(texts)}]"


def _level(rng: random.Random) -> str:
    if rng.random() < 0.2:
        return f"{{sizes = {_integers(rng)}, interchange = {_integers(rng)}}}"
    return _integers(rng)


def _string(rng: random.Random) -> str:
    alphabet = 'ab#@:/<>{}[]=,. \\"é\x00\n'
    letters = [rng.choice(alphabet) for _ in range(rng.randrange(6))]
    return '"' + "".join(f"\\{ord(c):02X}" if c in '"\\\x00\n' else c for c in letters) + '"'


def _scalar(rng: random.Random) -> str:
    return rng.choice(("unit", "true", "42 : i64", "dense<0> : tensor<4xi8>", _string(rng), "[]", "{}"))


def _attribute(rng: random.Random) -> str:
    levels = rng.sample(_LEVELS, rng.randrange(4))
    cpu = ", ".join(f"{name} = {_level(rng)}" for name in levels)
    gpu = ", ".join(f"{name} = {rng.choice((_integers(rng), _scalar(rng)))}" for name in levels)
    basis = f"subgroup_basis = [{_integers(rng)}, {_integers(rng)}]"
    kind = rng.randrange(12)
    if kind < 4:
        return f"#iree_cpu.lowering_config<{cpu}>"
    if kind < 6:
        return f"#iree_gpu.lowering_config<{{{gpu}}}>"
    return (
        f"#iree_cpu.lowering_config<{rng.choice(('foo', _string(rng)))} = {_scalar(rng)}>",
        f"#iree_gpu.lowering_config<{{{basis}, promote_operands = {_integers(rng)}}}>",
        "#iree_codegen.lowering_config<tile_sizes = [[32, 32], [0, 4]]>",
        f"#iree_codegen.translation_info<pipeline = #iree_codegen.no_pipeline "
        f"workgroup_size = [{rng.randrange(1, 99)}, 1, 1] subgroup_size = 64>",
        "#iree_codegen.compilation_info<lowering_config = #iree_cpu.lowering_config<"
        f"{cpu}>, translation_info = #iree_codegen.translation_info<pipeline = #iree_codegen.no_pipeline>>",
        _scalar(rng),
    )[kind - 6]


def _fuzz_attributes(rng: random.Random) -> None:
    from iree.compiler import ir

    from tuner import native

    with ir.Context() as context:
        try:
            attribute = ir.Attribute.parse(_attribute(rng))
        except (ir.MLIRError, ValueError):
            return
        for read in (
            native.read_cpu_lowering_config,
            native.read_gpu_lowering_config,
            native.read_pipeline_options,
            native.compilation_info,
            native.gpu_target,
        ):
            try:
                value = read(attribute)
            except ValueError:
                continue
            if isinstance(value, dict):
                assert read is native.read_cpu_lowering_config
                assert native.cpu_lowering_config(value, context) == attribute, attribute
            if isinstance(value, native.GPULoweringConfig) and not _has_odd_gpu_entries(attribute, value):
                assert native.gpu_lowering_config(value, context) == attribute, attribute


def _has_odd_gpu_entries(attribute: object, value: object) -> bool:
    """Values that IREE takes and we refuse to write: negative tiles, positions off a basis."""
    from tuner.native import GPULoweringConfig

    assert isinstance(value, GPULoweringConfig)
    basis = value.subgroup_basis
    return (
        any(size < 0 for sizes in value.tiles.values() for size in sizes)
        or (basis is not None and any(not 0 <= p < len(basis.counts) for p in basis.mapping))
        or "promote_operands = []" in str(attribute)
    )


# Modules --------------------------------------------------------------------------

_NAMES = (*CONFIGURATION, "root_op", "iree_tuner.dispatch", "iree_tuner.op", "mine")


def _dictionary(rng: random.Random, *, of_module: bool = False) -> str:
    entries = []
    for name in rng.sample(_NAMES, rng.choice((0, 0, 1, 1, 2, 4))):
        if of_module and "." not in name:
            continue  # IREE takes only prefixed names there.
        value = _attribute(rng)
        if name == "root_op" and rng.random() < 0.8:
            value = rng.choice(("unit", "#iree_codegen.root_op<set = 0>", "#iree_codegen.root_op<set = 3>"))
        elif name.startswith("iree_tuner") and rng.random() < 0.8:
            value = _string(rng)
        entries.append(f'"{name}" = {value}')
    return f"{{{', '.join(entries)}}}"


def _function(rng: random.Random) -> str:
    name = rng.choice(("a", "b", "c", '"with space"', '"x::y"', '"#1"'))
    body = []
    last = "%t"
    for n in range(rng.randrange(5)):
        attributes = _dictionary(rng)
        source = rng.choice((last, "%t"))
        kind = rng.randrange(4)
        if kind == 0:
            op = f"linalg.fill {attributes} ins(%x : f32) outs({source} : tensor<8x8xf32>) -> tensor<8x8xf32>"
        elif kind == 1:
            op = (
                f"linalg.matmul {attributes} ins({source}, %t : tensor<8x8xf32>, tensor<8x8xf32>) "
                f"outs({last} : tensor<8x8xf32>) -> tensor<8x8xf32>"
            )
        elif kind == 2:
            op = f"arith.addf {source}, {last} {attributes} : tensor<8x8xf32>"
        else:
            op = (
                f"scf.execute_region -> tensor<8x8xf32> {{ %i = arith.negf {source} {attributes} "
                ": tensor<8x8xf32>\n scf.yield %i : tensor<8x8xf32> }"
            )
        body.append(f"%r{n} = {op}")
        last = f"%r{n}"
    lines = "\n".join(body)
    visibility = "private " if rng.random() < 0.1 else ""
    return (
        f"func.func {visibility}@{name}(%x: f32, %t: tensor<8x8xf32>) -> tensor<8x8xf32> "
        f"attributes {_dictionary(rng)} {{\n{lines}\nreturn {last} : tensor<8x8xf32>\n}}\n"
    )


def _module(rng: random.Random, depth: int = 0) -> str:
    parts = []
    names = set()
    for _ in range(rng.randrange(4)):
        if depth < 3 and rng.random() < 0.3:
            parts.append(_module(rng, depth + 1))
            continue
        function = _function(rng)
        name = function.split("(")[0].split("@")[1]
        if name not in names:
            names.add(name)
            parts.append(function)
    symbol = rng.choice(("", "", f"@m{rng.randrange(1000)}"))
    return f"module {symbol} attributes {_dictionary(rng, of_module=True)} {{\n{''.join(parts)}}}\n"


def _fuzz_module(rng: random.Random) -> bool:
    from iree.compiler import ir

    from tuner import native

    with ir.Context():
        try:
            module = ir.Module.parse(_module(rng))
        except (ir.MLIRError, ValueError):
            return False
        actions = (
            native.annotate_root_ops,
            native.strip_configuration,
            native.strip_annotations,
            native.strip_root_configuration,
        )
        for _ in range(rng.randrange(1, 5)):
            action = rng.choice(actions)
            before = str(module)
            try:
                action(module)
            except native.PassError as error:
                assert str(error)
                continue
            once = str(module)
            action(module)
            assert str(module) == once, f"{action.__name__} is not idempotent on\n{before}"
            assert module.operation.verify()
            if action is native.annotate_root_ops:
                _check_identities(module)
            if action in (native.strip_configuration, native.strip_annotations):
                left = _configuration_below(module.operation)
                assert not left, f"{left} left in\n{once}"
        for op in native.configured_ops(module):
            native.problem(op)
    return True


def _check_identities(module: object) -> None:
    from iree.compiler import ir

    from tuner import native

    assert isinstance(module, ir.Module)
    roots = native.find_root_ops(module)
    names = [root.dispatch for root in roots]
    names += [
        ir.StringAttr(op.attributes["iree_tuner.op"]).value
        for op in native.configured_ops(module)
        if "iree_tuner.op" in op.attributes
    ]
    assert len(set(names)) == len(names), f"identities are not unique in\n{module}"


def _configuration_below(operation: object) -> set[str]:
    from iree.compiler import ir

    assert isinstance(operation, ir.Operation)
    found: set[str] = set()

    def visit(op: ir.Operation) -> ir.WalkResult:
        found.update(name for name in CONFIGURATION if name in op.attributes)
        return ir.WalkResult.ADVANCE

    operation.walk(visit)
    return found


# ELF files ------------------------------------------------------------------------


def _fuzz_elf(rng: random.Random) -> None:
    from tuner import native

    image = bytearray(native.plugin_path().read_bytes()[: rng.choice((0, 63, 64, 4096, 10**9))])
    for _ in range(rng.randrange(20)):
        if image:
            # The header and the section table are what the reader trusts first.
            place = rng.choice((rng.randrange(min(64, len(image))), rng.randrange(len(image))))
            image[place] = rng.randrange(256)
    if rng.random() < 0.3:
        del image[rng.randrange(len(image) + 1) :]
    with tempfile.NamedTemporaryFile() as file:
        file.write(image)
        file.flush()
        for path in (file.name, "/", "/nonexistent"):
            try:
                native._core.find_elf_symbol(path, "mlirGetPassPluginInfo")
            except RuntimeError as error:
                assert Path(path).name in str(error)


if __name__ == "__main__":
    sys.exit(main())
