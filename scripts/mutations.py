# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Plants faults in dispatches and in whole models and counts those that the verdict on outputs finds; does the same to
correct variants, and counts those that it refuses. Prints a table in Markdown.

    python scripts/mutations.py [--level dispatch] [--family products] [--kind f32] [--seed 0] [--json mutations.json]

`tests/support/layers.py` defines the faults. Dispatches are judged as candidates are, by `DispatchBench`; models as in
the proof, against the tolerances of `prepare_model`. In a model a fault can drown: of each the effect is told, as so
many times the sensitivity of the output (MARGIN times of it are allowed). In a dispatch one can (BEYOND). Exit code 1
if a fault that does not drown is missed, or if a correct variant is refused.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from pathlib import Path

import numpy as np

from extraction import extract_text
from layers import FAMILIES, FAULTS, KINDS, NO_FAULT, SPLIT, Family, Kind, dispatch, stacked
from tuner.compile.pool import CompileJob, CompilePool
from tuner.constraints import enumerate_space, sample_uniform
from tuner.dispatch import Configuration, Dispatch
from tuner.dispatches.extract import Extracted
from tuner.evaluate.bench import DispatchBench
from tuner.measuring import FunctionProgram, Runner, Tolerance, compare
from tuner.measuring.correctness import MARGIN, sensitivity_of
from tuner.measuring.dispatch_data import Array
from tuner.model.model import Model
from tuner.outcome import Candidate, Compilation, Fate
from tuner.runs.folder import RunFolder
from tuner.spaces import find
from tuner.targets.cpu import CpuTarget
from tuner.tuning.whole_model import MODEL_SEED, prepare_model

TIMEOUT_S = 120.0
RIGHT = "right"
CONFIGURATIONS = 10
# Faults of dispatches that random data cannot show. From one order to another, sums of 256 squares in bf16 change a
# normalised row by 1.3 %; 1/16 of such a sum is worth 3 %, and four times what moves do is 15 %.
BEYOND = {("layer norms", "bf16"): ("sum",)}
# Flags that make other code of the same model, by what they do.
FLAGS = {
    "O2": ("--iree-opt-level=O2",),
    "O3": ("--iree-opt-level=O3",),
    "data tiling": ("--iree-opt-data-tiling",),
    "microkernels": ("--iree-opt-data-tiling", "--iree-llvmcpu-enable-ukernels=mmt4d"),
    "aggressive fusion": ("--iree-dispatch-creation-enable-aggressive-fusion",),
    "no peeling": ("--iree-llvmcpu-disable-vector-peeling",),
    "no distribution": ("--iree-llvmcpu-disable-distribution",),
}


@dataclass(frozen=True, slots=True)
class Row:
    """What was found in one family and kind. `missed` and `refused` say what and why.

    `effects`: of a model's faults, the effect in sensitivities. `drowned`: those that may be missed.
    """

    level: str
    family: str
    kind: str
    found: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    drowned: tuple[str, ...] = ()
    effects: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ends:
    """What became of faults and variants, as they end. `beyond`: faults that need not be found."""

    beyond: Container[str] = ()
    found: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    drowned: list[str] = field(default_factory=list)
    effects: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, *, passed: bool, detail: str, effect: float | None = None) -> None:
        """`effect` in sensitivities if it is known: then a fault may be missed that has less than the rule allows."""
        if effect is not None:
            self.effects[name] = effect
        if name not in FAULTS:
            (self.accepted if passed else self.refused).append(name if passed else f"{name}: {detail}")
        elif not passed:
            self.found.append(name)
        elif name in self.beyond or (effect is not None and effect <= MARGIN):
            self.drowned.append(name)
        else:
            self.missed.append(name)

    def row(self, level: str, family: Family, kind: Kind) -> Row:
        """As a row of the table."""
        lists = (tuple(each) for each in (self.found, self.missed, self.accepted, self.refused, self.drowned))
        found, missed, accepted, refused, drowned = lists
        return Row(level, family.name, kind.name, found, missed, accepted, refused, drowned, self.effects)


def judge_dispatch(
    family: Family,
    kind: Kind,
    folder: Path,
    target: CpuTarget,
    pool: CompilePool,
    *,
    seed: int = 0,
    configurations: int = CONFIGURATIONS,
    only: Container[str] = FAULTS,
) -> Row:
    """Faults and variants of one dispatch, each as a candidate; so many random configurations are variants."""
    faults = [each for each in family.faults_in(kind) if each in only]
    text = "".join(dispatch(family, kind, each, each or RIGHT) for each in (NO_FAULT, SPLIT, *faults))
    extracted = extract_text(text, folder, target)
    dispatches = {each.name.partition("_dispatch_")[0]: each for each in extracted.dispatches}
    others = _configurations(dispatches[RIGHT], extracted, configurations, seed)
    compiled = _compiled(dispatches, others, folder, target, pool)
    right = dispatches[RIGHT].program
    assert right is not None
    ends = Ends(BEYOND.get((family.name, kind.name), ()))
    with Runner(target.device) as runner:
        bench = DispatchBench.start(runner, right, compiled.pop(RIGHT))
        for name, compilation in compiled.items():
            if compilation.fate is not Fate.COMPILED:
                assert name not in faults, compilation.detail
                continue
            ended = bench.evaluate(compilation)
            assert ended.fate in (Fate.MEASURED, Fate.WRONG_RESULT), f"{name}: {ended.detail}"
            ends.add(name, passed=ended.fate is Fate.MEASURED, detail=ended.detail)
    return ends.row("dispatch", family, kind)


def _configurations(dispatch: Dispatch, extracted: Extracted, count: int, seed: int) -> list[tuple[str, Configuration]]:
    """Random ones from the dispatch's space if it has one (of f8 it has none), named."""
    problem = dispatch.problem
    assert problem is not None
    served = find("cpu", problem)
    if served is None:
        return []
    _, builder = served
    pool = enumerate_space(builder.build(problem, extracted.limits))
    rows = sample_uniform(pool, count, np.random.default_rng(seed))
    return [(f"configuration {row}", builder.configuration(problem, pool.point(row))) for row in rows]


def _compiled(
    dispatches: Mapping[str, Dispatch],
    configurations: list[tuple[str, Configuration]],
    folder: Path,
    target: CpuTarget,
    pool: CompilePool,
) -> dict[str, Compilation]:
    """The binaries of the dispatches, which can stand for one another, and those of the right one's configurations."""
    right = dispatches[RIGHT].program
    assert right is not None
    wanted: list[tuple[str, Dispatch, Configuration | None]] = [(name, each, None) for name, each in dispatches.items()]
    wanted += [(name, dispatches[RIGHT], configuration) for name, configuration in configurations]
    jobs = []
    for number, (_, each, configuration) in enumerate(wanted):
        assert each.program is not None
        assert each.program.regions == right.regions, f"{each.name} has other operands"
        alike = replace(
            each.program,
            ir_text=each.program.ir_text.replace(each.program.entry, right.entry),
            default_text=each.program.default_text.replace(each.program.entry, right.entry),
        )
        binary, log = folder / f"{number}.vmfb", folder / f"{number}.log"
        jobs.append(CompileJob(alike, each.name, Candidate(number, configuration=configuration), target, binary, log))
    return dict(zip((name for name, *_ in wanted), pool.compile(jobs), strict=True))


def judge_model(
    family: Family,
    kind: Kind,
    folder: Path,
    target: CpuTarget,
    *,
    flags: Iterable[str] = tuple(FLAGS),
    only: Container[str] = FAULTS,
) -> Row:
    """Faults and variants of a chain of layers, each as another compilation of the model; `flags` by name."""
    extracted = extract_text(stacked(family, kind, NO_FAULT, RIGHT), folder, target)
    model = Model.open(folder / "model.mlir", target.compile_flags)
    with Runner(target.device) as runner, RunFolder.create(folder / "run", model.path) as run:
        plain = prepare_model(model, extracted, RIGHT, run, runner)
    reference = outputs_of(plain.program)
    ends = Ends()
    others = _faulty(family, kind, folder, model, only), _other_compilations(model, plain.program, folder, flags)
    for name, outputs in chain.from_iterable(others):
        verification = compare(reference, outputs, plain.tolerances)
        effect = effect_of(reference, outputs, plain.tolerances)
        ends.add(name, passed=verification.passed, detail=verification.detail, effect=effect)
    return ends.row("model", family, kind)


def outputs_of(program: FunctionProgram) -> list[Array]:
    """What a compilation of a model computes of the inputs that models are compared on."""
    loaded = program.load("local-sync")
    loaded.fill(MODEL_SEED)
    loaded.run(1)
    return loaded.outputs()


def effect_of(reference: list[Array], outputs: list[Array], tolerances: tuple[Tolerance, ...]) -> float:
    """How far outputs are from the reference, in sensitivities: as far as the largest or the RMS goes."""
    (differences,), (allowed,) = sensitivity_of(reference, [outputs]), tolerances
    if np.isfinite(reference[0].astype(np.float64)).all() and not np.isfinite(outputs[0].astype(np.float64)).all():
        return math.inf
    pairs = [(differences.largest, allowed.largest), (differences.rms, allowed.rms)]
    if reference[0].dtype.kind in "iu":
        pairs = [(differences.changed, allowed.changed), (differences.largest, allowed.largest)]
    return max(MARGIN * part / whole if whole else math.inf if part else 0.0 for part, whole in pairs)


def _faulty(
    family: Family, kind: Kind, folder: Path, model: Model, only: Container[str]
) -> Iterator[tuple[str, list[Array]]]:
    """The outputs of the model with each fault, with split sums, and computed in f32 if it is narrower."""
    functions = {each: stacked(family, kind, each, each) for each in family.faults_in(kind) if each in only}
    functions[SPLIT] = stacked(family, kind, SPLIT, SPLIT)
    if kind.is_float and kind.element != "f32":
        functions["upcast"] = stacked(family, kind, NO_FAULT, "upcast", upcast=True)
    source, binary = folder / "faulty.mlir", folder / "faulty.vmfb"
    source.write_text("".join(functions.values()))
    Model.open(source, model.flags).compile_or_reject(binary)
    for name in functions:
        yield name, outputs_of(FunctionProgram(binary, name))


def _other_compilations(
    model: Model, plain: FunctionProgram, folder: Path, flags: Iterable[str]
) -> Iterator[tuple[str, list[Array]]]:
    """The outputs of the model compiled with each set of flags, if that makes another binary."""
    binary = folder / "other.vmfb"
    seen = {plain.binary.read_bytes()}
    for name in flags:
        if model.with_flags(*FLAGS[name]).compile(binary).exit_code == 0 and binary.read_bytes() not in seen:
            seen.add(binary.read_bytes())
            yield name, outputs_of(replace(plain, binary=binary))


def as_line(row: Row) -> str:
    """A row of the table: of each fault whether it was found, in a model with its effect in sensitivities."""

    def cell(fault: str) -> str:
        if fault not in (*row.found, *row.missed, *row.drowned):
            return ""
        found = "found" if fault in row.found else "missed" if fault in row.missed else "drowned"
        return found + (f", {row.effects[fault]:.2g}" if fault in row.effects else "")

    faults, variants = len(row.found) + len(row.missed) + len(row.drowned), len(row.accepted) + len(row.refused)
    counts = f"{len(row.found)}/{faults}", f"{len(row.refused)}/{variants}"
    return f"| {' | '.join((row.level, row.family, row.kind, *map(cell, FAULTS), *counts))} |"


HEAD = f"| level | family | type | {' | '.join(FAULTS)} | found | refused |"


def judged(levels: list[str], families: list[str], kinds: list[str], place: Path, seed: int) -> Iterator[Row]:
    """All rows, as they end."""
    target = CpuTarget(threads=1)
    with ExitStack() as stack:
        pool = stack.enter_context(CompilePool(2, TIMEOUT_S)) if "dispatch" in levels else None
        for level in levels:
            for family in (FAMILIES[each] for each in families):
                for kind in (KINDS[each] for each in kinds if KINDS[each].is_float or family.of_integers):
                    folder = place / f"{level}-{family.name}-{kind.name}".replace(" ", "-")
                    folder.mkdir()
                    if pool is not None and level == "dispatch":
                        yield judge_dispatch(family, kind, folder, target, pool, seed=seed)
                    else:
                        yield judge_model(family, kind, folder, target)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--level", action="append", choices=("dispatch", "model"))
    parser.add_argument("--family", action="append", choices=tuple(FAMILIES))
    parser.add_argument("--kind", action="append", choices=tuple(KINDS))
    parser.add_argument("--seed", type=int, default=0, help="of the random configurations")
    parser.add_argument("--json", type=Path, help="a file for all rows")
    options = parser.parse_args()
    print(HEAD, f"|{'---|' * (HEAD.count('|') - 1)}", sep="\n", flush=True)
    rows = []
    with tempfile.TemporaryDirectory(prefix="mutations-") as place:
        chosen = (options.level or ["dispatch", "model"], options.family or [*FAMILIES], options.kind or [*KINDS])
        for row in judged(*chosen, Path(place), options.seed):
            print(as_line(row), flush=True)
            for what, names in (("missed", row.missed), ("refused", row.refused)):
                for each in names:
                    print(f"{row.level}, {row.family}, {row.kind}: {what}: {each}", file=sys.stderr, flush=True)
            rows.append(row)
            if options.json:
                options.json.write_text(json.dumps([asdict(each) for each in rows], indent=1))
    return 1 if any(row.missed or row.refused for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
