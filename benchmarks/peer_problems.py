# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The problems of another tuner's own tests, examples and documentation, given to ours for each of its four chips.

The list holds every problem of static shape that amdsharktuner tests or shows at commit efa471ae (nod-ai/amd-shark-ai):
its sizes, types and layouts, with the file that names it; sums of 64 if it names none. For each the space is solved,
and uniformly drawn candidates are compiled, as in `iree-tune run --no-measure`. `--samples` is for each chip and kind;
the problems of a kind share it, but each gets at least `--least`. With --amdsharktuner that tuner gets the same
dispatches. No GPU is needed. The last line is one JSON object.

`--at-once` runs several pairs of a problem and a chip beside each other, each in a process of its own with `--workers`
workers. Pairs of problems with the fewest results are first. `--until` ends all that runs after so many seconds: what
is not done by then has no line in the output, and a later call goes on.

    python benchmarks/peer_problems.py --samples 40
    python benchmarks/peer_problems.py --samples 40 --least 40 --at-once 8 --until 560 --output FILE
    python benchmarks/peer_problems.py --chip gfx942 --amdsharktuner CHECKOUT
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path

from rocm_candidates import TILE_AND_FUSE, VECTOR_DISTRIBUTE, Case, Counted, ours, theirs
from tuner.dispatches.extract import extract
from tuner.errors import TunerError
from tuner.model.model import Model
from tuner.problems import module_of, write_list
from tuner.targets.choosing import choose_target

CHIPS = ("gfx942", "gfx950", "gfx1100", "gfx1201")
_KINDS = {"conv": "convolution", "attention": "attention"}
# The types that an instruction of one family of chips has, and what another family calls the same width.
_OTHER_F8 = {"f8E4M3FNUZ": "f8E4M3FN"}
_HAS_FNUZ = ("gfx942",)


@dataclass(frozen=True, slots=True)
class PeerProblem:
    """A problem in our words, or as MLIR if these cannot say it, and the peer's file that names it."""

    name: str
    source: str
    mlir: str = ""

    @property
    def kind(self) -> str:
        """Product, convolution or attention."""
        return next((kind for word, kind in _KINDS.items() if self.name.startswith(word)), "product")


def generic(shapes: Sequence[str], maps: Sequence[str], reduced: int, element_type: str = "f16") -> str:
    """Sums of products in f32. `shapes` and `maps` are of the left operand, the right one and the result.

    The maps share the loops a, b, c and so on, of which the last `reduced` are summed.
    """
    names = "abcdefgh"[: max("abcdefgh".index(letter) for letter in re.findall(r"[a-h]", " ".join(maps))) + 1]
    loops = ", ".join(names)
    left, right = (f"tensor<{shape}x{element_type}>" for shape in shapes[:2])
    result = f"tensor<{shapes[2]}xf32>"
    printed = ", ".join(f"affine_map<({loops}) -> ({each})>" for each in maps)
    iterators = ", ".join(f'"{kind}"' for kind in ["parallel"] * (len(names) - reduced) + ["reduction"] * reduced)
    return f"""\
func.func @model(%x: {left}, %y: {right}) -> {result} {{
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : {result}
  %init = linalg.fill ins(%zero : f32) outs(%empty : {result}) -> {result}
  %sums = linalg.generic {{indexing_maps = [{printed}], iterator_types = [{iterators}]}}
      ins(%x, %y : {left}, {right}) outs(%init : {result}) {{
  ^bb0(%l: {element_type}, %r: {element_type}, %sum: f32):
    %wide_l = arith.extf %l : {element_type} to f32
    %wide_r = arith.extf %r : {element_type} to f32
    %product = arith.mulf %wide_l, %wide_r : f32
    %more = arith.addf %sum, %product : f32
    linalg.yield %more : f32
  }} -> {result}
  return %sums : {result}
}}
"""


def narrow_sums(sizes: tuple[int, int, int], element_type: str) -> str:
    """A product whose sums have the type of the operands."""
    m, n, k = sizes
    left, right, result = (f"tensor<{r}x{c}x{element_type}>" for r, c in ((m, k), (k, n), (m, n)))
    return f"""\
func.func @model(%x: {left}, %y: {right}) -> {result} {{
  %zero = arith.constant 0.0 : {element_type}
  %empty = tensor.empty() : {result}
  %init = linalg.fill ins(%zero : {element_type}) outs(%empty : {result}) -> {result}
  %sums = linalg.matmul ins(%x, %y : {left}, {right}) outs(%init : {result}) -> {result}
  return %sums : {result}
}}
"""


_GENERATORS, _PARSERS = "tests/rocm/rocm_constraint_generator_test.py", "tests/rocm/rocm_parsers_test.py"
_DISPATCHES, _SPECS = "tests/dispatch_parser_test.py", "tests/spec_builder_test.py"
_COMMON, _ROCM_COMMON = "tests/common_test.py", "tests/rocm/rocm_common_test.py"
_CONSTRAINTS, _CANDIDATES = "tests/rocm/rocm_dispatch_constraints_test.py", "tests/candidate_gen_test.py"
_CONV = "nhwc_hwcf pad 0"
PROBLEMS = (
    PeerProblem("matmul 2048x3840x1280 f16", _GENERATORS),
    PeerProblem("matmul 5369x112x112 f16", _GENERATORS),
    PeerProblem("matmul 150000x16384x4096 f16", _GENERATORS),
    PeerProblem("matmul 30x30x30 f16", _GENERATORS),
    PeerProblem("matmul 200x300x64 f16", _COMMON),
    PeerProblem("matmul 2048x2048x2048 f16", _CANDIDATES),
    PeerProblem("matmul 2048x2048x2048 f32", "model_tuner/double_mmt.mlir"),
    PeerProblem("matmul 1024x1280x1280 f16", "dispatch_tuner/dispatch_sample.mlir"),
    PeerProblem("matmul 2048x10240x1280 f16", "tests/rocm/rocm_candidate_ordering_test.py"),
    PeerProblem("matmul 2048x1280x1280 f16", _ROCM_COMMON),
    PeerProblem("matmul 2048x1280x1280 i8", _ROCM_COMMON),
    PeerProblem("matmul 32x32x16 f8E4M3FNUZ", _ROCM_COMMON),
    PeerProblem("batch_matmul 64x968x320x640 f32", _ROCM_COMMON),
    PeerProblem("matmul 1024x1024x1024 f16", _CONSTRAINTS),
    PeerProblem("matmul 1024x1024x1024 i8", _CONSTRAINTS),
    PeerProblem("matmul 16x16x16 f16", _CONSTRAINTS),
    PeerProblem("batch_matmul 2x32x64x128 f16 transposed", _CONSTRAINTS),
    PeerProblem("batch_matmul 4x1024x2048x512 f16", _SPECS),
    PeerProblem("matmul 16x32x64 f16", _DISPATCHES),
    PeerProblem("matmul 16x32x64 f16 transposed", _DISPATCHES),
    PeerProblem("matmul 5x7x3 f32 transposed", _DISPATCHES),
    PeerProblem(
        "batch of 5, 8x40x128 f16, operands and result transposed",
        _DISPATCHES,
        generic(("5x8x128", "128x40x5", "5x40x8"), ("a, b, d", "d, c, a", "a, c, b"), 1),
    ),
    PeerProblem(
        "contraction of two batches, rows, columns and sums, f16",
        _DISPATCHES,
        generic(
            ("16x8x15x16x64x256", "16x9x15x16x128x256", "16x8x9x16x64x128"),
            ("a, b, g, d, e, h", "a, c, g, d, f, h", "a, b, c, d, e, f"),
            2,
        ),
    ),
    PeerProblem("matmul 16x16x16 bf16", _COMMON),
    PeerProblem("matmul 16x16x16 bf16, sums in bf16", _COMMON, narrow_sums((16, 16, 16), "bf16")),
    PeerProblem("matmul 16x16x16 f16, sums in f16", _COMMON, narrow_sums((16, 16, 16), "f16")),
    PeerProblem("gemmfp16 --a_w 32 --a_h 64 --b_w 128", "boo_tuner/example_configs.txt"),
    PeerProblem(
        "matmul -M 1024 -N 1024 -K 1024 --a_type bf16 --b_type bf16 --out_type bf16",
        "fusilli_tuner/example_commands.txt",
    ),
    PeerProblem("matmul 1024x1024x1024 bf16, sums in bf16", _COMMON, narrow_sums((1024, 1024, 1024), "bf16")),
    PeerProblem(f"conv 2x34x34x16->32 3x3 f16 {_CONV}", _PARSERS),
    PeerProblem(f"conv 2x34x34x16->16 3x3 i8 {_CONV}", _PARSERS),
    PeerProblem(f"conv 2x7x7x32->64 3x3 f16 {_CONV}", _PARSERS),
    PeerProblem("conv 2x10x10x28->112 3x3 f32 nhwc_fhwc pad 0 groups 7", _PARSERS),
    PeerProblem(f"conv 2x64x64x128->256 3x3 f16 {_CONV}", _GENERATORS),
    PeerProblem(f"conv 2x32x32x64->32 3x3 f16 {_CONV}", _GENERATORS),
    PeerProblem(f"conv 2x32x32x64->32 3x3 f16 {_CONV} stride 2", _GENERATORS),
    PeerProblem("conv 2x34x34x128->256 3x3 f16 nchw_fchw pad 0", _GENERATORS),
    PeerProblem("conv 2x32x32x64->32 3x3 f32 nchw_fchw pad 0", _GENERATORS),
    PeerProblem("conv 2x32x32x64->32 3x3 f16 nchw_fchw pad 0", _GENERATORS),
    PeerProblem("conv 2x10x10x32->64 3x3 f16 nhwc_fhwc pad 0", _GENERATORS),
    PeerProblem(
        "conv 2x10x10x32->64 3x3 f16 chwn_chwf",
        _GENERATORS,
        generic(("32x10x10x2", "32x3x3x64", "64x8x8x2"), ("e, b + f, c + g, d", "e, f, g, a", "a, b, c, d"), 3),
    ),
    PeerProblem("conv 32x52x52x512->512 3x3 f16 nhwc_fhwc pad 0 groups 32", _GENERATORS),
    PeerProblem(f"conv 2x34x34x2048->2048 3x3 i8 {_CONV}", _CANDIDATES),
    PeerProblem("conv 2x34x34x2048->2048 3x3 i8 nchw_fchw pad 0", _CANDIDATES),
    PeerProblem(
        "convbfp16 -n 3 -c 2016 -H 4 -W 4 -k 224 -y 1 -x 1 -p 0 -q 0 -u 1 -v 1 -l 1 -j 1 --in_layout NHWC"
        " --fil_layout NHWC --out_layout NHWC -m conv -g 1 -F 1 -t 1",
        "boo_tuner/example_configs.txt",
    ),
    PeerProblem(
        "convbfp16 -n 128 -c 128 -H 24 -W 48 -k 384 -y 1 -x 1 -p 0 -q 0 -u 1 -v 1 -l 1 -j 1 -m conv -g 1 -F 1 -t 1"
        " --in_layout NHWC --out_layout NHWC --fil_layout NHWC",
        "boo_tuner/README.md",
    ),
    PeerProblem(
        "conv -F 1 --bf16 -n 1 -c 64 -H 28 -W 28 -k 128 -y 3 -x 3 -p 1 -q 1 -u 1 -v 1 -l 1 -j 1 --in_layout NHWC"
        " --out_layout NHWC --fil_layout NHWC --spatial_dim 2",
        "fusilli_tuner/example_commands.txt",
    ),
    PeerProblem(
        "conv -F 1 --bf16 -n 16 -c 64 -H 48 -W 32 -k 64 -y 3 -x 3 -p 1 -q 1 -u 1 -v 1 -l 1 -j 1 --in_layout NHWC"
        " --out_layout NHWC --fil_layout NHWC --spatial_dim 2",
        "fusilli_tuner/README.md",
    ),
    PeerProblem("attention 20x4096x4096x64 f16", _DISPATCHES),
    PeerProblem("attention 2x64x64x64x32 f16", _GENERATORS),
    PeerProblem("attention 1x128x128x64x128 f16", _CONSTRAINTS),
    PeerProblem(
        "matvec 8x224 f32",
        _CANDIDATES,
        "func.func @model(%x: tensor<8x224xf32>, %y: tensor<224xf32>) -> tensor<8xf32> {\n"
        "  %zero = arith.constant 0.0 : f32\n"
        "  %empty = tensor.empty() : tensor<8xf32>\n"
        "  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<8xf32>) -> tensor<8xf32>\n"
        "  %sums = linalg.matvec ins(%x, %y : tensor<8x224xf32>, tensor<224xf32>)\n"
        "      outs(%init : tensor<8xf32>) -> tensor<8xf32>\n"
        "  return %sums : tensor<8xf32>\n"
        "}\n",
    ),
)


def opened(problem: PeerProblem, chip: str, folder: Path) -> Model:
    """The problem as a model for the chip, with the type of 8 bits that its instructions take."""
    target = choose_target(f"rocm:{chip}")
    text = problem.mlir or problem.name
    if chip not in _HAS_FNUZ:
        for name, other in _OTHER_F8.items():
            text = text.replace(name, other)
    model = folder / "model.mlir"
    model.write_text(text if problem.mlir else module_of(write_list([text], folder)))
    return Model.open(model, target.compile_flags)


def compared(problem: PeerProblem, chip: str, samples: int, workers: int, checkout: Path | None) -> dict[str, object]:
    """What both tuners make of a problem's dispatch, or why they make nothing."""
    target = choose_target(f"rocm:{chip}")
    found: dict[str, object] = {"name": problem.name, "kind": problem.kind, "source": problem.source, "chip": chip}
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        try:
            extracted = extract(opened(problem, chip, folder), target, folder)
            tunable = [dispatch for dispatch in extracted.dispatches if dispatch.problem is not None]
            if len(tunable) != 1:
                return {**found, "ours": f"{len(tunable)} of {len(extracted.dispatches)} dispatches have a problem"}
            found["space"], counted = ours(tunable[0], extracted, target, samples, workers, folder / "ours")
        except TunerError as error:
            return {**found, "ours": str(error).replace(work, "FOLDER")}
        found["ours"] = asdict(counted)
        if checkout is not None:
            pipeline = VECTOR_DISTRIBUTE if problem.kind == "attention" else TILE_AND_FUSE
            (benchmark,) = (folder / "benchmarks").glob("*_benchmark.mlir")
            other = theirs(Case(problem.name, "", pipeline), benchmark, target, samples, workers, checkout)
            found["amdsharktuner"] = asdict(other) if isinstance(other, Counted) else other
    return found


def totals(results: Sequence[dict[str, object]]) -> dict[str, object]:
    """The problems that have solutions, and the least share of samples that compile, by chip and kind."""
    asked: dict[str, int] = defaultdict(int)
    compiled: dict[str, int] = defaultdict(int)
    without = []
    for result in results:
        counted = result["ours"]
        if not isinstance(counted, dict) or not counted["solutions"]:
            without.append(f"{result['name']} on {result['chip']}")
            continue
        key = f"{result['chip']} {result['kind']}"
        asked[key] += counted["asked"]
        compiled[key] += counted["compiled"]
    shares = {key: f"{compiled[key]} of {asked[key]}" for key in asked}
    least = min((compiled[key] / asked[key] for key in asked if asked[key]), default=None)
    return {"problems": len(results), "without_solutions": without, "compiled": shares, "min_valid": least}


def fewest_first(
    problems: Sequence[PeerProblem], chips: Sequence[str], done: Sequence[tuple[str, str]]
) -> list[tuple[PeerProblem, str]]:
    """The pairs that are not done. First those of the problems with the fewest results, so that each soon has one."""
    counts = Counter(name for name, _ in done)
    ranked = []
    for problem in problems:
        missing = [chip for chip in chips if (problem.name, chip) not in done]
        ranked += [(counts[problem.name] + place, (problem, chip)) for place, chip in enumerate(missing)]
    return [pair for _, pair in sorted(ranked, key=lambda each: each[0])]


def apart(problem: PeerProblem, chip: str, options: Sequence[str], end: float) -> dict[str, object] | None:
    """What a process of its own makes of the pair, or None if it is not done at `end`, a time of `time.monotonic`.

    Raises CalledProcessError if the process fails.
    """
    words = [sys.executable, __file__, f"--only=^{re.escape(problem.name)}$", f"--chip={chip}", *options]
    if (left_s := end - time.monotonic()) <= 0:
        return None
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            said, _ = process.communicate(timeout=None if left_s == float("inf") else left_s)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                return None
            raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, words)
    result: dict[str, object] = json.loads(said.splitlines()[0])
    return result


def all_apart(
    pairs: Sequence[tuple[PeerProblem, str]], options: Sequence[str], at_once: int, until_s: float
) -> Iterator[dict[str, object]]:
    """The results of the pairs as they come. A pair that fails is told on the error stream and has none."""
    end = time.monotonic() + until_s
    with ThreadPoolExecutor(at_once) as threads:
        running = {threads.submit(apart, *pair, options, end): pair for pair in pairs}
        for future in as_completed(running):
            problem, chip = running[future]
            try:
                result = future.result()
            except subprocess.CalledProcessError as error:
                print(f"{problem.name} on {chip}: {error}", file=sys.stderr, flush=True)
                continue
            if result is not None:
                yield result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chip", action="append", choices=CHIPS, help="one of its chips, and not all")
    parser.add_argument("--samples", type=int, default=40, help="for each chip and kind")
    parser.add_argument("--least", type=int, default=4, help="for each problem")
    parser.add_argument("--workers", type=int, default=2, help="for each pair that runs")
    parser.add_argument("--at-once", type=int, help="so many pairs at once, each in a process of its own")
    parser.add_argument("--until", type=float, default=float("inf"), metavar="SECONDS", help="with --at-once")
    parser.add_argument("--only", default="", help="a regular expression that names must match")
    parser.add_argument("--amdsharktuner", type=Path, help="a checkout; this interpreter then needs its requirements")
    parser.add_argument("--output", type=Path, help="where results are appended; what stands there is not run again")
    arguments = parser.parse_args()
    checkout = arguments.amdsharktuner.absolute() if arguments.amdsharktuner else None
    lines = arguments.output.read_text().splitlines() if arguments.output and arguments.output.exists() else []
    results = {(result["name"], result["chip"]): result for result in map(json.loads, lines)}
    chosen = [problem for problem in PROBLEMS if re.search(arguments.only, problem.name)]
    sharing = Counter(problem.kind for problem in PROBLEMS)
    pairs = fewest_first(chosen, arguments.chip or CHIPS, list(results))
    made: Iterator[dict[str, object]]
    if arguments.at_once:
        options = [f"--{name}={getattr(arguments, name)}" for name in ("samples", "least", "workers")]
        options += [f"--amdsharktuner={checkout}"] if checkout else []
        made = all_apart(pairs, options, arguments.at_once, arguments.until)
    else:
        made = (
            compared(
                problem,
                chip,
                max(arguments.least, ceil(arguments.samples / sharing[problem.kind])),
                arguments.workers,
                checkout,
            )
            for problem, chip in pairs
        )
    for result in made:
        print(json.dumps(result), flush=True)
        results[result["name"], result["chip"]] = result
        if arguments.output:
            with arguments.output.open("a") as file:
                file.write(json.dumps(result) + "\n")
    print(json.dumps(totals(list(results.values()))))


if __name__ == "__main__":
    main()
