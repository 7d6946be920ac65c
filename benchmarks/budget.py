# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How well `iree-tune run --budget` is kept: the wall time of whole processes beside the budget.

    python benchmarks/budget.py [--budget SECONDS]... [--model NAME]... [--tune IREE-TUNE]

A run may end earlier, because it has tried all candidates or can gain nothing more. The last line is JSON. For each
run it has `asked_s`, `taken_s`, their `ratio`, the number of `candidates` that were tried, the `speedup` of the whole
model (null if nothing was proved), what the run reported of a budget that is `short`, and the machine's `load` before.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parent.parent / "examples"
BUDGETS_S = (60, 100, 180)
# Rows of the chain's input, and the sizes between its products.
ROWS, SIZES = 128, tuple(range(96, 96 + 13 * 64, 64))
COLUMNS = "{:<16} {:>8} {:>8} {:>6} {:>11} {:>8} {:>6}"


def product(kind: str, rows: int, columns: int, terms: int) -> str:
    """A product of two matrices of this element type."""
    return chained(kind, rows, (terms, columns))


def chained(kind: str, rows: int, sizes: tuple[int, ...]) -> str:
    """A matrix with `rows` rows, multiplied by matrices of these sizes one after the other."""
    matrices = [f"tensor<{terms}x{columns}x{kind}>" for terms, columns in pairwise(sizes)]
    arguments = [f"%matrix{index}: {matrix}" for index, matrix in enumerate(matrices)]
    lines = [f"  %zero = arith.constant 0.0 : {kind}"]
    value, of = "%input", f"tensor<{rows}x{sizes[0]}x{kind}>"
    for index, (matrix, columns) in enumerate(zip(matrices, sizes[1:], strict=True)):
        result = f"tensor<{rows}x{columns}x{kind}>"
        lines += [
            f"  %empty{index} = tensor.empty() : {result}",
            f"  %init{index} = linalg.fill ins(%zero : {kind}) outs(%empty{index} : {result}) -> {result}",
            f"  %value{index} = linalg.matmul ins({value}, %matrix{index} : {of}, {matrix})"
            f" outs(%init{index} : {result}) -> {result}",
        ]
        value, of = f"%value{index}", result
    head = f"func.func @main(%input: tensor<{rows}x{sizes[0]}x{kind}>, {', '.join(arguments)}) -> {of} {{"
    return "\n".join([head, *lines, f"  return {value} : {of}", "}", ""])


MODELS = {
    "matmul_2048": (EXAMPLES / "matmul_2048.mlir").read_text(),
    "small_network": (EXAMPLES / "small_network.mlir").read_text(),
    "matmul_f16": product("f16", 512, 512, 512),
    "chain_of_12": chained("f32", ROWS, SIZES),
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--budget", type=int, action="append", metavar="SECONDS", help="only this one (repeatable)")
    arguments.add_argument("--model", action="append", choices=MODELS, help="only this one (repeatable)")
    arguments.add_argument("--tune", default=f"{sys.executable} -m tuner", help="the command that runs")
    given = arguments.parse_args()
    print(COLUMNS.format("model", "asked", "taken", "ratio", "candidates", "speed-up", "load"))
    found = []
    for name in given.model or MODELS:
        for budget_s in given.budget or BUDGETS_S:
            ended = measured(given.tune.split(), name, budget_s)
            found.append(ended)
            speedup = f"{ended['speedup']:.2f}x" if ended["speedup"] else "-"
            taken = (f"{budget_s} s", f"{ended['taken_s']:.1f} s", f"{ended['ratio']:.2f}", ended["candidates"])
            print(
                COLUMNS.format(name, *taken, speedup, ended["load"]) + (" short" if ended["short"] else ""), flush=True
            )
    print(json.dumps(found))


def measured(command: list[str], name: str, budget_s: int) -> dict[str, Any]:
    """One run, timed from the start of its process to its end."""
    load, _, _ = os.getloadavg()
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder, f"{name}.mlir")
        model.write_text(MODELS[name])
        line = [*command, "run", str(model), "--budget", f"{budget_s}s", "-o", f"{folder}/spec.mlir"]
        started = time.perf_counter()
        done = subprocess.run(
            [*line, "--run-dir", f"{folder}/run", "--json"],
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        taken_s = time.perf_counter() - started
    events = [json.loads(each) for each in done.stdout.splitlines()]
    proved = events[-1]["model"]
    return {
        "model": name,
        "asked_s": budget_s,
        "taken_s": round(taken_s, 2),
        "ratio": round(taken_s / budget_s, 3),
        "candidates": sum(each["event"] == "candidate ended" and each["candidate"] > 0 for each in events),
        "speedup": round(proved["ratio"]["value"], 3) if proved else None,
        "short": next(
            (each["text"] for each in events if each["event"] == "note" and "is short" in each["text"]), None
        ),
        "load": round(load, 2),
    }


if __name__ == "__main__":
    main()
