# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a run takes beside compiling, measuring and solving, by the summaries of short, medium and long runs.

    python benchmarks/orchestration.py [--rounds 5] [--tune IREE-TUNE]...

With several `--tune` (the commands of different installations) every round runs all of them, one after the other, so
that the machine's other work disturbs all alike. The last line is one JSON object. For each command and run it has
`total_s`, the part of orchestration (`rest_s`), the part of that for processes and imports (`starting_s`), and the
machine's `load` before the run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parent.parent / "examples"
RUNS = {
    "short": ("matmul_1024x768x512.mlir", "--trials", "30", "--keep-flags"),
    "middling": ("small_network.mlir", "--trials", "8"),
    "long": ("matmul_2048.mlir", "--trials", "20"),
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--run", action="append", choices=RUNS, help="only this one (repeatable)")
    arguments.add_argument("--tune", action="append", metavar="IREE-TUNE", help="what to run (repeatable)")
    given = arguments.parse_args()
    commands: list[str] = given.tune or [str(Path(sys.executable).parent / "iree-tune")]
    found = []
    for name in given.run or RUNS:
        for _ in range(given.rounds):
            found += [{"run": name, "tune": command, **measured(command, RUNS[name])} for command in commands]
        for command in commands:
            print(summary(name, command, [each for each in found if (each["run"], each["tune"]) == (name, command)]))
    print(json.dumps(found))


def measured(command: str, run: tuple[str, ...]) -> dict[str, float]:
    """One run, and the parts of its wall time."""
    load, _, _ = os.getloadavg()
    with tempfile.TemporaryDirectory() as folder:
        model, *options = run
        line = [command, "run", str(EXAMPLES / model), *options, "--run-dir", f"{folder}/run"]
        subprocess.run(line, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wall: dict[str, float] = json.loads(Path(folder, "run", "result.json").read_text())["wall_time"]
    return {
        "total_s": round(wall["total_s"], 2),
        "rest_s": round(wall["orchestration_s"], 3),
        "starting_s": round(wall["starting_s"], 3),
        "load": round(load, 2),
    }


def summary(name: str, command: str, runs: list[dict[str, Any]]) -> str:
    """The medians of one command's runs, as a line."""
    share = statistics.median(each["rest_s"] / each["total_s"] for each in runs)
    total_s, rest_s, starting_s = (
        statistics.median(each[key] for each in runs) for key in ("total_s", "rest_s", "starting_s")
    )
    return f"{name}: {total_s:.1f} s, the rest {rest_s:.2f} s ({share:.1%}), starting {starting_s:.2f} s ({command})"


if __name__ == "__main__":
    main()
