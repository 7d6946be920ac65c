# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Proves specs on the whole model: every entry read back, outputs equal, the time side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tuner.applying import RejectedError
from tuner.certificate import Circumstances
from tuner.deciding import is_decided, speedup
from tuner.dispatch import Configured
from tuner.errors import InputError, MeasurementError, ToolError, WrongOutputError
from tuner.events import Listener, Note, PhaseStarted
from tuner.extracting import read_model_configurations
from tuner.late import NO_HANG, apply_late, compile_configured, configure
from tuner.measuring import FunctionProgram, Runner
from tuner.measuring.sampling import Paired, paired_rounds
from tuner.model import Model, spec_flag
from tuner.result import DispatchResult, ModelResult
from tuner.run_folder import RunFolder
from tuner.spec import Entry, has_matcher, late_path, late_spec, problem_spec, write_atomically
from tuner.targets import Target

_SEED = 4
_TIMEOUT_S = 600.0
_PLAIN, _TUNED = "plain model", "tuned model"


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
        raise InputError(f"{model.source} has no function '{wanted}'; it has: {', '.join(functions) or 'none'}")
    if not wanted and len(functions) != 1:
        names = ", ".join(functions) or "none"
        raise InputError(f"{model.source} has {len(functions)} public functions ({names}); name one by --function")
    program = FunctionProgram(folder.path / "model.vmfb", wanted or functions[0])
    model.compile_or_reject(program.binary)
    try:
        runner.load(_PLAIN, program)
        runner.reference(_PLAIN, _SEED, timeout_s=_TIMEOUT_S)
    except MeasurementError as error:
        raise InputError(f"{model.source} compiles but cannot be run to prove a spec on it: {error}") from error
    finally:
        runner.unload(_PLAIN)
    return PlainModel(model, program)


@dataclass(frozen=True, slots=True)
class Proof:
    """The specs that hold, the dispatches' results with the entries that did not hold dropped, and the model's.

    `late_spec` is "" where no entry needs it; `binary` is the model compiled with the specs.
    """

    spec: str
    late_spec: str
    dispatches: tuple[DispatchResult, ...]
    model: ModelResult | None
    binary: Path


def prove(
    plain: PlainModel,
    target: Target,
    results: Sequence[DispatchResult],
    header: Sequence[str],
    circumstances: Circumstances,
    folder: RunFolder,
    runner: Runner,
    listen: Listener,
    seed: int,
) -> Proof:
    """The specs of the winners that hold in the whole model, and the comparison of whole models.

    An entry that plain iree-compile does not apply as it was measured becomes a late one, and one that does not hold
    there either is dropped. So are all of them where the model as a whole gets slower or computes something else.
    """
    specs = _Specs(plain.model, target, header, circumstances, folder)
    results = [replace(result, late=_is_late(result, target)) for result in results]
    if any(result.winner for result in results):
        listen(PhaseStarted("reading the specs' entries back from the compiled model"))
    results = _holding_early(specs, results, listen)
    results = _holding_late(specs, results, listen)
    if not any(result.winner for result in results):
        return Proof(*specs.write(results), tuple(results), None, plain.program.binary)
    listen(PhaseStarted("the whole model with the spec against without, interleaved"))
    binary = folder.path / "model-tuned.vmfb"
    try:
        compared = compare_models(plain, specs.compile(binary), runner, np.random.default_rng(seed))
        if compared.ratio.high >= 1.0:
            return Proof(*specs.write(results, compared), tuple(results), compared, binary)
        reason = f"the whole model is slower with the spec ({compared.ratio})"
    except MeasurementError as error:
        runner.check_device()
        reason = str(error)
    listen(Note(f"every entry is dropped: {reason}"))
    results = [_dropped(result, reason) for result in results]
    return Proof(*specs.write(results), tuple(results), None, plain.program.binary)


class _Specs:
    """The two specs of a run on the disk, and what the model holds when it is compiled with them."""

    def __init__(
        self, model: Model, target: Target, header: Sequence[str], circumstances: Circumstances, folder: RunFolder
    ) -> None:
        self._model = model
        self._target = target
        self._header = header
        self._circumstances = circumstances
        self._early = folder.spec
        self._late = late_path(folder.spec)
        self._configured = folder.path / "configured-with-spec.mlir"
        self._applied = folder.path / "configured-with-specs.mlirbc"

    def write(self, results: Sequence[DispatchResult], compared: ModelResult | None = None) -> tuple[str, str]:
        """The texts of both specs, written down; "" for a late one without entries."""
        certificate = compared.certificate(self._circumstances) if compared is not None else None
        early = problem_spec(_entries(results, self._circumstances, late=False), self._header, certificate)
        entries = _entries(results, self._circumstances, late=True)
        late = late_spec(entries, self._header, certificate) if entries else ""
        write_atomically(self._early, early)
        if late:
            write_atomically(self._late, late)
        else:
            self._late.unlink(missing_ok=True)
        return early, late

    def unapplied_early(self, results: Sequence[DispatchResult]) -> dict[str, str]:
        """The dispatches in which plain iree-compile makes something else of the early entries, and why."""
        self.write(results)
        expected = _expected(results, late=False)
        result = configure(self._model, self._configured, self._early)
        if result.exit_code != 0:
            return dict.fromkeys(expected, f"iree-compile fails with it: {result.first_error}")
        return _differing(self._configured, expected)

    def unapplied_late(self, results: Sequence[DispatchResult]) -> dict[str, str]:
        """As `unapplied_early` for the late entries, on top of the early ones."""
        self.write(results)
        expected = _expected(results, late=True)
        try:
            apply_late(self._configured, self._late, self._target, self._applied)
        except RejectedError as error:
            return dict.fromkeys(expected, f"IREE refuses it in the whole model: {error}")
        return _differing(self._applied, expected)

    def compile(self, binary: Path) -> Path:
        """The model compiled with the specs, in the way that is handed to the user. Raises ToolError."""
        if self._late.exists():
            result = compile_configured(self._model, self._applied, binary)
        else:
            result = self._model.compile(binary, spec_flag(self._early), NO_HANG)
        if result.exit_code != 0:
            raise ToolError(f"the model does not compile with its spec: {result.first_error}")
        return binary


def _is_late(result: DispatchResult, target: Target) -> bool:
    problem = result.dispatch.problem
    return not (target.reads_specs and problem is not None and has_matcher(problem))


def _holding_early(specs: _Specs, results: Sequence[DispatchResult], listen: Listener) -> list[DispatchResult]:
    """The results, with those entries made late that plain iree-compile does not apply as they were measured."""
    results = list(results)
    while failed := specs.unapplied_early(results) if _winners(results) else {}:
        early = [result for result in _winners(results) if not result.late]
        if len(early) > 1 and len(failed) == len(_expected(results, late=False)):
            failed = {name: why for each in early for name, why in specs.unapplied_early([each]).items()} or failed
        for name, reason in failed.items():
            listen(Note(f"{name}: plain iree-compile cannot apply its entry, {reason}"))
        problems = {result.dispatch.problem for result in results if result.dispatch.name in failed}
        results = [replace(each, late=each.late or each.dispatch.problem in problems) for each in results]
    return results


def _holding_late(specs: _Specs, results: Sequence[DispatchResult], listen: Listener) -> list[DispatchResult]:
    """The results, with those late entries dropped that do not hold in the whole model."""
    results = list(results)
    while late := [result for result in _winners(results) if result.late]:
        failed = specs.unapplied_late(results)
        if not failed:
            break
        if len(late) > 1 and len(failed) == len(_expected(results, late=True)):
            failed = {name: why for each in late for name, why in specs.unapplied_late([each]).items()} or failed
        for name, reason in failed.items():
            listen(Note(f"{name}: its entry is dropped, {reason}"))
        problems = {each.dispatch.name: each.dispatch.problem for each in results}
        reasons = {problems[name]: why for name, why in failed.items()}
        results = [_dropped(each, reasons.get(each.dispatch.problem)) for each in results]
    return results


def _winners(results: Sequence[DispatchResult]) -> list[DispatchResult]:
    return [result for result in results if result.winner is not None]


def _entries(results: Sequence[DispatchResult], circumstances: Circumstances, *, late: bool) -> list[Entry]:
    entries = []
    for result in results:
        winner, problem = result.winner, result.dispatch.problem
        if winner is None or problem is None or winner.compilation.annotations is None or result.late != late:
            continue
        measured = f"{result.final.ratio} over the default" if result.final else ""
        comment = f"{result.dispatch.name}: {problem.label}, {measured}"
        entries.append(Entry(problem, winner.compilation.annotations, comment, result.certificate(circumstances)))
    return entries


def _expected(results: Sequence[DispatchResult], *, late: bool) -> dict[str, Configured | None]:
    """What each dispatch of a tuned problem must hold: the configuration that was measured."""
    wanted = {
        result.dispatch.problem: result.winner.compilation.configured
        for result in results
        if result.winner is not None and result.late == late
    }
    return {
        result.dispatch.name: wanted[result.dispatch.problem] for result in results if result.dispatch.problem in wanted
    }


def _dropped(result: DispatchResult, reason: str | None) -> DispatchResult:
    if reason is None or result.winner is None or result.final is None:
        return result
    return replace(
        result,
        verdict=f"the default stays: {reason}",
        final=replace(result.final, accepted=False),
    )


def _differing(configured: Path, expected: Mapping[str, Configured | None]) -> dict[str, str]:
    """Which dispatches of a configured module hold something else than was measured, and what."""
    found = read_model_configurations(configured)
    return {
        name: f"the compiled model holds {found.get(name)} instead of {wanted}"
        for name, wanted in expected.items()
        if found.get(name) != wanted
    }


def compare_models(plain: PlainModel, binary: Path, runner: Runner, rng: np.random.Generator) -> ModelResult:
    """Runs the model compiled plainly and with the specs on the same inputs: outputs, then interleaved times.

    Raises WrongOutputError where it computes something else, MeasurementError where it does not run.
    """
    runner.load(_PLAIN, plain.program)
    runner.load(_TUNED, FunctionProgram(binary, plain.program.function))
    runner.reference(_PLAIN, _SEED, timeout_s=_TIMEOUT_S)
    verification, _ = runner.check(_TUNED, _SEED, None, timeout_s=_TIMEOUT_S)
    if not verification.passed:
        raise WrongOutputError(f"the model computes something else with the spec: {verification.detail}")

    def decided(paired: Paired) -> bool:
        return is_decided(speedup(paired.baseline_s, paired.candidate_s), 0.0)

    paired = paired_rounds(runner, _PLAIN, _TUNED, rng=rng, decided=decided, timeout_s=_TIMEOUT_S)
    return ModelResult(paired, speedup(paired.baseline_s, paired.candidate_s), verification, seeds=(_SEED,))
