# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operations that models run, on an NVIDIA GPU: the default, tuned, the best random candidate, and the library.

For each operation the search and the random candidates draw from the same pool, and are checked and timed by the same
means. Their best candidates are compared with the default in interleaved rounds, then with one another. The search
knows the records that ship (not with `--unlearnt`), but for those of the operation itself.
Raw results are appended to --output, a line for each operation. Operations that have a line are not run again. The last
line is one JSON object about all lines: `gemm_f16_geomean` (the default's time over the tuned one's), `min_vs_random`
(the time of what random candidates would deliver over that of what the search would, 1 if they are the same),
`below_random` (the operations for which the interval of that ratio is below 1), `resolution` (how far from 1 the
measured ratio of a candidate to itself was), `verified`, `shapes`.

    python benchmarks/gpu_suite.py --trials 150 --output benchmarks/results/h200.jsonl
    python benchmarks/gpu_suite.py --only gemm_512x4096x4096 --trials 20
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gpu_cases import CASES, Case
from gpu_spaces import Choices, choices
from tuner.compile.pool import CompileJob, CompilePool
from tuner.constraints import Pool
from tuner.dispatch import Dispatch
from tuner.dispatches.extract import extract
from tuner.errors import MeasurementError, TunerError
from tuner.evaluate.bench import DispatchBench
from tuner.evaluate.final import Final
from tuner.evaluate.programs import runnable
from tuner.jsonable import to_plain
from tuner.knowledge.ranking import rank
from tuner.knowledge.records import shipped_records
from tuner.knowledge.traits import Machine
from tuner.measuring import DispatchProgram, Runner
from tuner.measuring.preloading import Preloader
from tuner.measuring.sampling import Paired, paired_rounds
from tuner.model.model import Model
from tuner.outcome import DEFAULT, Candidate, Compilation, Evaluation
from tuner.search import NO_PRIOR, Prior
from tuner.search.models.predicted import Predicted
from tuner.search.portfolio import PortfolioStrategy
from tuner.search.random import RandomStrategy
from tuner.speedup import Ratio, speedup
from tuner.targets.cuda import CudaTarget, choose

COMPILE_TIMEOUT_S = 8.0
MIN_GAIN = 0.02
# Limits of the comparison of the two searches' best: it stops if the ratio is this far from 1, or if its interval is
# this narrow, or after this many rounds.
FAR, PRECISE, MOST_ROUNDS = 0.005, 0.002, 400


@dataclass(frozen=True, slots=True)
class Settings:
    trials: int
    random: int
    seed: int
    batch: int
    learns: bool
    folder: Path


@dataclass(frozen=True, slots=True)
class Tools:
    runner: Runner
    compilers: CompilePool
    preloader: Preloader


class Contest:
    """One operation: its default, and two searches over one pool."""

    def __init__(self, case: Case, settings: Settings, target: CudaTarget, tools: Tools) -> None:
        self._settings = settings
        self._target = target
        self._tools = tools
        self._runner = tools.runner
        self._folder = settings.folder / case.name
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / "model.mlir"
        path.write_text(case.mlir)
        extracted = extract(Model.open(path, target.compile_flags), target, self._folder)
        tunable = [each for each in extracted.dispatches if each.problem is not None]
        if len(tunable) != 1:
            reasons = "; ".join(f"{each.name}: {each.untunable}" for each in extracted.dispatches)
            raise TunerError(f"{case.name} has {len(tunable)} tunable dispatches ({reasons})")
        (self._dispatch,) = tunable
        self._machine = Machine.of(extracted.limits)
        self._name = case.name
        self._choices: Choices = choices(path, self._dispatch, target, extracted.limits, self._folder)
        self.compile_s = self.preload_s = 0.0
        (self._default,) = self._compile([DEFAULT])
        self._bench = DispatchBench.start(tools.runner, self._program(self._dispatch), self._default)

    @property
    def problem(self) -> Any:
        return self._dispatch.problem

    @staticmethod
    def _program(dispatch: Dispatch) -> Any:
        return dispatch.program

    @property
    def pool_size(self) -> int:
        return len(self._choices.pool)

    @property
    def knobs(self) -> list[str]:
        return [knob.name for knob in self._choices.pool.knobs]

    def point(self, evaluation: Evaluation) -> list[int]:
        """The values of the knobs, in the knobs' order."""
        return list(evaluation.candidate.point.values())

    @property
    def default_s(self) -> float:
        return self._bench.baseline_s

    def search(self, strategy: Any, trials: int, batch: int, first: int) -> list[Evaluation]:
        """Tries candidates, numbered from `first`: compiles a batch, then checks and times it on an idle machine."""
        # How long a candidate is measured depends on the best so far, so each search gets a bench of its own.
        bench = DispatchBench.start(self._runner, self._program(self._dispatch), self._default)
        evaluations: list[Evaluation] = []
        while len(evaluations) < trials:
            rows = strategy.ask(min(batch, trials - len(evaluations)))
            if not rows:
                break
            candidates = [
                Candidate(number, row, self._choices.pool.point(row), self._choices.configuration(row))
                for number, row in enumerate(rows, start=first + len(evaluations))
            ]
            for row, end in zip(rows, self._compile(candidates), strict=True):
                evaluation = bench.evaluate(end)
                evaluations.append(evaluation)
                strategy.tell(row, 1 / evaluation.speedup if evaluation.speedup else None)
        return evaluations

    def strategy(self, kind: Any, seed: int, trials: int, prior: Prior = NO_PRIOR) -> Any:
        return kind(self._choices.pool, np.random.default_rng(seed), trials, prior)

    def prior(self, seed: int) -> Prior:
        """The times to expect, by the records that ship of other operations."""
        records = [record for record in shipped_records() if record.name != self._name]
        rng = np.random.default_rng(seed)
        # Records have not the suite's own knob, the first one.
        pool = Pool(self._choices.pool.knobs[1:], self._choices.pool.rows[:, 1:])
        return rank(self.problem.key, pool, self._machine, self._target.name, records, rng) or NO_PRIOR

    def final(self, evaluations: Sequence[Evaluation]) -> Final | None:
        return self._bench.final(evaluations, np.random.default_rng(self._settings.seed), MIN_GAIN)

    def face_to_face(self, tuned: Evaluation, random: Evaluation) -> Ratio:
        """The random candidate's time over the tuned one's, by interleaved rounds: more if they are nearly equal."""
        for key, each in (("random", random), ("tuned", tuned)):
            self._runner.load(key, self._source(each.compilation))

        def decided(paired: Paired) -> bool:
            ratio = speedup(paired.baseline_s, paired.candidate_s)
            return ratio.low > 1 + FAR or ratio.high < 1 - FAR or ratio.high - ratio.low <= PRECISE

        paired = paired_rounds(
            self._runner,
            "random",
            "tuned",
            rng=np.random.default_rng(0),
            decided=decided,
            timeout_s=60.0,
            max_rounds=MOST_ROUNDS,
        )
        for key in ("random", "tuned"):
            self._runner.unload(key)
        return speedup(paired.baseline_s, paired.candidate_s)

    def _source(self, compilation: Compilation) -> DispatchProgram:
        if compilation.binary is None:
            raise MeasurementError("it has no binary")
        return runnable(self._program(self._dispatch), compilation.binary)

    def _compile(self, candidates: Sequence[Candidate]) -> list[Compilation]:
        started = time.perf_counter()
        ends = self._tools.compilers.compile(
            [
                CompileJob(
                    program=self._program(self._dispatch),
                    identity=self._dispatch.name,
                    candidate=candidate,
                    target=self._target,
                    binary=self._folder / f"{candidate.number}.vmfb",
                    log=self._folder / f"{candidate.number}.log",
                )
                for candidate in candidates
            ]
        )
        self.compile_s += time.perf_counter() - started
        started = time.perf_counter()
        self._tools.preloader.load([self._source(end) for end in ends if end.binary is not None])
        self.preload_s += time.perf_counter() - started
        return ends


def run_case(case: Case, settings: Settings, target: CudaTarget, tools: Tools) -> dict[str, Any]:
    started = time.perf_counter()
    contest = Contest(case, settings, target, tools)
    prior = contest.prior(settings.seed) if settings.learns else NO_PRIOR
    tuned = contest.search(
        contest.strategy(PortfolioStrategy, settings.seed, settings.trials, prior),
        settings.trials,
        settings.batch,
        first=1,
    )
    random: list[Evaluation] = []
    if settings.random:
        strategy = contest.strategy(RandomStrategy, settings.seed + 1000, settings.random)
        random = contest.search(strategy, settings.random, settings.random, first=10_000)
    result: dict[str, Any] = {
        "name": case.name,
        "kind": case.kind,
        "problem": contest.problem.key,
        "learnt_from": prior.learnt_from if isinstance(prior, Predicted) else 0,
        "pool": contest.pool_size,
        "default_s": contest.default_s,
        "flops": case.flops,
        "bytes": case.bytes,
        "fates": dict(Counter(each.fate.value for each in tuned)),
        "random_fates": dict(Counter(each.fate.value for each in random)),
        "failures": dict(Counter(f"{e.fate.value}: {e.detail[:150]}" for e in (*tuned, *random) if e.time_s is None)),
        "knobs": contest.knobs,
        "tuned_points": [[*contest.point(each), each.time_s] for each in tuned],
        "random_points": [[*contest.point(each), each.time_s] for each in random],
        "compile_s": round(contest.compile_s, 2),
        "preload_s": round(contest.preload_s, 2),
    }
    best = {}
    for label, evaluations in (("tuned", tuned), ("random", random)):
        final = contest.final(evaluations)
        if final is None:
            continue
        best[label] = final.evaluation
        result[label] = {
            "default_s": statistics.median(final.paired.baseline_s),
            "time_s": statistics.median(final.paired.candidate_s),
            "ratio": to_plain(final.ratio),
            "accepted": final.accepted,
            "verified": final.verification.passed,
            "max_error": final.verification.max_error,
            "candidate": final.evaluation.candidate.number,
            "annotations": dict(final.evaluation.compilation.annotations.root)
            if final.evaluation.compilation.annotations
            else None,
            "configuration": final.evaluation.candidate.choice,
        }
    if len(best) == 2:
        result["vs_random"] = to_plain(contest.face_to_face(best["tuned"], best["random"]))
    result["seconds"] = round(time.perf_counter() - started, 1)
    return result


def libraries(cases: Sequence[Case]) -> dict[str, Any]:
    """Seconds in torch for each operation; {} if torch is not installed or fails."""
    command = [sys.executable, str(Path(__file__).parent / "gpu_library.py"), *(case.name for case in cases)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        print(f"no library times: {ended.stderr.strip().splitlines()[-1:]}")
        return {}
    found: dict[str, Any] = json.loads(ended.stdout.strip().splitlines()[-1])
    return found


def line(result: dict[str, Any]) -> str:
    """A line for people about one operation: microseconds, ratios, and what the search cost."""
    if "tuned" not in result:
        return f"{result['name']:34} {result.get('error', 'no candidate ran')}"
    tuned = result["tuned"]
    parts = [f"{result['name']:34} default {tuned['default_s'] * 1e6:8.1f} us, tuned {tuned['time_s'] * 1e6:8.1f} us"]
    parts.append(f"{tuned['ratio']['value']:.2f}x [{tuned['ratio']['low']:.2f}, {tuned['ratio']['high']:.2f}]")
    if "random" in result:
        parts.append(f"random {result['random']['ratio']['value']:.2f}x")
    if "vs_random" in result:
        versus = result["vs_random"]
        parts.append(f"vs random {versus['value']:.3f} [{versus['low']:.3f}, {versus['high']:.3f}]")
    if "library_s" in result:
        parts.append(f"library {result['library_s'] * 1e6:.1f} us")
    spent = f"{result['seconds']} s ({result['compile_s']} compiling, {result['preload_s']} loading)"
    parts.append(f"pool {result['pool']:,}, {result['fates']}, {spent}")
    return ", ".join(parts)


def summary(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The benchmark's last line."""
    done = [each for each in results if "tuned" in each]
    gains = [max(1.0, each["tuned"]["ratio"]["value"]) if each["tuned"]["accepted"] else 1.0 for each in done]
    gemms = [gain for gain, each in zip(gains, done, strict=True) if each["kind"] == "gemm"]
    both = [each for each in done if "vs_random" in each]
    # If both searches chose the same candidate, its two times differ by the resolution of the comparison.
    same = [each for each in both if each["tuned"]["configuration"] == each["random"]["configuration"]]
    versus = {each["name"]: _against_random(each) for each in both}
    return {
        "gemm_f16_geomean": round(math.exp(statistics.fmean(map(math.log, gemms))), 3) if gemms else None,
        "min_vs_random": round(min(value for value, _ in versus.values()), 3) if versus else None,
        "below_random": [name for name, (_, high) in versus.items() if high < 1],
        "resolution": max((round(abs(each["vs_random"]["value"] - 1), 4) for each in same), default=None),
        "verified": sum(each["tuned"]["verified"] for each in done),
        "shapes": len(results),
        "speedups": {each["name"]: round(gain, 3) for gain, each in zip(gains, done, strict=True)},
    }


def _against_random(result: dict[str, Any]) -> tuple[float, float]:
    """The speed of what the search delivers over that of what random candidates deliver, and its interval's upper end.

    A candidate that is not accepted is not delivered: the default stays.
    """
    tuned, random = result["tuned"], result["random"]
    if not (tuned["accepted"] or random["accepted"]) or tuned["configuration"] == random["configuration"]:
        return 1.0, 1.0
    if not tuned["accepted"]:
        return 1 / random["ratio"]["value"], 1 / random["ratio"]["low"]
    versus = result["vs_random"] if random["accepted"] else tuned["ratio"]
    return versus["value"], versus["high"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], help="a kernel's name or how it begins (repeatable)")
    parser.add_argument("--chip", default="sm_80")
    parser.add_argument("--trials", type=int, default=150)
    parser.add_argument("--random", type=int, default=None, help="random candidates (default: as many as --trials)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=16)
    parser.add_argument("--batch", type=int, default=8, help="candidates that the search asks for at a time")
    parser.add_argument("--unlearnt", action="store_true", help="the searches know no records")
    parser.add_argument("--no-library", action="store_true")
    parser.add_argument("--stop-after-s", type=float, default=math.inf, help="start no kernel after so many seconds")
    parser.add_argument("--output", type=Path, help="a file of JSON lines")
    arguments = parser.parse_args()
    results = read_results(arguments.output)
    wanted = [
        case
        for case in CASES
        if case.name not in {each["name"] for each in results}
        and (not arguments.only or case.name.startswith(tuple(arguments.only)))
    ]
    target = choose(arguments.chip, threads=1)
    random = arguments.trials if arguments.random is None else arguments.random
    started = time.monotonic()
    found = {} if arguments.no_library else libraries(wanted)
    with (
        tempfile.TemporaryDirectory() as work,
        Runner(target.device) as runner,
        CompilePool(arguments.workers, COMPILE_TIMEOUT_S) as pool,
        Preloader(target.device, arguments.workers) as preloader,
    ):
        preloader.begin()
        settings = Settings(
            arguments.trials, random, arguments.seed, arguments.batch, not arguments.unlearnt, Path(work)
        )
        tools = Tools(runner, pool, preloader)
        for case in wanted:
            if time.monotonic() - started > arguments.stop_after_s:
                print(f"{case.name} and what follows is left for another call")
                break
            try:
                result = run_case(case, settings, target, tools)
            except TunerError as error:
                result = {"name": case.name, "kind": case.kind, "error": str(error)}
            if case.name in found.get("seconds", {}):
                result.update(library_s=found["seconds"][case.name], library_note=case.note)
                result.update(device=found["device"], torch=found["torch"])
            results.append(result)
            print(line(result), flush=True)
            for reason, count in result.get("failures", {}).items():
                print(f"    {count} x {reason}", flush=True)
            if arguments.output and "error" not in result:
                with arguments.output.open("a") as file:
                    file.write(json.dumps(result) + "\n")
    print(json.dumps(summary(results)))


def read_results(path: Path | None) -> list[dict[str, Any]]:
    """The results of earlier calls. Prints their lines again."""
    if path is None or not path.exists():
        return []
    results = [json.loads(each) for each in path.read_text().splitlines()]
    for result in results:
        print(line(result))
    return results


if __name__ == "__main__":
    main()
