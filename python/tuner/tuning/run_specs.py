# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The two specs of a run on the disk, and which of their entries the model holds when it is compiled with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tuner.compile.apply import RejectedError
from tuner.compile.late import NO_HANG, apply_late, compile_configured, configure
from tuner.dispatch import Configured
from tuner.dispatches.extract import read_model_configurations
from tuner.errors import ToolError
from tuner.events import Listener, Note
from tuner.files import write_atomically
from tuner.model.model import Model, spec_flag
from tuner.runs.folder import RunFolder
from tuner.specs.certificate import Circumstances
from tuner.specs.write import Entry, has_matcher, late_path, late_spec, problem_spec
from tuner.stopwatch import Part
from tuner.targets import Target
from tuner.toolchain.tools import ToolResult
from tuner.tuning.result import DispatchResult, ModelResult

# A compiler that dies or hangs once may have met something else than what it compiles.
_ATTEMPTS = 2


class RunSpecs:
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
            compile_twice("its spec", lambda: configure(self._model, self._configured, self._early))
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
            compile_twice("its specs", lambda: compile_configured(self._model, self._applied, binary))
        else:
            compile_twice("its spec", lambda: self._model.compile(binary, spec_flag(self._early), NO_HANG))
        return binary


def compile_twice(what: str, compiler: Callable[[], ToolResult]) -> None:
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


def is_late(result: DispatchResult, target: Target) -> bool:
    """Whether plain iree-compile cannot reach the dispatch by a spec, as far as its problem says."""
    problem = result.dispatch.problem
    return not (target.reads_specs and problem is not None and has_matcher(problem))


def _has_time(_: int) -> bool:
    return True


def holding_early(
    specs: RunSpecs,
    results: Sequence[DispatchResult],
    listen: Listener,
    has_time_for_each: Callable[[int], bool] = _has_time,
) -> list[DispatchResult]:
    """The results, with those entries made late that plain iree-compile does not apply as they were measured.

    If all seem to be such, it may be for one of them: each is looked at alone, if there is time for so many.
    """
    results = list(results)
    while failed := specs.unapplied_early(results) if winners_of(results) else {}:
        early = [result for result in winners_of(results) if not result.late]
        if len(early) > 1 and len(failed) == len(_expected(results, late=False)) and has_time_for_each(len(early)):
            failed = {name: why for each in early for name, why in specs.unapplied_early([each]).items()} or failed
        for name, reason in failed.items():
            listen(Note(f"{name}: plain iree-compile cannot apply its entry, {reason}"))
        problems = {result.dispatch.problem for result in results if result.dispatch.name in failed}
        results = [replace(each, late=each.late or each.dispatch.problem in problems) for each in results]
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
            failed = {name: why for each in late for name, why in specs.unapplied_late([each]).items()} or failed
        for name, reason in failed.items():
            listen(Note(f"{name}: its entry is dropped, {reason}"))
        problems = {each.dispatch.name: each.dispatch.problem for each in results}
        reasons = {problems[name]: why for name, why in failed.items()}
        results = [dropped(each, reasons.get(each.dispatch.problem)) for each in results]
    return results


def winners_of(results: Sequence[DispatchResult]) -> list[DispatchResult]:
    """The results that have a winner."""
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


def dropped(result: DispatchResult, reason: str | None) -> DispatchResult:
    """The result without its winner, for this reason; as it is if there is none of either."""
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
