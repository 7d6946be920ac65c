# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How many candidates are slower if nothing readable follows their operands, and by how much.

Random candidates of f32 products on one thread are compiled and measured as in a search. Printed for each product: how
many candidates are slower between guard pages, the candidate that a search without guard pages would prefer, by its
samples alone, and the one that a search with them prefers. Both have two times, beside other data and at their slowest.
The last line is one JSON object.

    python benchmarks/guard_pages.py --candidates 60
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path

import numpy as np

from cpu_cases import gemm
from tuner import spaces
from tuner.compile.pool import CompileJob, CompilePool
from tuner.constraints import enumerate_space, sample_uniform
from tuner.dispatches.extract import extract
from tuner.evaluate.bench import DispatchBench
from tuner.measuring import Runner
from tuner.model.model import Model
from tuner.outcome import Candidate, Evaluation
from tuner.targets.cpu import CpuTarget

SIZES = ((101, 211, 103), (301, 733, 511), (197, 768, 768), (1, 1001, 2048), (384, 384, 384))
TIMEOUT_S = 60.0


def evaluated(sizes: tuple[int, int, int], candidates: int, pool: CompilePool, folder: Path) -> list[Evaluation]:
    """The candidates of a product that could be measured, as a search measures them."""
    target = CpuTarget()
    model = folder / "model.mlir"
    model.write_text(gemm(*sizes).mlir)
    extracted = extract(Model.open(model, target.compile_flags), target, folder)
    (dispatch,) = extracted.dispatches
    assert dispatch.program is not None
    assert dispatch.problem is not None
    found = spaces.find(target.name, dispatch.problem)
    assert found is not None
    _, builder = found
    solutions = enumerate_space(builder.build(dispatch.problem, extracted.limits))
    rows = sample_uniform(solutions, candidates, np.random.default_rng(0))
    configurations = [builder.configuration(dispatch.problem, solutions.point(row)) for row in rows]
    jobs = [
        CompileJob(
            dispatch.program,
            dispatch.name,
            Candidate(number, configuration=configuration),
            target,
            folder / f"{number}.vmfb",
            folder / f"{number}.log",
        )
        for number, configuration in enumerate([None, *configurations])
    ]
    default, *compiled = pool.compile(jobs)
    with Runner(target.device) as runner:
        bench = DispatchBench.start(runner, dispatch.program, default)
        ends = [bench.evaluate(compilation) for compilation in compiled]
    return [end for end in ends if end.time_s is not None]


def sampled_s(end: Evaluation) -> float:
    """Seconds of one run beside other data."""
    return statistics.median(end.samples_s)


def slowest_s(end: Evaluation) -> float:
    """Seconds of one run between guard pages."""
    return sampled_s(end) * end.edge_slowdown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=60, help="of each product")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    losses = {}
    with tempfile.TemporaryDirectory() as work, CompilePool(arguments.workers, TIMEOUT_S) as pool:
        for sizes in SIZES:
            name = "x".join(map(str, sizes))
            folder = Path(work, name)
            folder.mkdir()
            ends = evaluated(sizes, arguments.candidates, pool, folder)
            slower = sorted(end.edge_slowdown for end in ends if end.edge_slowdown > 1.0)
            without, with_pages = min(ends, key=sampled_s), min(ends, key=slowest_s)
            losses[name] = round(slowest_s(without) / slowest_s(with_pages), 2)
            print(
                f"{name}: {len(slower)} of {len(ends)} slower beside guard pages"
                + (f", by {slower[0]:.1f}x to {slower[-1]:.1f}x" if slower else "")
                + f"; best by samples {1e3 * sampled_s(without):.3f} ms, at its slowest {1e3 * slowest_s(without):.3f}"
                + f"; best at its slowest {1e3 * sampled_s(with_pages):.3f} ms, {1e3 * slowest_s(with_pages):.3f}",
                flush=True,
            )
    print(json.dumps({"candidates": arguments.candidates, "loss_without_guard_pages": losses}))


if __name__ == "__main__":
    main()
