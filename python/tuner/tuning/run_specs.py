# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The two specs of a run on the disk, and the entries that the model holds when it is compiled with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tuner import kinds
from tuner.compile.apply import RejectedError
from tuner.compile.specified import SpecifiedModel
from tuner.dispatch import Configured
from tuner.dispatches.extract import read_model_configurations
from tuner.errors import ToolError
from tuner.events import Listener, Note
from tuner.model.model import Model
from tuner.runs.folder import RunFolder
from tuner.specs.certificate import Circumstances
from tuner.specs.deliver import deliver, header
from tuner.specs.preprocessing import text_in
from tuner.specs.stand_in import StandIn
from tuner.specs.write import Entry, has_matcher, late_path, late_spec, problem_spec
from tuner.targets import Target
from tuner.tuning.result import DispatchResult, ModelResult

_NOT_PROVED = "NOT PROVED: the run ended before the whole model was run with these entries."


class RunSpecs:
    """The two specs of a run on the disk, and what the model holds when it is compiled with them."""

    def __init__(
        self,
        model: Model,
        chosen_flags: Sequence[str],
        target: Target,
        circumstances: Circumstances,
        folder: RunFolder,
        stand_ins: Sequence[StandIn] = (),
        *,
        unproved: bool = False,
    ) -> None:
        """`stand_ins`: those that the model does not compile without, late entries unless their problems have winners.

        `unproved`: the specs of a run that ends before its proof; they never replace proved ones.
        """
        self._model = model
        self._folder = folder
        self._chosen_flags = chosen_flags
        self._target = target
        self._circumstances = circumstances
        self._stand_ins = stand_ins
        self._is_unproved = unproved
        self._header = [*header(circumstances), *([_NOT_PROVED] if unproved else [])]
        self._early = folder.unproved if unproved else folder.spec

    @property
    def has_stand_ins(self) -> bool:
        """Whether the model does not compile without entries."""
        return bool(self._stand_ins)

    def write_nothing(self) -> tuple[str, str]:
        """Writes specs without entries, for the model without the chosen flags. Returns their texts."""
        early = problem_spec([], self._header)
        deliver(self._early, early, "", "")
        return early, ""

    def write(self, results: Sequence[DispatchResult], compared: ModelResult | None = None) -> tuple[str, str]:
        """Writes both specs. Returns their texts, "" for a late one without entries."""
        certificate = compared.certificate(self._circumstances) if compared is not None else None
        flags = self._chosen_flags if compared is not None or self._is_unproved else ()
        early = problem_spec(_entries(results, self._circumstances, late=False), self._header, certificate, flags)
        won = {result.dispatch.problem for result in winners_of(results)}
        entries = _entries(results, self._circumstances, late=True)
        entries += [stand_in.entry for stand_in in self._stand_ins if stand_in.problem not in won]
        late = late_spec(entries, self._header, certificate, flags) if entries else ""
        deliver(self._early, early, late, text_in(flags))
        return early, late

    @property
    def _specified(self) -> SpecifiedModel:
        """The model with the specs as they are written now."""
        late = late_path(self._early)
        return SpecifiedModel(
            self._model, self._target, self._early, late if late.exists() else None, self._folder.path
        )

    def unapplied_early(self, results: Sequence[DispatchResult]) -> dict[str, str]:
        """The dispatches for which plain iree-compile applies something else than the early entries, and what."""
        self.write(results)
        expected = _expected(results, late=False)
        specified = self._specified
        try:
            specified.configure()
        except (RejectedError, ToolError) as error:
            return dict.fromkeys(expected, f"the model does not compile with its spec: {error}")
        return _differing(specified.configured, expected)

    def unapplied_late(self, results: Sequence[DispatchResult]) -> dict[str, str]:
        """As `unapplied_early` for the late entries, on top of the early ones."""
        self.write(results)
        expected = _expected(results, late=True)
        specified = self._specified
        try:
            # The compiler may have failed there before.
            if not specified.configured.exists():
                specified.configure()
            specified.apply_late()
        except (RejectedError, ToolError) as error:
            return dict.fromkeys(expected, f"the model does not compile with its specs: {error}")
        return _differing(specified.applied, expected)

    def compiled(self, results: Sequence[DispatchResult], binary: Path) -> Path:
        """The model compiled with the winners' specs, as the user compiles it. Raises ToolError."""
        self.write(results)
        try:
            self._specified.compile(binary)
        except RejectedError as error:
            raise ToolError(f"the model does not compile with its specs: {error}") from error
        return binary


def is_late(result: DispatchResult, target: Target) -> bool:
    """Whether plain iree-compile cannot apply the winner by a spec, as far as its problem and its feeding say.

    If an entry for a GPU lists its passes, IREE gives the root op's configuration to the ops around it.
    """
    problem, winner = result.dispatch.problem, result.winner
    asked = None if winner is None else winner.candidate.configuration
    lists_passes = asked is not None and asked.gpu is not None and asked.gpu.feeding is not None
    return lists_passes or not (target.reads_specs and problem is not None and has_matcher(problem))


def _has_time(_: int) -> bool:
    return True


def holding_early(
    specs: RunSpecs,
    results: Sequence[DispatchResult],
    listen: Listener,
    has_time_for_each: Callable[[int], bool] = _has_time,
) -> list[DispatchResult]:
    """The results, with those entries made late that plain iree-compile does not apply as they were measured.

    If none seems to apply, one of them may be the cause: each is read back alone, if there is time for so many.
    """
    results = list(results)
    while failed := specs.unapplied_early(results) if winners_of(results) else {}:
        early = [result for result in winners_of(results) if not result.late]
        if len(early) > 1 and len(failed) == len(_expected(results, late=False)) and has_time_for_each(len(early)):
            failed = {name: why for result in early for name, why in specs.unapplied_early([result]).items()} or failed
        tuned = {result.dispatch.problem for result in early}
        for result in results:
            name = result.dispatch.name
            if name in failed:
                what = "cannot apply its entry" if result.dispatch.problem in tuned else "gives it another one's entry"
                listen(Note(f"{name}: plain iree-compile {what}, {failed[name]}"))
        matchers = {_matcher(result) for result in results if result.dispatch.name in failed}
        results = [replace(result, late=result.late or _matcher(result) in matchers) for result in results]
    return results


def holding_late(
    specs: RunSpecs,
    results: Sequence[DispatchResult],
    listen: Listener,
    has_time_for_each: Callable[[int], bool] = _has_time,
) -> list[DispatchResult]:
    """As `holding_early` for late entries: those that do not hold in the whole model are dropped."""
    results = list(results)
    while late := [result for result in winners_of(results) if result.late]:
        failed = specs.unapplied_late(results)
        if not failed:
            break
        if len(late) > 1 and len(failed) == len(_expected(results, late=True)) and has_time_for_each(len(late)):
            failed = {name: why for result in late for name, why in specs.unapplied_late([result]).items()} or failed
        for name, reason in failed.items():
            listen(Note(f"{name}: its entry is dropped, {reason}"))
        problems = {result.dispatch.name: result.dispatch.problem for result in results}
        reasons = {problems[name]: why for name, why in failed.items()}
        results = [dropped(result, reasons.get(result.dispatch.problem)) for result in results]
    return results


def early_alone(results: Sequence[DispatchResult]) -> list[DispatchResult]:
    """The results without the winners that plain iree-compile does not apply."""
    reason = "plain iree-compile does not apply its entry"
    return [dropped(result, reason if result.late else None) for result in results]


def winners_of(results: Sequence[DispatchResult]) -> list[DispatchResult]:
    """The results that have a winner."""
    return [result for result in results if result.winner is not None]


def _entries(results: Sequence[DispatchResult], circumstances: Circumstances, *, late: bool) -> list[Entry]:
    entries = []
    for result in results:
        winner, problem = result.winner, result.dispatch.problem
        if winner is None or problem is None or winner.compilation.annotations is None or result.late != late:
            continue
        certificate = result.certificate(circumstances)
        baseline = "the default" if certificate is None else certificate.baseline_words
        measured = f"{result.final.ratio} over {baseline}" if result.final else result.verdict
        comment = f"{result.dispatch.name}: {problem.label}, {measured}"
        entries.append(Entry(problem, winner.compilation.annotations, comment, certificate))
    return entries


def _expected(results: Sequence[DispatchResult], *, late: bool) -> dict[str, Configured | None]:
    """The configuration that was measured for each dispatch of a tuned problem.

    In an early spec a matcher may find dispatches of other problems too. Their default must stay.
    """
    winners = [result for result in winners_of(results) if result.late == late]
    wanted = {
        result.dispatch.problem: result.winner.compilation.configured for result in winners if result.winner is not None
    }
    expected = {
        result.dispatch.name: wanted[result.dispatch.problem] for result in results if result.dispatch.problem in wanted
    }
    if late:
        return expected
    matchers = {_matcher(result) for result in winners}
    others = {result.dispatch.name: result.dispatch.default for result in results if _matcher(result) in matchers}
    return {**others, **expected}


def _matcher(result: DispatchResult) -> str:
    """What finds ops of the dispatch's loops and operands, whatever else the dispatch computes; "" if nothing does."""
    problem = result.dispatch.problem
    return "" if problem is None else kinds.matcher(replace(problem, computation="", followers=()))


def dropped(result: DispatchResult, reason: str | None) -> DispatchResult:
    """The result without its winner, for this reason. Without a reason or a winner it is unchanged."""
    if reason is None or result.winner is None:
        return result
    if result.final is None:
        return replace(result, verdict=f"the default stays: {reason}", guess=None)
    return replace(
        result,
        verdict=f"the default stays: {reason}",
        final=replace(result.final, accepted=False),
    )


def _differing(configured: Path, expected: Mapping[str, Configured | None]) -> dict[str, str]:
    """The dispatches of a configured module that hold something else than was measured, and what they hold."""
    found = read_model_configurations(configured)
    return {
        name: f"the compiled model holds {found.get(name)} instead of {wanted}"
        for name, wanted in expected.items()
        if found.get(name) != wanted
    }
