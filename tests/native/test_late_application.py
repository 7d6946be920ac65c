# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A spec by identity, applied after the compiler has configured everything.

Five dispatches of different kinds. For every subset of them a spec gives each of the subset
a configuration of its own, ops beside the root included. Then exactly those have it, all
others have the compiler's default, the verifier ran, and the outputs are equal.
"""

from __future__ import annotations

import dataclasses
import itertools
from functools import cache
from pathlib import Path

import iree.runtime
import numpy as np
import pytest
from iree.compiler import ir

from iree_tools import ADD_ATTRIBUTES, configuring_pipeline, iree_compile, iree_opt
from tuner import native

pytestmark = pytest.mark.compiler

MODULE = Path(__file__).with_name("late_application.mlir").read_text()
KINDS = ("matmul", "conv", "softmax", "reduction", "attention")
SHAPES = {
    "matmul": ((128, 256), (256, 192)),
    "conv": ((1, 30, 30, 16), (3, 3, 16, 32)),
    "softmax": ((64, 512),),
    "reduction": ((256, 1024),),
    "attention": ((2, 64, 32), (2, 64, 32), (2, 64, 32)),
}
SUBSETS = [subset for size in range(len(KINDS) + 1) for subset in itertools.combinations(KINDS, size)]
PIPELINE = (
    "--pass-pipeline=builtin.module(iree-tuner-annotate-root-ops,iree-tuner-strip-configuration,"
    f"{configuring_pipeline('llvm-cpu')})"
)
NUM_RUNS = 50


@cache
def configured() -> str:
    return iree_compile(MODULE, "llvm-cpu", ADD_ATTRIBUTES, "--compile-to=executable-configurations").decode()


@dataclasses.dataclass(frozen=True)
class Configuration:
    """What one dispatch has: the function's translation info, and each op's configuration."""

    translation_info: str
    root: str
    others: tuple[tuple[str, str], ...]


def read(text: str) -> dict[str, tuple[str, Configuration]]:
    """Kind of dispatch to its identity and configuration, read from configured IR."""
    with ir.Context():
        module = ir.Module.parse(text)
        native.annotate_root_ops(module)
        found = {}
        for root in native.find_root_ops(module):
            function = root.operation.parent
            info = native.translation_info(function)
            assert info is not None
            others = tuple(
                (op.attributes["iree_tuner.op"].value, str(op.attributes["lowering_config"]))
                for op in native.configured_ops(function.operation)
                if "iree_tuner.op" in op.attributes
            )
            config = str(root.operation.attributes["lowering_config"])
            (kind,) = [kind for kind in KINDS if root.dispatch.startswith(f"{kind}_dispatch")]
            found[kind] = (root.dispatch, Configuration(str(info.attribute), config, others))
        return found


def other_tiles(configuration: Configuration) -> Configuration:
    """The same with the largest workgroup tile halved."""
    with ir.Context() as context:
        levels = native.read_cpu_lowering_config(ir.Attribute.parse(configuration.root))
        sizes = list(levels["distribution"].sizes)
        largest = sizes.index(max(sizes))
        sizes[largest] //= 2
        assert sizes[largest] > 0
        levels["distribution"] = dataclasses.replace(levels["distribution"], sizes=tuple(sizes))
        root = str(native.cpu_lowering_config(levels, context))
    return dataclasses.replace(configuration, root=root)


def spec(chosen: dict[str, Configuration]) -> str:
    """A transform library that configures the dispatches of these identities."""
    lines = []
    for n, (identity, config) in enumerate(chosen.items()):
        info = (
            f"#iree_codegen.compilation_info<lowering_config = {config.root}, "
            f"translation_info = {config.translation_info}>"
        )
        entries = [("iree_tuner.dispatch", identity, "compilation_info", info)]
        entries += [("iree_tuner.op", op, "lowering_config", c) for op, c in config.others]
        for k, (key, name, attribute, value) in enumerate(entries):
            lines += [
                f'%op{n}_{k} = transform.structured.match attributes {{{key} = "{name}"}} '
                "in %f : (!transform.any_op) -> !transform.any_op",
                f"%c{n}_{k} = transform.param.constant {value} -> !transform.any_param",
                f'transform.annotate %op{n}_{k} "{attribute}" = %c{n}_{k} : !transform.any_op, !transform.any_param',
            ]
    return (
        "module attributes {transform.with_named_sequence} {\n"
        "transform.named_sequence @__kernel_config(%f: !transform.any_op {transform.readonly}) {\n"
        + "\n".join(lines)
        + "\ntransform.yield\n}\n}\n"
    )


def apply(library: str, folder: Path) -> str:
    file = folder / "spec.mlir"
    file.write_text(library)
    flag = f"--iree-codegen-transform-dialect-library={file}@__kernel_config"
    return iree_opt(configured(), flag, "--mlir-disable-threading", PIPELINE)


def outputs(text: str) -> dict[str, np.ndarray]:
    binary = iree_compile(text, "llvm-cpu", "--compile-from=executable-configurations")
    config = iree.runtime.Config("local-sync")
    vm_module = iree.runtime.VmModule.copy_buffer(config.vm_instance, binary)
    loaded = iree.runtime.load_vm_module(vm_module, config)
    results = {}
    for kind, shapes in SHAPES.items():
        random = np.random.default_rng(7)
        inputs = [random.standard_normal(shape, dtype=np.float32) for shape in shapes]
        results[kind] = loaded[kind](*inputs).to_host()
    return results


@cache
def default() -> dict[str, tuple[str, Configuration]]:
    return read(configured())


@cache
def default_outputs() -> dict[str, np.ndarray]:
    return outputs(configured())


def test_the_dispatches_are_five() -> None:
    assert sorted(default()) == sorted(KINDS)
    # A softmax and an attention are configured at more than their root.
    assert len(default()["softmax"][1].others) > 0


@pytest.mark.parametrize("subset", SUBSETS, ids=lambda subset: "+".join(subset) or "none")
def test_subset_is_reconfigured_and_the_rest_is_default(subset: tuple[str, ...], tmp_path: Path) -> None:
    wanted = {kind: other_tiles(config) if kind in subset else config for kind, (_, config) in default().items()}
    chosen = {default()[kind][0]: wanted[kind] for kind in subset}
    applied = read(apply(spec(chosen), tmp_path))
    assert {kind: config for kind, (_, config) in applied.items()} == wanted
    for kind in subset:
        assert wanted[kind] != default()[kind][1]


@pytest.mark.parametrize("subset", [(), *((kind,) for kind in KINDS), KINDS], ids="+".join)
def test_outputs_are_equal(subset: tuple[str, ...], tmp_path: Path) -> None:
    chosen = {default()[kind][0]: other_tiles(default()[kind][1]) for kind in subset}
    results = outputs(apply(spec(chosen), tmp_path))
    for kind, expected in default_outputs().items():
        assert np.isfinite(expected).all()
        np.testing.assert_allclose(results[kind], expected, rtol=1e-5, atol=1e-5, err_msg=kind)


def test_verifier_runs(tmp_path: Path) -> None:
    """A tile on a reduction loop at a parallel level is refused, not compiled."""
    identity, config = default()["matmul"]
    wrong = (
        "#iree_cpu.lowering_config<distribution = [32, 32, 0], "
        "vector_common_parallel = [8, 16, 4], vector_reduction = [0, 0, 4]>"
    )
    chosen = {identity: dataclasses.replace(config, root=wrong)}
    with pytest.raises(AssertionError, match="expected only parallel dims to be set"):
        apply(spec(chosen), tmp_path)


def test_spec_of_an_unknown_identity_changes_nothing(tmp_path: Path) -> None:
    _, config = default()["matmul"]
    stray = dataclasses.replace(other_tiles(config), others=())
    applied = read(apply(spec({"no_such_dispatch": stray}), tmp_path))
    assert applied == default()


def test_nothing_hangs(tmp_path: Path) -> None:
    """Fifty runs, each with a time limit, give fifty times the same."""
    chosen = {identity: other_tiles(config) for identity, config in default().values()}
    texts = {apply(spec(chosen), tmp_path) for _ in range(NUM_RUNS)}
    assert len(texts) == 1
