# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Does a winner of the GPU suite make the whole function faster, and by which way of delivery?

Each function is compiled without a spec, late by `iree-tune compile`, with the winner as a transform-dialect library,
and with the flag for tuning specs, which IREE ignores on CUDA. Outputs and times of all are compared with those of the
first, in interleaved rounds. Then the assembler's figures of the untuned and the tuned code are printed. The last line
is one JSON object.

    python benchmarks/gpu_deployment.py benchmarks/results/h200.jsonl gemm_2048x10240x1280
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from gpu_cases import CASES
from tuner.compile.specified import compile_with_specs
from tuner.dispatch import Annotations
from tuner.dispatches.extract import extract
from tuner.events import nobody
from tuner.jsonable import to_plain
from tuner.measuring import FunctionProgram, Runner
from tuner.measuring.sampling import paired_rounds
from tuner.model.model import Model
from tuner.options import Options
from tuner.specs.write import Entry, late_spec, problem_spec
from tuner.speedup import is_decided, speedup
from tuner.targets.cuda import CudaTarget
from tuner.targets.target import tuning_spec_flags

LIMIT_S = 120.0
ASSEMBLER_CHIP = "sm_90"
INSTRUCTIONS = ("HMMA", "HGMMA", "LDSM", "LDS", "LDG", "STS", "LDGSTS", "BAR", "FFMA")


def deploy(result: dict[str, Any], runner: Runner, target: CudaTarget, folder: Path) -> dict[str, Any]:
    (case,) = (each for each in CASES if each.name == result["name"])
    folder.mkdir()
    path = folder / "model.mlir"
    path.write_text(case.mlir)
    model = Model.open(path, target.compile_flags)
    extracted = extract(model, target, folder)
    (dispatch,) = (each for each in extracted.dispatches if each.problem is not None)
    assert dispatch.problem is not None
    entry = Entry(dispatch.problem, Annotations(result["tuned"]["annotations"]))
    early, late = folder / "spec.mlir", folder / "spec.late.mlir"
    early.write_text(problem_spec([entry]))
    late.write_text(late_spec([entry]))
    binaries = {name: folder / f"{name}.vmfb" for name in ("plain", "late", "library", "spec_flag")}
    model.compile_or_reject(binaries["plain"])
    model.compile_or_reject(binaries["spec_flag"], *tuning_spec_flags(early))
    model.compile_or_reject(binaries["library"], *target.spec_flags(early))
    compile_with_specs(path, [late], binaries["late"], Options(target=f"cuda:{target.chip}"), nobody)
    programs = {name: FunctionProgram(binary, extracted.functions[0]) for name, binary in binaries.items()}
    if dispatch.program is None:
        raise ValueError(f"{dispatch.name} cannot be run alone")
    runner.load("plain", programs["plain"])
    runner.reference("plain", 4, timeout_s=LIMIT_S)
    tolerances = runner.tolerances("plain", 4, dispatch.program.arithmetic, timeout_s=LIMIT_S)
    found: dict[str, Any] = {"name": case.name, "dispatch_ratio": result["tuned"]["ratio"]["value"]}
    for name in ("late", "library", "spec_flag"):
        runner.load(name, programs[name])
        verification, _ = runner.check(name, 4, tolerances, timeout_s=LIMIT_S)
        paired = paired_rounds(
            runner,
            "plain",
            name,
            rng=np.random.default_rng(0),
            decided=lambda each: is_decided(speedup(each.baseline_s, each.candidate_s), 0.0),
            timeout_s=LIMIT_S,
        )
        found[name] = {
            **to_plain(speedup(paired.baseline_s, paired.candidate_s)),
            "plain_s": float(np.median(paired.baseline_s)),
            "time_s": float(np.median(paired.candidate_s)),
            "verified": verification.passed,
            "same_binary_as_plain": code_of(binaries[name]) == code_of(binaries["plain"]),
        }
        runner.unload(name)
        print(f"{case.name} {name}: {found[name]}", flush=True)
    found["assembler"] = {name: assembled(binaries[name], folder) for name in ("plain", "late")}
    print(f"{case.name} {found['assembler']}", flush=True)
    return found


def code_of(binary: Path) -> bytes:
    """The PTX in a module, as text, without the names of its symbols."""
    data = binary.read_bytes()
    start = data.find(b".version")
    return data[start : data.find(b"\0", start)]


def assembled(binary: Path, folder: Path) -> dict[str, Any]:
    """Registers and instructions of a module's code by `ptxas` and `cuobjdump`; {} if these are not installed."""
    if shutil.which("ptxas") is None or shutil.which("cuobjdump") is None:
        return {}
    ptx, cubin = folder / f"{binary.stem}.ptx", folder / f"{binary.stem}.cubin"
    ptx.write_bytes(code_of(binary))
    said = subprocess.run(
        ["ptxas", "-v", f"-arch={ASSEMBLER_CHIP}", str(ptx), "-o", str(cubin)],
        capture_output=True,
        text=True,
        check=False,
    )
    if said.returncode != 0:
        return {"error": said.stderr.strip()[:300]}
    dumped = subprocess.run(["cuobjdump", "--dump-sass", str(cubin)], capture_output=True, text=True, check=True)
    names = Counter(re.findall(r"^\s+/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\d+ )?([A-Z][A-Z0-9]*)", dumped.stdout, re.M))
    text = ptx.read_text(errors="replace")
    return {
        "ptxas": " ".join(
            line.partition("info    :")[2].strip()
            for line in said.stderr.splitlines()
            if "Used" in line or "spill" in line
        ),
        "instructions": {name: names[name] for name in INSTRUCTIONS if names[name]},
        "all_instructions": sum(names.values()),
        "ptx": {
            name: len(re.findall(pattern, text))
            for name, pattern in (
                ("mma.sync", r"mma\.sync"),
                ("wgmma", r"wgmma"),
                ("cp.async", r"cp\.async"),
                ("ldmatrix", r"ldmatrix"),
                ("bar.sync", r"bar\.sync|barrier\.sync"),
            )
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--chip", default="sm_80")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    results = [json.loads(line) for line in arguments.results.read_text().splitlines()]
    target = CudaTarget(chip=arguments.chip)
    with tempfile.TemporaryDirectory() as work, Runner(target.device) as runner:
        found = [
            deploy(result, runner, target, Path(work) / result["name"])
            for result in results
            if result["name"] in arguments.names
        ]
    if arguments.output:
        arguments.output.write_text("".join(json.dumps(each) + "\n" for each in found))
    print(
        json.dumps(
            {
                each["name"]: {way: round(each[way]["value"], 3) for way in ("late", "library", "spec_flag")}
                for each in found
            }
        )
    )


if __name__ == "__main__":
    main()
