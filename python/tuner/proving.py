# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Proves specs on the whole model: every entry read back, outputs equal, the time side by side."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tuner.applying import RejectedError
from tuner.certificate import Circumstances
from tuner.delivering import header
from tuner.dispatch import Configured
from tuner.errors import MeasurementError, ToolError, WrongOutputError
from tuner.events import Listener, Note, PhaseStarted
from tuner.extracting import read_model_configurations
from tuner.files import write_atomically
from tuner.late import NO_HANG, apply_late, compile_configured, configure
from tuner.model import Model, spec_flag
from tuner.plain_model import PlainModel, compare_models
from tuner.result import DispatchResult, ModelResult
from tuner.run_folder import RunFolder
from tuner.spec import Entry, has_matcher, late_path, late_spec, problem_spec
from tuner.stopwatch import Part
from tuner.targets import Target
from tuner.toolchain import ToolResult
from tuner.workbench import Workbench

# Why an entry is dropped that could be neither shown to pay nor to harm.
_UNTRIED = "the budget ended before its entry could be shown to pay"
# A compiler that dies or hangs once may have met something else than what it compiles.
_ATTEMPTS = 2


@dataclass(frozen=True, slots=True)
class Proof:
    """The specs that hold, the dispatches' results with the entries that did not hold dropped, and the model's.

    `late_spec` is "" where no entry needs it; `binary` is the model compiled with the specs. `flags_hold` says whether
    the flags that were chosen for the whole compilation may stay.
    """

    spec: str
    late_spec: str
    dispatches: tuple[DispatchResult, ...]
    model: ModelResult | None
    binary: Path
    flags_hold: bool = True


def unproved(plain: PlainModel, results: Sequence[DispatchResult]) -> Proof:
    """What there is where the whole model was not looked at: no spec, for none was proved."""
    return Proof(problem_spec([]), "", tuple(results), None, plain.program.binary)


def write_unproved(
    model: Model,
    chosen_flags: Sequence[str],
    target: Target,
    folder: RunFolder,
    results: Sequence[DispatchResult],
    circumstances: Circumstances,
) -> list[Path]:
    """Writes the winners so far into the run's folder, as specs that the whole model was not run with.

    Returns the files; none without winners. They never take the place of a proved spec.
    """
    if not _winners(results):
        return []
    specs = _Specs(model, chosen_flags, target, _unproved_header(circumstances), circumstances, folder, folder.unproved)
    results = [replace(result, late=_is_late(result, target)) for result in results]
    _, late = specs.write(results)
    return [folder.unproved, *([late_path(folder.unproved)] if late else [])]


def _unproved_header(circumstances: Circumstances) -> list[str]:
    return [*header(circumstances), "NOT PROVED: the run ended before the whole model was run with these entries."]


def prove_unrun(
    model: Model,
    target: Target,
    folder: RunFolder,
    results: Sequence[DispatchResult],
    circumstances: Circumstances,
    listen: Listener,
) -> Proof:
    """As `prove`, without a run of the model: the specs of the winners that the compiled model holds.

    Entries with which the model does not compile are dropped. Raises ToolError if it does not compile without any.
    """
    specs = _Specs(model, (), target, header(circumstances), circumstances, folder)
    results = [replace(result, late=_is_late(result, target)) for result in results]
    listen(PhaseStarted("reading the specs' entries back from the compiled model"))
    results = _holding_late(specs, _holding_early(specs, results, listen), listen)
    binary = folder.path / "model-tuned.vmfb"

    def reason_against(results: Sequence[DispatchResult], _: float) -> str | None:
        try:
            specs.compiled(results, binary)
        except ToolError as error:
            return str(error)
        return None

    results = _Bisection(reason_against, _dropped, listen).paying(results)
    if not _winners(results):
        specs.compiled(results, binary)
    return Proof(*specs.write(results), tuple(results), None, binary)


def prove(
    bench: Workbench,
    plain: PlainModel,
    model: Model,
    results: Sequence[DispatchResult],
    circumstances: Circumstances,
    flags_speedup: float | None = None,
) -> Proof:
    """The specs of the winners that hold and pay in the whole model, and the comparison of whole models.

    `model` is the plain one with the flags that were chosen for it. An entry that plain iree-compile does not apply as
    it was measured becomes a late one, and one that does not hold there either is dropped. Then the model is compiled
    with all entries. Where it computes something else or is slower than without them, each half of the entries is
    tried alone, the half that saves most first, down to single ones: what does not pay is dropped, and so is what the
    budget has no time to try. `flags_speedup`: how many times faster the chosen flags were.
    """
    chosen = model.flags[len(plain.model.flags) :]
    specs = _Specs(model, chosen, bench.target, header(circumstances), circumstances, bench.folder)
    return _Prover(bench, plain, model, specs, flags_speedup).prove(results)


class _Prover:
    def __init__(
        self, bench: Workbench, plain: PlainModel, model: Model, specs: _Specs, flags_speedup: float | None
    ) -> None:
        self._bench = bench
        self._plain = plain
        self._model = model
        self._specs = specs
        self._listen = bench.listen
        self._rng = np.random.default_rng(bench.options.seed)
        self._without = plain.program
        self._binary = bench.folder.path / "model-tuned.vmfb"
        self._budget = bench.budget
        # What a comparison with the plain model, and one of the model with entries, take at least.
        costs = plain.costs
        self._last_s = 0.0 if flags_speedup is None else costs.comparison_s(candidate_s=costs.run_s / flags_speedup)
        self._trial_s = costs.trial_s(flags_speedup)
        # The entries that the binary holds, and what their last comparison said.
        self._held: frozenset[str] | None = None
        self._seen: ModelResult | None = None

    def prove(self, results: Sequence[DispatchResult]) -> Proof:
        """The proof. Meanwhile `Workbench.finished` holds what is left of the winners."""
        target, has_flags = self._bench.target, self._model != self._plain.model
        results = [replace(result, late=_is_late(result, target)) for result in results]
        if _winners(results):
            self._listen(PhaseStarted("reading the specs' entries back from the compiled model"))
        results = _holding_early(self._specs, results, self._listen, self._has_time_for_each)
        results = _holding_late(self._specs, results, self._listen, self._has_time_for_each)
        self._bench.finished.update({each.dispatch.name: each for each in results})
        if has_flags and (reason := self._reason_against_flags()):
            return self._nothing(results, reason)
        if _winners(results):
            self._listen(PhaseStarted("the whole model with the spec against without, interleaved"))
            bisection = _Bisection(
                self._reason_against, self._drop, self._listen, self._trial_s, lambda: self._budget.left_s
            )
            results = bisection.paying(results, self._last_s)
        while _winners(results) or has_flags:
            self._listen(PhaseStarted("the whole model, tuned against plain, interleaved"))
            binary = self._without.binary
            try:
                if _winners(results):
                    binary = self._compiled(results)
                compared = self._against_plain(results, binary)
            except (MeasurementError, ToolError) as error:
                reason = self._reason_of(error)
            else:
                reason = "" if compared.ratio.high >= 1.0 else f"the whole model is slower ({compared.ratio})"
            if not reason:
                return Proof(*self._specs.write(results, compared), tuple(results), compared, binary)
            if not (_winners(results) and has_flags):
                return self._nothing(results, reason)
            # What the entries did wrong, the flags alone may do right.
            self._listen(Note(f"Every entry is dropped: {reason}"))
            results = [_dropped(result, reason) for result in results]
        return Proof(*self._specs.write(results), tuple(results), None, self._plain.program.binary)

    def _has_time_for_each(self, entries: int) -> bool:
        """Whether so many entries can be read back one by one."""
        needed_s = entries * self._plain.costs.configuring_s + self._trial_s + self._last_s
        return self._budget.left_s >= needed_s

    def _against_plain(self, results: Sequence[DispatchResult], binary: Path) -> ModelResult:
        """The last comparison. Within a budget the one of these entries serves, if it was with the plain model."""
        if self._budget.is_limited and self._seen and _winners(results) and self._without == self._plain.program:
            return self._seen
        return compare_models(self._plain, self._plain.program, binary, self._bench.runner, self._rng, self._budget)

    def _reason_against_flags(self) -> str:
        """Why the model does not compile with the chosen flags alone; "" if it does, and entries must beat that."""
        binary = self._bench.folder.path / "model-flags.vmfb"
        try:
            _compiled("its flags", lambda: self._model.compile(binary))
        except ToolError as error:
            return str(error)
        self._without = replace(self._plain.program, binary=binary)
        return ""

    def _nothing(self, results: Sequence[DispatchResult], reason: str) -> Proof:
        self._listen(Note(f"All is dropped, the flags too: {reason}"))
        results = [_dropped(result, reason) for result in results]
        return Proof(*self._specs.write(results), tuple(results), None, self._plain.program.binary, flags_hold=False)

    def _reason_of(self, error: MeasurementError | ToolError) -> str:
        """What a failure says. Raises DeviceLostError if it is the device's, for the plain model fails as well."""
        if isinstance(error, MeasurementError) and not isinstance(error, WrongOutputError):
            self._bench.runner.check_device()
        return str(error)

    def _reason_against(self, results: Sequence[DispatchResult], after_s: float) -> str | None:
        """Why the model compiled with these entries is no better than without any; None if it is.

        `after_s`: the seconds that what follows takes.
        """
        try:
            binary = self._compiled(results)
            self._seen = compare_models(
                self._plain, self._without, binary, self._bench.runner, self._rng, self._budget.less(after_s)
            )
        except (MeasurementError, ToolError) as error:
            return self._reason_of(error)
        ratio = self._seen.ratio
        return None if ratio.high >= 1.0 else f"the whole model is slower with it ({ratio})"

    def _compiled(self, results: Sequence[DispatchResult]) -> Path:
        """The model compiled with these entries, unless it was just now."""
        names = frozenset(each.dispatch.name for each in _winners(results))
        if names != self._held:
            self._held, self._seen = None, None
            self._specs.compiled(results, self._binary)
            self._held = names
        return self._binary

    def _drop(self, result: DispatchResult, reason: str) -> DispatchResult:
        """The result without its winner, also for a run that ends here."""
        dropped = _dropped(result, reason)
        self._bench.finished[result.dispatch.name] = dropped
        return dropped


@dataclass(frozen=True, slots=True)
class _Bisection:
    """Finds the entries that pay: if something speaks against all, each half is tried alone, down to single ones.

    `reason_against` says what speaks against entries, given the seconds that what follows takes; `drop` takes one out.
    `trial_s` is what asking takes, `left_s` the time that there is: what cannot be tried is dropped too.
    """

    reason_against: Callable[[Sequence[DispatchResult], float], str | None]
    drop: Callable[[DispatchResult, str], DispatchResult]
    listen: Listener
    trial_s: float = 0.0
    left_s: Callable[[], float] = lambda: math.inf

    def paying(self, results: Sequence[DispatchResult], after_s: float = 0.0) -> list[DispatchResult]:
        """The results, without the winners that do not pay. `after_s`: the seconds that what follows takes."""
        results = list(results)
        winners = sorted(_winners(results), key=lambda each: -_saving_s(each))
        if not winners or (reason := self.reason_against(results, after_s)) is None:
            return results
        if len(winners) == 1:
            self.listen(Note(f"{winners[0].dispatch.name}: its entry is dropped, {reason}"))
            return [self.drop(each, reason) if each is winners[0] else each for each in results]
        self.listen(Note(f"Half of the {len(winners)} entries are tried alone, then the others: {reason}"))
        half = (len(winners) + 1) // 2
        for group in (winners[:half], winners[half:]):
            names = {each.dispatch.name for each in group}
            if self.left_s() < 2 * self.trial_s + after_s:
                results = self._untried(results, names)
                continue
            alone = [each if each.dispatch.name in names else _dropped(each, "not in this half") for each in results]
            kept = {each.dispatch.name: each for each in self.paying(alone, self.trial_s + after_s)}
            results = [kept[each.dispatch.name] if each.dispatch.name in names else each for each in results]
        if not _winners(results) or (reason := self.reason_against(results, after_s)) is None:
            return results
        self.listen(Note(f"every entry is dropped: {reason}"))
        return [self.drop(each, reason) if each.winner is not None else each for each in results]

    def _untried(self, results: Sequence[DispatchResult], names: set[str]) -> list[DispatchResult]:
        """The results without these entries, for want of time."""
        self.listen(Note(f"{', '.join(sorted(names))}: dropped, {_UNTRIED}"))
        return [self.drop(each, _UNTRIED) if each.dispatch.name in names else each for each in results]


def _saving_s(result: DispatchResult) -> float:
    """Seconds that a winner takes off one run of the model, as measured alone."""
    if result.final is None:
        return 0.0
    paired = result.final.paired
    return result.dispatch.runs * (statistics.median(paired.baseline_s) - statistics.median(paired.candidate_s))


class _Specs:
    """The two specs of a run on the disk, and what the model holds when it is compiled with them."""

    def __init__(
        self,
        model: Model,
        chosen_flags: Sequence[str],
        target: Target,
        lines: Sequence[str],
        circumstances: Circumstances,
        folder: RunFolder,
        early: Path | None = None,
    ) -> None:
        """`early`: where the spec that plain iree-compile reads goes (the run's own by default)."""
        self._model = model
        self._folder = folder
        self._chosen_flags = chosen_flags
        self._target = target
        self._header = lines
        self._circumstances = circumstances
        self._early = early or folder.spec
        self._late = late_path(self._early)
        self._configured = folder.path / "configured-with-spec.mlir"
        self._applied = folder.path / "configured-with-specs.mlirbc"

    def write(self, results: Sequence[DispatchResult], compared: ModelResult | None = None) -> tuple[str, str]:
        """The texts of both specs, written down; "" for a late one without entries."""
        certificate = compared.certificate(self._circumstances) if compared is not None else None
        is_unproved = self._early == self._folder.unproved
        flags = self._chosen_flags if compared is not None or is_unproved else ()
        early = problem_spec(_entries(results, self._circumstances, late=False), self._header, certificate, flags)
        entries = _entries(results, self._circumstances, late=True)
        late = late_spec(entries, self._header, certificate, flags) if entries else ""
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
        try:
            self._configure()
        except ToolError as error:
            return dict.fromkeys(expected, str(error))
        return _differing(self._configured, expected)

    def unapplied_late(self, results: Sequence[DispatchResult]) -> dict[str, str]:
        """As `unapplied_early` for the late entries, on top of the early ones."""
        self.write(results)
        expected = _expected(results, late=True)
        try:
            # The compiler may have failed there before.
            if not self._configured.exists():
                self._configure()
            self._apply_late()
        except ToolError as error:
            return dict.fromkeys(expected, str(error))
        return _differing(self._applied, expected)

    def _configure(self) -> None:
        """Compiles the model with the early entries as they are written now. Raises ToolError; then no file is left."""
        try:
            _compiled("its spec", lambda: configure(self._model, self._configured, self._early))
        except ToolError:
            self._configured.unlink(missing_ok=True)
            raise

    def _apply_late(self) -> None:
        """Applies the late entries to what `_configure` made. Raises ToolError."""
        try:
            with self._model.watch.of(Part.COMPILING):
                apply_late(self._configured, self._late, self._target, self._applied)
        except RejectedError as error:
            raise ToolError(f"IREE refuses the late spec in the whole model: {error}") from error

    def compiled(self, results: Sequence[DispatchResult], binary: Path) -> Path:
        """The model compiled with the winners' specs, in the way that is handed to the user. Raises ToolError."""
        self.write(results)
        self._configure()
        if self._late.exists():
            self._apply_late()
            _compiled("its specs", lambda: compile_configured(self._model, self._applied, binary))
        else:
            _compiled("its spec", lambda: self._model.compile(binary, spec_flag(self._early), NO_HANG))
        return binary


def _compiled(what: str, compiler: Callable[[], ToolResult]) -> None:
    """Has the model compiled with something, once more if the compiler dies or hangs. Raises ToolError."""
    for _ in range(_ATTEMPTS):
        try:
            result = compiler()
        except ToolError as error:
            reason = str(error)
            continue
        if result.exit_code == 0:
            return
        reason = result.first_error
        if result.exit_code > 0:
            break
    raise ToolError(f"the model does not compile with {what}: {reason}")


def _is_late(result: DispatchResult, target: Target) -> bool:
    problem = result.dispatch.problem
    return not (target.reads_specs and problem is not None and has_matcher(problem))


def _has_time(_: int) -> bool:
    return True


def _holding_early(
    specs: _Specs,
    results: Sequence[DispatchResult],
    listen: Listener,
    has_time_for_each: Callable[[int], bool] = _has_time,
) -> list[DispatchResult]:
    """The results, with those entries made late that plain iree-compile does not apply as they were measured.

    If all seem to be such, it may be for one of them: each is looked at alone, if there is time for so many.
    """
    results = list(results)
    while failed := specs.unapplied_early(results) if _winners(results) else {}:
        early = [result for result in _winners(results) if not result.late]
        if len(early) > 1 and len(failed) == len(_expected(results, late=False)) and has_time_for_each(len(early)):
            failed = {name: why for each in early for name, why in specs.unapplied_early([each]).items()} or failed
        for name, reason in failed.items():
            listen(Note(f"{name}: plain iree-compile cannot apply its entry, {reason}"))
        problems = {result.dispatch.problem for result in results if result.dispatch.name in failed}
        results = [replace(each, late=each.late or each.dispatch.problem in problems) for each in results]
    return results


def _holding_late(
    specs: _Specs,
    results: Sequence[DispatchResult],
    listen: Listener,
    has_time_for_each: Callable[[int], bool] = _has_time,
) -> list[DispatchResult]:
    """As `_holding_early` for late entries: those that do not hold in the whole model are dropped."""
    results = list(results)
    while late := [result for result in _winners(results) if result.late]:
        failed = specs.unapplied_late(results)
        if not failed:
            break
        if len(late) > 1 and len(failed) == len(_expected(results, late=True)) and has_time_for_each(len(late)):
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
