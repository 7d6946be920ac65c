# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Proves specs on the whole model: entries are read back, outputs compared, times measured side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tuner.compile.apply import RejectedError
from tuner.compile.specified import SpecifiedModel
from tuner.errors import MeasurementError, ToolError, WrongOutputError
from tuner.evaluate.budget import Budget
from tuner.events import Listener, Note, PhaseStarted
from tuner.model.model import Model
from tuner.outcome import Evaluation
from tuner.runs.folder import RunFolder
from tuner.specs.certificate import Circumstances
from tuner.specs.stand_in import StandIn
from tuner.specs.write import late_path, problem_spec
from tuner.speedup import Ratio
from tuner.targets import Target
from tuner.tuning.bisection import Bisection
from tuner.tuning.by_model import chosen_by_model, others_of
from tuner.tuning.comparison import compare_models
from tuner.tuning.dispatch_search import DispatchSearch
from tuner.tuning.races import without_races
from tuner.tuning.result import DispatchResult, ModelResult
from tuner.tuning.run_specs import RunSpecs, dropped, early_alone, holding_early, holding_late, is_late, winners_of
from tuner.tuning.whole_model import PlainModel
from tuner.tuning.workbench import Workbench


@dataclass(frozen=True, slots=True)
class Proof:
    """The specs that hold, the results of the dispatches without the entries that do not hold, and the model's result.

    `late_spec` is "" if no entry needs it. `binary` is the model compiled with the specs. `flags_hold`: whether the
    flags that were chosen for the whole compilation may stay. `late_gain`: the speed-up by the late entries over what
    plain iree-compile applies; None without late entries, or if there was no time to measure it. `spec_gain`: the
    speed-up by all entries over the model without them; None without entries, or if it was not measured.
    """

    spec: str
    late_spec: str
    dispatches: tuple[DispatchResult, ...]
    model: ModelResult | None
    binary: Path
    flags_hold: bool = True
    late_gain: Ratio | None = None
    spec_gain: Ratio | None = None


def unproved(plain: PlainModel, results: Sequence[DispatchResult]) -> Proof:
    """The proof of a run that did not compile the whole model with entries: no spec."""
    return Proof(problem_spec([]), "", tuple(results), None, plain.program.binary)


def write_unproved(
    model: Model,
    chosen_flags: Sequence[str],
    target: Target,
    folder: RunFolder,
    results: Sequence[DispatchResult],
    circumstances: Circumstances,
    stand_ins: Sequence[StandIn] = (),
) -> list[Path]:
    """Writes the winners so far into the run's folder, as specs that the whole model was not run with.

    Returns the files; none without winners. They never replace a proved spec.
    """
    if not winners_of(results):
        return []
    specs = RunSpecs(model, chosen_flags, target, circumstances, folder, stand_ins, unproved=True)
    results = [replace(result, late=is_late(result, target)) for result in results]
    _, late = specs.write(results)
    return [folder.unproved, *([late_path(folder.unproved)] if late else [])]


def prove_unrun(
    model: Model,
    target: Target,
    folder: RunFolder,
    results: Sequence[DispatchResult],
    circumstances: Circumstances,
    listen: Listener,
    *,
    plain: bool = False,
) -> Proof:
    """As `prove`, without running the model: the specs of the winners that the compiled model holds.

    `plain`: only of those that plain iree-compile applies.

    Entries with which the model does not compile are dropped. Raises ToolError if it does not compile without entries.
    """
    specs = RunSpecs(model, (), target, circumstances, folder)
    results = [replace(result, late=is_late(result, target)) for result in results]
    listen(PhaseStarted("reading the specs' entries back from the compiled model"))
    results = holding_early(specs, results, listen)
    results = early_alone(results) if plain else holding_late(specs, results, listen)
    binary = folder.path / "model-tuned.vmfb"

    def reason_against(results: Sequence[DispatchResult], _: float) -> str | None:
        try:
            specs.compiled(results, binary)
        except ToolError as error:
            return str(error)
        return None

    results = Bisection(reason_against, dropped, listen).paying(results)
    if not winners_of(results):
        specs.compiled(results, binary)
    return Proof(*specs.write(results), tuple(results), None, binary)


def prove(
    bench: Workbench,
    plain: PlainModel,
    model: Model,
    results: Sequence[DispatchResult],
    circumstances: Circumstances,
    flags_speedup: float | None = None,
    stand_ins: Sequence[StandIn] = (),
    searches: Sequence[DispatchSearch] = (),
) -> Proof:
    """The specs of the winners that hold and pay in the whole model, and the comparison of whole models.

    `model` is the plain one with the flags that were chosen for it. An entry that plain iree-compile does not apply as
    it was measured becomes a late one; one that does not hold there either is dropped. Then the model is compiled with
    all entries. If its outputs differ, or it is slower than without entries, each half of the entries is tried alone,
    the half that saves most first, down to single entries. Entries that do not pay are dropped, and so are those that
    the budget has no time to try. `flags_speedup`: how many times faster the chosen flags made the model. `stand_ins`:
    those that it does not compile without; they stay. `searches`: those behind the results; of their best candidates
    the model's time chooses the winners of the longest dispatches.
    """
    chosen = model.flags[len(plain.model.flags) :]
    specs = RunSpecs(model, chosen, bench.target, circumstances, bench.folder, stand_ins)
    return _Prover(bench, plain, model, specs, flags_speedup, searches).prove(results)


class _Prover:
    def __init__(
        self,
        bench: Workbench,
        plain: PlainModel,
        model: Model,
        specs: RunSpecs,
        flags_speedup: float | None,
        searches: Sequence[DispatchSearch],
    ) -> None:
        self._bench = bench
        self._plain = plain
        self._model = model
        self._specs = specs
        self._searches = searches
        self._listen = bench.listen
        self._rng = np.random.default_rng(bench.options.seed)
        self._without = plain.program
        self._binary = bench.folder.path / "model-tuned.vmfb"
        self._budget = bench.budget.less(plain.costs.command_s(flags_speedup))
        # Seconds that the last comparison, and one of the model with entries, take at least.
        costs = plain.costs
        self._last_s = 0.0 if flags_speedup is None else costs.comparison_s(candidate_s=costs.run_s / flags_speedup)
        self._trial_s = costs.trial_s(flags_speedup)
        # The dispatches and candidates whose entries the binary holds, and the last comparison of it.
        self._held: frozenset[tuple[str, int]] | None = None
        self._seen: ModelResult | None = None

    def prove(self, results: Sequence[DispatchResult]) -> Proof:
        """The proof. Meanwhile `Workbench.finished` holds the winners that are left."""
        target, has_flags = self._bench.target, self._model != self._plain.model
        results = [replace(result, late=is_late(result, target)) for result in results]
        if winners_of(results):
            self._listen(PhaseStarted("reading the specs' entries back from the compiled model"))
        results = holding_early(self._specs, results, self._listen, self._has_time_for_each)
        if self._bench.options.plain:
            results = early_alone(results)
        results = holding_late(self._specs, results, self._listen, self._has_time_for_each)
        self._bench.finished.update({result.dispatch.name: result for result in results})
        if has_flags and (reason := self._reason_against_flags()):
            return self._nothing(results, reason)
        if winners_of(results):
            self._listen(PhaseStarted("whole model with the spec against without"))
            bisection = Bisection(
                self._reason_against, self._drop, self._listen, self._trial_s, lambda: self._budget.left_s
            )
            results = self._chosen_by_model(bisection.paying(results, self._last_s))
        while winners_of(results) or has_flags:
            self._listen(PhaseStarted("whole model, tuned against untuned"))
            binary = self._without.binary
            try:
                if winners_of(results):
                    binary = self._compiled(results)
                compared = self._against_plain(results, binary)
            except (MeasurementError, ToolError) as error:
                reason = self._reason_of(error)
            else:
                reason = "" if compared.ratio.high >= 1.0 else f"the whole model is slower ({compared.ratio})"
            if not reason:
                spec_gain = self._spec_gain(results, compared)
                # This writes specs of its own, so the ones that stay are written last.
                late_gain = self._late_gain(results, binary, spec_gain)
                specs = self._specs.write(results, compared)
                return Proof(*specs, tuple(results), compared, binary, late_gain=late_gain, spec_gain=spec_gain)
            if not (winners_of(results) and has_flags):
                return self._nothing(results, reason)
            # The entries are at fault; the flags alone may hold.
            self._listen(Note(f"Every entry is dropped: {reason}"))
            results = [dropped(result, reason) for result in results]
        return Proof(*self._specs.write(results), tuple(results), None, self._plain.program.binary)

    @property
    def _before_last_trial(self) -> Budget:
        """The time before the comparisons after another choice: with no entries, then with the plain model."""
        return self._budget.less(self._trial_s + self._last_s)

    def _chosen_by_model(self, results: list[DispatchResult]) -> list[DispatchResult]:
        """The results, with those candidates of the longest dispatches with which the model is fastest."""
        others = others_of(self._searches, results) if self._bench.options.effort == "full" else {}

        def has_time() -> bool:
            return self._before_last_trial.left_s >= self._trial_s and not self._bench.stop()

        if not any(others.values()) or not has_time():
            return results
        self._listen(PhaseStarted("which of the best candidates makes the model fastest"))
        chosen = chosen_by_model(results, others, self._ratio_of, self._confirmed, has_time, self._listen)
        if chosen == results:
            return results
        if (reason := self._reason_against(chosen, self._last_s)) is not None:
            self._listen(Note(f"The candidates that were the best alone stay: {reason}"))
            return results
        self._bench.finished.update({result.dispatch.name: result for result in chosen})
        return chosen

    def _ratio_of(self, results: Sequence[DispatchResult], others: Sequence[DispatchResult]) -> Ratio | None:
        """The speed-up of the model with the entries of `others` over those of `results`; None if they do not hold."""
        binary = self._binary.with_name("model-other.vmfb")
        try:
            baseline = replace(self._without, binary=self._compiled(results))
            if self._specs.unapplied_early(others):
                return None
            if any(result.late for result in winners_of(others)) and self._specs.unapplied_late(others):
                return None
            self._specs.compiled(others, binary)
            budget = self._before_last_trial
            return compare_models(self._plain, baseline, binary, self._bench.runner, self._rng, budget).ratio
        except (MeasurementError, ToolError) as error:
            self._listen(Note(f"Another candidate does not hold in the model: {self._reason_of(error)}"))
            return None

    def _confirmed(self, name: str, candidate: Evaluation) -> DispatchResult | None:
        """The result of a dispatch with another winner, which is compared with the default as the first one was."""
        search = next(search for search in self._searches if search.name == name)
        budget = self._before_last_trial
        if budget.left_s < search.least_final_s:
            return None
        found = search.against_default(candidate, budget)
        search.rest()
        return without_races(self._bench, {name: search}, {name: found}, budget).get(name, found)

    def _has_time_for_each(self, entries: int) -> bool:
        """Whether there is time to read this number of entries back one by one."""
        needed_s = entries * self._plain.costs.configuring_s + self._trial_s + self._last_s
        return self._budget.left_s >= needed_s

    def _against_plain(self, results: Sequence[DispatchResult], binary: Path) -> ModelResult:
        """The last comparison. With a budget, an earlier one of these entries with the plain model is used again."""
        if self._budget.is_limited and self._seen and winners_of(results) and self._without == self._plain.program:
            return self._seen
        return compare_models(self._plain, self._plain.program, binary, self._bench.runner, self._rng, self._budget)

    def _late_gain(self, results: Sequence[DispatchResult], binary: Path, spec_gain: Ratio | None) -> Ratio | None:
        """The speed-up of the model by its late entries, over flags and early entries alone.

        `spec_gain`: that by all entries, which is the same if none is early.
        """
        if not any(result.late for result in winners_of(results)):
            return None
        if self._specs.has_stand_ins:
            # Without late entries it does not compile.
            return None
        early = early_alone(results)
        if not winners_of(early) and spec_gain is not None:
            return spec_gain
        if self._budget.left_s < self._trial_s:
            return None
        self._listen(PhaseStarted("whole model with late entries against without"))
        try:
            without = self._without
            if winners_of(early):
                without = replace(without, binary=binary.with_name("model-early.vmfb"))
                self._specs.compiled(early, without.binary)
            return compare_models(self._plain, without, binary, self._bench.runner, self._rng, self._budget).ratio
        except (MeasurementError, ToolError) as error:
            self._listen(Note(f"What the late entries add is not known: {self._reason_of(error)}"))
            return None

    def _spec_gain(self, results: Sequence[DispatchResult], compared: ModelResult) -> Ratio | None:
        """The speed-up by the entries. `compared`: the last comparison with the plain model."""
        if not winners_of(results):
            return None
        if self._without == self._plain.program:
            return compared.ratio
        return self._seen.ratio if self._seen is not None else None

    def _reason_against_flags(self) -> str:
        """Why the model does not compile with the chosen flags alone, or "". Entries must then beat these flags."""
        folder = self._bench.folder.path
        binary = folder / "model-flags.vmfb"
        try:
            if self._specs.has_stand_ins:
                self._specs.compiled((), binary)
            else:
                SpecifiedModel(self._model, self._bench.target, None, None, folder).compile(binary)
        except (RejectedError, ToolError) as error:
            return f"the model does not compile with its flags: {error}"
        self._without = replace(self._plain.program, binary=binary)
        return ""

    def _nothing(self, results: Sequence[DispatchResult], reason: str) -> Proof:
        self._listen(Note(f"All is dropped, the flags too: {reason}"))
        results = [dropped(result, reason) for result in results]
        specs = self._specs.write_nothing()
        return Proof(*specs, tuple(results), None, self._plain.program.binary, flags_hold=False)

    def _reason_of(self, error: MeasurementError | ToolError) -> str:
        """The message of a failure. Raises DeviceLostError if the device is the cause: the plain model fails too."""
        if isinstance(error, MeasurementError) and not isinstance(error, WrongOutputError):
            self._bench.runner.check_device()
        return str(error)

    def _reason_against(self, results: Sequence[DispatchResult], after_s: float) -> str | None:
        """Why the model is worse with these entries than without any; None if it is not.

        `after_s`: seconds that the following steps take.
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
        """The model compiled with these entries; the last binary if that has the same entries."""
        held = frozenset(
            (result.dispatch.name, result.winner.candidate.number) for result in results if result.winner is not None
        )
        if held != self._held:
            self._held, self._seen = None, None
            self._specs.compiled(results, self._binary)
            self._held = held
        return self._binary

    def _drop(self, result: DispatchResult, reason: str) -> DispatchResult:
        """The result without its winner, also in `Workbench.finished`."""
        without = self._bench.finished[result.dispatch.name] = dropped(result, reason)
        return without
