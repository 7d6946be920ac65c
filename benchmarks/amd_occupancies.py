# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the compiler makes of other wishes for occupancy on AMD GPUs than those that the knob `occupancy` has.

A few points of each space are compiled with every wish. Their binaries say how many registers a thread has, how many
subgroups an execution unit can hold, and how many registers are spilled. No GPU is needed. One JSON object a line.

    python benchmarks/amd_occupancies.py > benchmarks/results/amd_occupancies.jsonl
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

import problem_sizes as sizes
from tuner import spaces
from tuner.compile.pool import CompileJob, CompilePool
from tuner.constraints import enumerate_space, sample_uniform
from tuner.dispatches.extract import extract
from tuner.facts import read_facts
from tuner.model.model import Model
from tuner.outcome import Candidate
from tuner.targets.rocm import RocmTarget

# Subgroups of an execution unit; 0 asks for none.
WISHES = (0, 2, 3, 4, 6, 8)
POINTS = 5
_PRODUCT = sizes.product((2048, 2048, 2048), "f16")
CASES = (
    *((chip, "product", _PRODUCT) for chip in ("gfx942", "gfx950", "gfx1100", "gfx1201")),
    ("gfx942", "attention", sizes.attention((20, 1024, 1024, 64, 64), "f16")),
    ("gfx942", "softmax", sizes.softmax((2048, 2048), "f32")),
)


def asked(chip: str, name: str, text: str, folder: Path) -> None:
    """Prints what each wish makes of points of a problem's space, drawn uniformly with a fixed seed."""
    target = RocmTarget(chip)
    (folder / "model.mlir").write_text(text)
    extracted = extract(Model.open(folder / "model.mlir", target.compile_flags), target, folder)
    (dispatch,) = (dispatch for dispatch in extracted.dispatches if dispatch.problem is not None)
    assert dispatch.problem is not None
    assert dispatch.program is not None
    found = spaces.find(target.name, dispatch.problem)
    assert found is not None
    builder = found[1]
    pool = enumerate_space(builder.build(dispatch.problem, extracted.limits))
    points = [pool.point(int(row)) for row in sample_uniform(pool, POINTS, np.random.default_rng(3))]
    jobs: list[CompileJob] = []
    for number, point in enumerate(points):
        configuration = builder.configuration(dispatch.problem, point)
        assert configuration.gpu is not None
        for wish in WISHES:
            wished = replace(configuration, gpu=replace(configuration.gpu, occupancy=wish))
            binary, log = folder / f"{number}-{wish}.vmfb", folder / f"{number}-{wish}.log"
            candidate = Candidate(len(jobs) + 1, configuration=wished)
            jobs.append(CompileJob(dispatch.program, dispatch.name, candidate, target, binary, log))
    with CompilePool(1, 120.0) as compilers:
        ends = compilers.compile(jobs)
    for number, point in enumerate(points):
        made = {}
        for wish, end in zip(WISHES, ends[number * len(WISHES) :], strict=False):
            facts = None if end.binary is None else read_facts(end.binary, target.machine_code_for)
            if facts is not None:
                made[wish] = {
                    "registers": facts.registers,
                    "subgroups": facts.occupancy,
                    "spilled": facts.spilled_registers,
                }
        print(json.dumps({"chip": chip, "problem": name, "point": point, "wishes": made}), flush=True)


def main() -> None:
    for chip, name, text in CASES:
        with tempfile.TemporaryDirectory() as folder:
            asked(chip, name, text, Path(folder))


if __name__ == "__main__":
    main()
