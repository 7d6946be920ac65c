# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Late specs: applied to whole models, read back, run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import samples
from places import EXAMPLES
from tuner.compile.apply import RejectedError
from tuner.compile.late import is_late
from tuner.compile.pool import CompileJob, CompilePool
from tuner.compile.specified import SpecifiedModel, compile_with_specs
from tuner.constraints import enumerate_space, sample_uniform
from tuner.dispatch import Arithmetic, Dispatch
from tuner.dispatches.extract import Extracted, extract, read_model_configurations
from tuner.errors import InputError
from tuner.events import nobody
from tuner.measuring import FunctionProgram, Runner
from tuner.model.model import Model
from tuner.options import Options
from tuner.outcome import Candidate, Compilation, Fate
from tuner.spaces import find
from tuner.specs.write import Entry, late_spec, problem_spec
from tuner.targets.cpu import CpuTarget

pytestmark = pytest.mark.runs

NETWORK = EXAMPLES / "small_network.mlir"
Winners = dict[str, tuple[Dispatch, Compilation]]


@pytest.fixture(name="network", scope="module")
def make_network(tmp_path_factory: pytest.TempPathFactory, target: CpuTarget) -> Extracted:
    return extract(Model.open(NETWORK, target.compile_flags), target, tmp_path_factory.mktemp("network"))


@pytest.fixture(name="chosen", scope="module")
def make_chosen(tmp_path_factory: pytest.TempPathFactory, target: CpuTarget, network: Extracted) -> Winners:
    """For each kind a configuration that is not the default, compiled alone."""
    folder = tmp_path_factory.mktemp("candidates")
    chosen: Winners = {}
    with CompilePool(1, 60.0) as pool:
        for dispatch in network.dispatches:
            problem, program = dispatch.problem, dispatch.program
            assert problem is not None
            assert program is not None
            found = find("cpu", problem)
            assert found is not None
            points = enumerate_space(found[1].build(problem, network.limits))
            for row in sample_uniform(points, 5, np.random.default_rng(0)):
                candidate = Candidate(1, configuration=found[1].configuration(problem, points.point(row)))
                binary, log = folder / f"{problem.kind}.vmfb", folder / "log"
                (end,) = pool.compile([CompileJob(program, dispatch.name, candidate, target, binary, log)])
                if end.fate is Fate.COMPILED and end.configured != dispatch.default:
                    chosen[problem.kind] = (dispatch, end)
                    break
    assert chosen.keys() == {"convolution", "contraction", "reduction"}
    return chosen


def entry(dispatch: Dispatch, end: Compilation) -> Entry:
    assert dispatch.problem is not None
    assert end.annotations is not None
    return Entry(dispatch.problem, end.annotations, dispatch.name)


def with_specs(target: CpuTarget, early: Path | None, late: Path) -> SpecifiedModel:
    return SpecifiedModel(Model.open(NETWORK, target.compile_flags), target, early, late, late.parent)


def is_same_elsewhere(model: Path, specs: list[Path], binary: Path) -> bool:
    """Whether it is the same binary, byte for byte, if it is compiled in another folder, of a name to be quoted."""
    other = binary.parent / "another's; $folder" / "y.vmfb"
    other.parent.mkdir()
    compile_with_specs(model, specs, other, Options(), nobody)
    return other.read_bytes() == binary.read_bytes()


def test_every_kind_holds_in_the_whole_model_what_was_compiled_alone(
    tmp_path: Path, target: CpuTarget, chosen: Winners
) -> None:
    specified = with_specs(target, None, tmp_path / "spec.mlir")
    (tmp_path / "spec.mlir").write_text(late_spec([entry(*winner) for winner in chosen.values()]))
    specified.configure()
    entries = specified.apply_late()
    assert [entry.dispatches for entry in entries] == [(dispatch.name,) for dispatch, _ in chosen.values()]
    held = read_model_configurations(specified.applied)
    assert held == {dispatch.name: end.configured for dispatch, end in chosen.values()}


@pytest.mark.parametrize("late_kind", ["convolution", "reduction"])
def test_dispatches_without_an_entry_keep_theirs(
    late_kind: str, tmp_path: Path, target: CpuTarget, chosen: Winners
) -> None:
    """One has an early entry, one a late one, one none."""
    early, late = tmp_path / "spec.mlir", tmp_path / "spec.late.mlir"
    early.write_text(problem_spec([entry(*chosen["contraction"])]))
    late.write_text(late_spec([entry(*chosen[late_kind])]))
    assert not is_late(early)
    assert is_late(late)
    held = with_specs(target, early, late).held()["late"]
    for kind, (dispatch, end) in chosen.items():
        assert held[dispatch.name] == (end.configured if kind in (late_kind, "contraction") else dispatch.default)


def test_equal_problems_share_an_entry(tmp_path: Path, chosen: Winners) -> None:
    model, spec = tmp_path / "model.mlir", tmp_path / "spec.mlir"
    # The same contraction with an epilogue and without one.
    model.write_text(samples.matmul(784, 200, 64) + samples.matmul_bias_relu(784, 200, 64))
    spec.write_text(late_spec([entry(*chosen["contraction"])]))
    (only,) = compile_with_specs(model, [spec], tmp_path / "x.vmfb", Options(), nobody)
    assert [name.partition("_")[0] for name in only.dispatches] == ["matmul", "fused"]


def test_the_whole_model_computes_the_same_with_both_specs(tmp_path: Path, target: CpuTarget, chosen: Winners) -> None:
    early, late, binary, plain = (tmp_path / name for name in ("spec.mlir", "spec.late.mlir", "x.vmfb", "plain.vmfb"))
    early.write_text(problem_spec([entry(*chosen["contraction"])]))
    late.write_text(late_spec([entry(*chosen["convolution"]), entry(*chosen["reduction"])]))
    entries = compile_with_specs(NETWORK, [early, late], binary, Options(), nobody)
    assert [len(each.dispatches) for each in entries] == [1, 1]
    assert is_same_elsewhere(NETWORK, [early, late], binary)
    Model.open(NETWORK, target.compile_flags).compile_or_reject(plain)
    assert binary.read_bytes() != plain.read_bytes()
    with Runner(target.device) as runner:
        runner.load("plain", FunctionProgram(plain, "classify"))
        runner.load("tuned", FunctionProgram(binary, "classify"))
        runner.reference("plain", 0, timeout_s=60)
        tolerances = runner.tolerances("plain", 0, Arithmetic(288, "f32", "f32"), timeout_s=60)
        verification, _ = runner.check("tuned", 0, tolerances, timeout_s=60)
    assert verification.passed, verification.detail
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_what_the_verifier_refuses_is_refused_in_the_whole_model(
    tmp_path: Path, target: CpuTarget, chosen: Winners
) -> None:
    dispatch, end = chosen["contraction"]
    assert end.annotations is not None
    # A reduction loop in a level of parallel ones: it compiles and computes something else where nothing verifies.
    info = (
        "#iree_codegen.compilation_info<lowering_config = #iree_cpu.lowering_config<distribution = [32, 64, 0],"
        " vector_common_parallel = [4, 32, 4]>, translation_info = <pipeline = #iree_cpu.pipeline<DoubleTilingExpert>>>"
    )
    wrong = replace(end, annotations=replace(end.annotations, root={"compilation_info": info}))
    spec = tmp_path / "spec.mlir"
    spec.write_text(late_spec([entry(dispatch, wrong)]))
    with pytest.raises(RejectedError, match="parallel dims"):
        with_specs(target, None, spec).held()
    with pytest.raises(InputError, match="tune again"):
        compile_with_specs(NETWORK, [spec], tmp_path / "x.vmfb", Options(), nobody)
    assert not (tmp_path / "x.vmfb").exists()


def test_an_entry_for_another_problem_says_that_it_reached_nothing(tmp_path: Path, chosen: Winners) -> None:
    model, spec = tmp_path / "model.mlir", tmp_path / "spec.mlir"
    model.write_text(samples.matmul(32, 32, 32))
    spec.write_text(late_spec([entry(*chosen["reduction"])]))
    (only,) = compile_with_specs(model, [spec], tmp_path / "x.vmfb", Options(), nobody)
    assert only.dispatches == ()
    assert only.label == "entry_0 (reduction parallel784 k200)"


def test_constants_that_are_resources_keep_their_data(tmp_path: Path, chosen: Winners) -> None:
    """Packed with others, they are lost in bytecode."""
    data = {f"w{number}": np.full((32, 32), number, np.float32) for number in (1, 2)}
    blobs = ",\n".join(f'      {name}: "0x04000000{value.tobytes().hex()}"' for name, value in data.items())
    kind, operand = "tensor<32x32xf32>", "%x"
    body = f"""
  %none = arith.constant 0.0 : f32
  %empty = tensor.empty() : {kind}
  %zero = linalg.fill ins(%none : f32) outs(%empty : {kind}) -> {kind}"""
    for name in data:
        body += f"""
  %{name} = arith.constant dense_resource<{name}> : {kind}
  %{name}_product = linalg.matmul ins({operand}, %{name} : {kind}, {kind}) outs(%zero : {kind}) -> {kind}"""
        operand = f"%{name}_product"
    model, spec, binary = tmp_path / "model.mlir", tmp_path / "spec.mlir", tmp_path / "x.vmfb"
    model.write_text(f"""
func.func @sum(%x: {kind}) -> {kind} {{{body}
  return {operand} : {kind}
}}
{{-#
  dialect_resources: {{
    builtin: {{
{blobs}
    }}
  }}
#-}}
""")
    spec.write_text(late_spec([entry(*chosen["reduction"])]))
    compile_with_specs(model, [spec], binary, Options(), nobody)
    assert all(value.tobytes() in binary.read_bytes() for value in data.values())
    assert is_same_elsewhere(model, [spec], binary)
