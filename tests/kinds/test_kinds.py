# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What every registered kind keeps to, and a kind that a package of its own adds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import samples
from extraction import extract_text
from tuner import kinds, plugins
from tuner.dispatch import Loop, Operand, Problem
from tuner.dispatches.extract import Extracted
from tuner.targets.cpu import CpuTarget

pytestmark = pytest.mark.compiler
TIMEOUT_S = 120
# A kind that takes sums of rows from our reductions, and a space that serves it.
ROW_SUM = """
from tuner.constraints import Knob, Space
from tuner.dispatch import Configuration
from tuner.kinds.reduction import KIND as REDUCTION


class RowSum:
    priority = 1

    def roles(self, root_op):
        roles = REDUCTION.roles(root_op)
        named = {"parallel": "row", "k": "k"}
        return {loop: named[role] for loop, role in roles.items()} if roles and len(roles) == 2 else None

    def matcher(self, problem):
        return '    transform.match.operation_name %op ["linalg.reduce", "linalg.generic"] : !transform.any_op\\n'


class Rows:
    priority = 0

    def serves(self, target, problem):
        return target == "cpu" and problem.kind == "row-sum"

    def build(self, problem, limits):
        return Space((Knob("rows", (2, 4)),), ())

    def configuration(self, problem, point):
        rows = point["rows"]
        levels = {
            "distribution": (rows, 0),
            "vector_common_parallel": (rows, 0),
            "vector_reduction": (0, 16),
        }
        return Configuration("DoubleTilingExpert", levels)


KIND, SPACE, RIVAL = RowSum(), Rows(), Rows()
"""
ENTRY_POINTS = """
[tuner.kinds]
row-sum = row_sum:KIND

[tuner.spaces]
cpu-row-sum = row_sum:SPACE
"""
# Reads a model's only dispatch, chooses the first point of its space, writes a spec of it and compiles with that.
SCRIPT = """
import json, sys
from pathlib import Path
from tuner import spaces
from tuner.compile.apply import annotations_of
from tuner.dispatches.extract import extract, read_model_configurations
from tuner.targets.target import tuning_spec_flags
from tuner.model.model import Model
from tuner.specs.write import Entry, problem_spec
from tuner.targets.cpu import CpuTarget
from tuner.toolchain.contexts import new_context

folder, target = Path(sys.argv[1]), CpuTarget()
model = Model.open(folder / "model.mlir", target.compile_flags)
(dispatch,) = extract(model, target, folder).dispatches
name, space = spaces.find("cpu", dispatch.problem)
with new_context() as context:
    annotations = annotations_of(space.configuration(dispatch.problem, {"rows": 4}), target, context)
spec, out = folder / "spec.mlir", folder / "out.mlir"
spec.write_text(problem_spec([Entry(dispatch.problem, annotations)]))
model.compile_or_reject(out, *tuning_spec_flags(spec), "--compile-to=executable-configurations")
(configured,) = read_model_configurations(out).values()
print(json.dumps([dispatch.problem.label, name, str(configured)]))
"""


def row_sum(rows: int, columns: int) -> str:
    return f"""
func.func @row_sum(%a: tensor<{rows}x{columns}xf32>) -> tensor<{rows}xf32> {{
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<{rows}xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<{rows}xf32>) -> tensor<{rows}xf32>
  %b = linalg.reduce {{ arith.addf }} ins(%a : tensor<{rows}x{columns}xf32>) outs(%init : tensor<{rows}xf32>)
    dimensions = [1]
  return %b : tensor<{rows}xf32>
}}
"""


@pytest.fixture(name="package")
def make_package(tmp_path: Path) -> Path:
    """A folder for the import path that holds an installed package: its module and what its metadata registers."""
    folder = tmp_path / "package"
    metadata = folder / "row_sum-1.0.dist-info"
    metadata.mkdir(parents=True)
    (folder / "row_sum.py").write_text(ROW_SUM)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: row-sum\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS)
    return folder


def with_package(package: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs Python with the package on its import path."""
    path = os.pathsep.join([str(package), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
        env={**os.environ, "PYTHONPATH": path},
    )


def test_a_package_adds_a_kind_with_its_space_and_its_matcher(package: Path, tmp_path: Path) -> None:
    (tmp_path / "model.mlir").write_text(row_sum(64, 512))
    done = with_package(package, "-c", SCRIPT, tmp_path)
    assert done.returncode == 0, done.stderr
    label, space, configured = json.loads(done.stdout)
    assert label == "row-sum row64 k512 f32"
    assert space == "cpu-row-sum"
    assert "distribution = [4, 0]" in configured


def test_two_spaces_of_one_priority_are_an_error_that_space_settles(package: Path, tmp_path: Path) -> None:
    entry_points = package / "row_sum-1.0.dist-info" / "entry_points.txt"
    entry_points.write_text(ENTRY_POINTS + "cpu-row-sum-rival = row_sum:RIVAL\n")
    model = tmp_path / "model.mlir"
    model.write_text(row_sum(64, 512))
    command = ("-m", "tuner", "run", model, "--dry-run", "--keep-flags")
    tied = with_package(package, *command)
    assert tied.returncode == 2
    assert (
        tied.stderr.strip()
        .splitlines()[-1]
        .endswith(
            "cpu-row-sum and cpu-row-sum-rival (tuner.spaces) claim row-sum row64 k512 f32 with the same priority, 0;"
            " choose one of them with --space"
        )
    )
    chosen = with_package(package, *command, "--space", "cpu-row-sum-rival")
    assert chosen.returncode == 0, chosen.stderr
    other = with_package(package, *command, "--space", "cpu-mmt4d")
    assert "the space cpu-mmt4d does not serve row-sum row64 k512 f32 on cpu" in other.stdout


def test_an_op_of_no_kind_is_named(tmp_path: Path, target: CpuTarget) -> None:
    (dispatch,) = extract_text(samples.sort(64), tmp_path, target).dispatches
    assert dispatch.problem is None
    assert dispatch.untunable == "no kind of problem describes a root op like iree_linalg_ext.sort"


def test_the_maps_of_a_packing_say_its_tiles(tmp_path: Path, target: CpuTarget) -> None:
    problems = {
        dispatch.name.partition("_dispatch")[0]: dispatch.problem
        for dispatch in extract_text(samples.LAYOUTS, tmp_path, target).dispatches
    }
    maps = {
        name: [operand.indexing_map.partition(" -> ")[2] for operand in problem.operands]
        for name, problem in problems.items()
        if problem is not None
    }
    assert maps == {
        "image": ["(d0, d1 * 16, d2, d3)", "(d0, d1, d2, d3, 0)"],
        "filled": ["(d1, d0 * 16)", "(d0, d1, 0, 0)", "()"],
        "unpacked": ["(d0 floordiv 16, d1 floordiv 16, d0 mod 16, d1 mod 16)", "(d0, d1)"],
    }
    filled = problems["filled"]
    assert filled is not None
    assert filled.label == "packing parallel16 parallel120 f32"


def test_only_a_contraction_of_three_operands_has_a_matcher(fused: Extracted) -> None:
    (dispatch,) = fused.dispatches
    assert dispatch.problem is not None
    assert "transform.iree.match.contraction %op" in kinds.matcher(dispatch.problem)
    operand = Operand("f32", "(d0) -> (d0)", (0,))
    for kind in (*plugins.names(kinds.GROUP), "no such kind"):
        assert kinds.matcher(Problem(kind, (Loop(4, "k"),), (operand, operand))) == ""
