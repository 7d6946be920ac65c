# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tunes a model with made-up times, and writes which points the searches asked for and which entries the spec has.

Two versions of the code that write the same file search alike. A dispatch's time is made from its binary's bytes; a
whole model's (whose bytes differ from run to run) is 5 % shorter than that of the whole model loaded before it.

    python scripts/asked_points.py examples/small_network.mlir --trials 24 --output before.json
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import tuner
from tuner.measuring import DispatchProgram, FunctionProgram
from tuner.measuring.calls import Check, Load, Reference, Time
from tuner.measuring.local_process import LocalProcess


def made_up_s(binary: Path) -> float:
    """Seconds from a file's bytes: between 1 and 3 ms, the same for the same bytes."""
    digest = hashlib.sha256(binary.read_bytes()).digest()
    return 1e-3 * (1.0 + 2.0 * int.from_bytes(digest[:4], "big") / 2**32)


class MadeUpTimes:
    """Stands in for `LocalProcess.ask`: everything runs for real, but each time that comes back is made up."""

    def __init__(self) -> None:
        self._ask = LocalProcess.ask
        self._seconds: dict[tuple[int, str], float] = {}
        self._model_s = 10e-3

    def __call__(self, process: LocalProcess, call: Any, *, timeout_s: float) -> Any:
        answer = self._ask(process, call, timeout_s=timeout_s)
        match call:
            case Load(key, FunctionProgram()):
                self._seconds[id(process), key] = self._next_model_s()
            case Load(key, DispatchProgram() as source):
                self._seconds[id(process), key] = made_up_s(source.binary)
            case Time(key) | Reference(key):
                return self._seconds[id(process), key]
            case Check(key):
                return answer[0], self._seconds[id(process), key]
        return answer

    def _next_model_s(self) -> float:
        self._model_s *= 0.95
        return self._model_s


def entries_of(spec: str) -> list[str]:
    """A spec's lines without comments and certificates."""
    lines = (
        re.sub(r"iree_tuner\.certificate = .*", "", line.partition("//")[0]).rstrip() for line in spec.splitlines()
    )
    return [line for line in lines if line]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--strategy", default="forest")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    made_up = MadeUpTimes()

    def ask(process: LocalProcess, call: Any, *, timeout_s: float) -> Any:
        return made_up(process, call, timeout_s=timeout_s)

    with (
        patch.object(LocalProcess, "ask", ask),
        tempfile.TemporaryDirectory(prefix="asked-points-") as folder,
    ):
        result = tuner.tune(
            options.model, trials=options.trials, strategy=options.strategy, threads=1, run_dir=Path(folder) / "run"
        )
        log = [json.loads(line) for line in (Path(folder) / "run" / "log.jsonl").read_text().splitlines()]
    points = [
        {key: line[key] for key in ("dispatch", "candidate", "configuration", "fate")}
        for line in log
        if "candidate" in line and "dispatch" in line and "configuration" in line
    ]
    spec, late_spec = entries_of(result.spec or ""), entries_of(result.late_spec or "")
    found = {"points": points, "flags": list(result.flags), "spec": spec, "late_spec": late_spec}
    options.output.write_text(json.dumps(found, indent=1, default=str) + "\n")
    print(f"{len(points)} points asked, {len(spec)} lines of spec, {len(late_spec)} of late spec")


if __name__ == "__main__":
    main()
