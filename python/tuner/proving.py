# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Proves a spec on the whole model: every entry read back, outputs equal, the time side by side."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tuner.deciding import is_decided, speedup
from tuner.dispatch import Configured
from tuner.errors import InputError, MeasurementError, ToolError
from tuner.events import Listener, Note, PhaseStarted
from tuner.extracting import read_model_configurations
from tuner.measuring import FunctionProgram, Runner
from tuner.measuring.sampling import Paired, paired_rounds
from tuner.model import Model, spec_flag
from tuner.result import DispatchResult, ModelResult
from tuner.run_folder import RunFolder
from tuner.spec import Entry, problem_spec, write_atomically

_SEED = 4
_TIMEOUT_S = 600.0
_PLAIN, _TUNED = "plain model", "tuned model"
# iree-compile applies a spec to all dispatches at once on its threads, and was once seen to hang there.
_NO_HANG = "--mlir-disable-threading"


@dataclass(frozen=True, slots=True)
class PlainModel:
    """The model as a user has it today: compiled without a spec, shown to run."""

    model: Model
    program: FunctionProgram


def prepare_model(model: Model, functions: Sequence[str], wanted: str, folder: RunFolder, runner: Runner) -> PlainModel:
    """Compiles the model plainly and runs it once, so that a model that cannot be proved is refused before the work.

    `wanted` names the entry among `functions`; it may be empty where there is one. Raises InputError.
    """
    if wanted and wanted not in functions:
        raise InputError(f"{model.path} has no function '{wanted}'; it has: {', '.join(functions) or 'none'}")
    if not wanted and len(functions) != 1:
        names = ", ".join(functions) or "none"
        raise InputError(f"{model.path} has {len(functions)} public functions ({names}); name one by --function")
    program = FunctionProgram(folder.path / "model.vmfb", wanted or functions[0])
    model.compile_or_reject(program.binary)
    try:
        runner.load(_PLAIN, program)
        runner.reference(_PLAIN, _SEED, timeout_s=_TIMEOUT_S)
    except MeasurementError as error:
        raise InputError(f"{model.path} compiles but cannot be run to prove a spec on it: {error}") from error
    finally:
        runner.unload(_PLAIN)
    return PlainModel(model, program)


@dataclass(frozen=True, slots=True)
class Proof:
    """The spec that holds, the dispatches' results with the entries that did not hold dropped, and the model's."""

    spec: str
    dispatches: tuple[DispatchResult, ...]
    model: ModelResult | None


def prove(
    plain: PlainModel,
    results: Sequence[DispatchResult],
    header: Sequence[str],
    folder: RunFolder,
    runner: Runner,
    listen: Listener,
    seed: int,
) -> Proof:
    """The spec of the winners that hold in the whole model, and the comparison of whole models.

    An entry that plain iree-compile does not apply as it was measured is dropped. So are all of them where the
    model as a whole gets slower or computes something else.
    """
    results, spec = _applied_entries(plain.model, results, header, folder, listen)
    if not any(result.winner for result in results):
        return Proof(spec, tuple(results), None)
    listen(PhaseStarted("the whole model with the spec against without, interleaved"))
    try:
        compared = _compare_models(plain, folder, runner, np.random.default_rng(seed))
        if compared.ratio.high >= 1.0:
            return Proof(spec, tuple(results), compared)
        reason = f"the whole model is slower with the spec ({compared.ratio})"
    except MeasurementError as error:
        reason = str(error)
    listen(Note(f"every entry is dropped: {reason}"))
    results = [_dropped(result, reason) for result in results]
    return Proof(_write_spec(folder.spec, results, header), tuple(results), None)


def _applied_entries(
    model: Model,
    results: Sequence[DispatchResult],
    header: Sequence[str],
    folder: RunFolder,
    listen: Listener,
) -> tuple[list[DispatchResult], str]:
    """Writes the spec of those winners that plain iree-compile applies as they were measured."""
    results = list(results)
    listen(PhaseStarted("reading the spec's entries back from the compiled model"))
    while True:
        spec = _write_spec(folder.spec, results, header)
        winners = [result for result in results if result.winner is not None]
        failed = _unapplied(model, folder.spec, _expected(results), folder.path) if winners else {}
        if not failed:
            return results, spec
        if len(winners) > 1 and len(failed) == len(_expected(results)):
            failed = _failing_alone(model, winners, header, folder)
        for name, reason in failed.items():
            listen(Note(f"{name}: its entry is dropped, {reason}"))
        problems = {
            result.dispatch.problem: failed[result.dispatch.name]
            for result in results
            if result.dispatch.name in failed
        }
        results = [_dropped(result, problems.get(result.dispatch.problem)) for result in results]


def _write_spec(path: Path, results: Sequence[DispatchResult], header: Sequence[str]) -> str:
    entries = []
    for result in results:
        winner, problem = result.winner, result.dispatch.problem
        if winner is None or problem is None or winner.compilation.compilation_info is None:
            continue
        measured = f"{result.final.ratio} over the default" if result.final else ""
        comment = f"{result.dispatch.name}: {problem.label}, {measured}"
        entries.append(Entry(problem, winner.compilation.compilation_info, comment))
    text = problem_spec(entries, header)
    write_atomically(path, text)
    return text


def _expected(results: Sequence[DispatchResult]) -> dict[str, Configured | None]:
    """What each dispatch of a tuned problem must hold: the configuration that was measured."""
    wanted = {
        result.dispatch.problem: result.winner.compilation.configured for result in results if result.winner is not None
    }
    return {
        result.dispatch.name: wanted[result.dispatch.problem] for result in results if result.dispatch.problem in wanted
    }


def _failing_alone(
    model: Model, winners: Sequence[DispatchResult], header: Sequence[str], folder: RunFolder
) -> dict[str, str]:
    """Which entries fail by themselves, where the model with all of them does not compile."""
    failed: dict[str, str] = {}
    alone = folder.path / "one-entry-spec.mlir"
    for result in winners:
        _write_spec(alone, [result], header)
        failed.update(_unapplied(model, alone, _expected([result]), folder.path))
    if not failed:
        raise ToolError(
            "the model does not compile with all entries though it does with each alone;"
            " tune fewer dispatches by --dispatch"
        )
    return failed


def _dropped(result: DispatchResult, reason: str | None) -> DispatchResult:
    if reason is None or result.winner is None or result.final is None:
        return result
    return replace(
        result,
        verdict=f"the default stays: {reason}",
        final=replace(result.final, accepted=False),
    )


def _unapplied(model: Model, spec: Path, expected: Mapping[str, Configured | None], work_dir: Path) -> dict[str, str]:
    """Compiles the whole model with `spec` by plain iree-compile and reads every configuration back.

    `expected` maps a dispatch to what the search measured. Returns the dispatches that differ with the reason;
    all of them, with the compiler's words, where the model does not compile.
    """
    configured = work_dir / "configured-with-spec.mlir"
    flags = (spec_flag(spec), _NO_HANG, "--compile-to=executable-configurations")
    result = model.compile(configured, *flags)
    if result.exit_code != 0:
        return dict.fromkeys(expected, f"iree-compile fails with it: {result.first_error}")
    found = read_model_configurations(configured)
    return {
        name: f"the compiled model holds {found.get(name)} instead of {wanted}"
        for name, wanted in expected.items()
        if found.get(name) != wanted
    }


def _compare_models(plain: PlainModel, folder: RunFolder, runner: Runner, rng: np.random.Generator) -> ModelResult:
    """Runs the model compiled plainly and with the spec on the same inputs: outputs, then interleaved times.

    Raises ToolError where it does not compile, MeasurementError where it does not run or computes something else.
    """
    binary = folder.path / "model-with-spec.vmfb"
    result = plain.model.compile(binary, spec_flag(folder.spec), _NO_HANG)
    if result.exit_code != 0:
        raise ToolError(f"the model does not compile with its spec: {result.first_error}")
    runner.load(_PLAIN, plain.program)
    runner.load(_TUNED, FunctionProgram(binary, plain.program.function))
    runner.reference(_PLAIN, _SEED, timeout_s=_TIMEOUT_S)
    verification, _ = runner.check(_TUNED, _SEED, None, timeout_s=_TIMEOUT_S)
    if not verification.passed:
        raise MeasurementError(f"the model computes something else with the spec: {verification.detail}")

    def decided(paired: Paired) -> bool:
        return is_decided(speedup(paired.baseline_s, paired.candidate_s), 0.0)

    paired = paired_rounds(runner, _PLAIN, _TUNED, rng=rng, decided=decided, timeout_s=_TIMEOUT_S)
    return ModelResult(
        ratio=speedup(paired.baseline_s, paired.candidate_s),
        baseline_s=statistics.median(paired.baseline_s),
        tuned_s=statistics.median(paired.candidate_s),
        verification=verification,
    )
