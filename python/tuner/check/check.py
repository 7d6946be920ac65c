# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks specs on a model as it is compiled today: what still applies, computes the same, and is faster."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tuner.check.entries import Case, Compiled, cases_of, compile_cases, measure
from tuner.check.options import CheckOptions
from tuner.check.recorded import flags_of, recorded_in, run_options
from tuner.check.verdicts import CheckReport, EntryVerdict, ModelVerdict, Verdict
from tuner.check.whole_model import WholeModel
from tuner.compile.apply import RejectedError
from tuner.compile.pool import CompilePool
from tuner.dispatch import Configured
from tuner.dispatches.extract import Extracted, extract
from tuner.dispatches.opening import OpenedModel, open_model
from tuner.errors import DeviceLostError, InputError, ToolError
from tuner.events import Listener, Note, PhaseStarted
from tuner.files import write_atomically
from tuner.measuring import Runner
from tuner.model.model import Model
from tuner.runs.folder import RunFolder
from tuner.specs.certificate import Moment
from tuner.specs.circumstances import circumstances_of
from tuner.specs.deliver import THE_MODEL, check_remaking, deliver, header
from tuner.specs.passes import of_another_release
from tuner.specs.preprocessing import text_in
from tuner.specs.read import (
    ReadSpec,
    UnreadableSpecError,
    check_one_of_each,
    missed_preprocessing,
    read_spec,
)
from tuner.specs.write import Entry, late_spec, problem_spec
from tuner.targets import Target
from tuner.tuning.whole_model import prepare_model

# A mark of every spec, whether or not the compiler reads its attributes.
_SPEC_MARK = "transform.named_sequence"


@dataclass(frozen=True, slots=True)
class _Asked:
    """A model that is opened, the specs, and the flags that were chosen beside the model's."""

    opened: OpenedModel
    specs: tuple[ReadSpec, ...]
    unreadable: tuple[tuple[Path, str], ...]
    chosen: tuple[str, ...]


@dataclass(slots=True)
class _Judged:
    """The verdicts so far; those on entries by the entry's number. `lost`: why the device gives no more, or ""."""

    entries: dict[int, EntryVerdict] = field(default_factory=dict)
    flags: ModelVerdict | None = None
    model: ModelVerdict | None = None
    refreshed: Path | None = None
    lost: str = ""

    def add(self, verdicts: Mapping[int, EntryVerdict]) -> None:
        self.entries.update(verdicts)


def check_specs(path: Path, paths: Sequence[Path], options: CheckOptions, listen: Listener) -> CheckReport:
    """Judges each entry of the specs, at most one early and one late, their flags, and the whole model with all that.

    The report is written to the check's folder as `check.json`. If the device is lost it has the verdicts so far.
    Raises InputError for unusable input.
    """
    specs, unreadable = _read(paths)
    opened = open_model(path, run_options(specs, options))
    given, chosen = flags_of(specs, opened.options.target, opened.target, options.flags)
    opened = replace(opened, model=opened.model.with_flags(*given))
    if missed := missed_preprocessing((spec.path for spec in specs), (*given, *chosen)):
        listen(Note(missed))
    if options.output is not None and not unreadable:
        check_remaking(options.output, specs, kept={path: THE_MODEL}, run_dir=options.run_dir)
    with RunFolder.create(options.run_dir, path) as folder:
        return _check(_Asked(opened, specs, unreadable, chosen), folder, listen)


def _check(asked: _Asked, folder: RunFolder, listen: Listener) -> CheckReport:
    opened, specs, chosen = asked.opened, asked.specs, asked.chosen
    target, options = opened.target, opened.options
    listen(Note(f"This check's folder: {folder.path}"))
    model = opened.imported(folder.path, listen)
    extracted, flags_refused = _extracted(model, chosen, target, folder)
    now = circumstances_of(options, target, extracted, (*model.flags, *chosen), options.first_allocator)
    cases = cases_of(specs, extracted.dispatches)
    judged = _Judged()
    with Runner(target.device, log=folder.path / "measuring.log") as runner:
        plain = prepare_model(model, extracted, options.function, folder, runner, allocator=now.allocator)
        for note in plain.notes:
            listen(Note(note))
        whole = WholeModel(plain, plain.model.with_flags(*chosen), target, folder.path, runner, now, options.seed)
        try:
            if flags_refused:
                judged.flags = judged.model = ModelVerdict(Verdict.REFUSED, flags_refused)
                reason = "the model does not compile with the flags that were chosen with it"
                judged.add({case.number: replace(case, dispatches=()).ended(Verdict.REFUSED, reason) for case in cases})
            else:
                _judge(judged, cases, asked, whole, listen)
            if options.output is not None:
                listen(PhaseStarted("refreshing the spec"))
                judged.refreshed = _refresh(options.output, judged, chosen, whole, listen)
        except DeviceLostError as error:
            judged.lost = str(error)
    differing = [note for then in recorded_in(specs) for note in then.differences(now)]
    listed = [(entry.label, entry.annotations, entry.certificate) for spec in specs for entry in spec.entries]
    report = CheckReport(
        entries=tuple(judged.entries[number] for number in sorted(judged.entries)),
        unreadable=asked.unreadable,
        foreign=tuple((spec.path, name) for spec in specs for name in spec.foreign),
        flags=chosen,
        flags_verdict=judged.flags,
        model=judged.model,
        notes=tuple(dict.fromkeys((*differing, *of_another_release(listed, now.compiler_version)))),
        run_dir=folder.path,
        refreshed=judged.refreshed,
        lost=judged.lost,
        unjudged=tuple((case.spec.path, case.entry.label) for case in cases if case.number not in judged.entries),
    )
    write_atomically(folder.path / "check.json", json.dumps(report.to_json(), indent=1) + "\n")
    return report


def _judge(judged: _Judged, cases: Sequence[Case], asked: _Asked, whole: WholeModel, listen: Listener) -> None:
    """Judges all entries, then the flags, then the whole model. Raises DeviceLostError."""
    judged.add({case.number: case.ended(Verdict.STALE, case.stale) for case in cases if case.stale})
    listen(PhaseStarted("compiling the model's dispatches as the entries say"))
    options = asked.opened.options
    with CompilePool(options.compile_workers, options.compile_timeout_s) as pool:
        open_cases = [case for case in cases if not case.stale]
        compiled, failed = compile_cases(open_cases, whole.target, whole.folder / "candidates", pool)
    judged.add(failed)
    listen(PhaseStarted("reading the entries back from the model compiled with the specs"))
    applied, unapplied, refused = _applied(compiled, asked.specs, whole)
    judged.add(unapplied)
    for entry in applied:
        place = f"entry {entry.case.number + 1} of {len(cases)}, {entry.case.entry.label}"
        listen(PhaseStarted(f"{place}: against the default, interleaved"))
        verdict = measure(entry, whole.runner, whole.target, whole.now, options.seed, listen)
        judged.add({entry.case.number: verdict})
    if asked.chosen and any(spec.is_needed for spec in asked.specs):
        listen(Note("The chosen flags are judged with the specs: without their entries the model does not compile"))
    elif asked.chosen:
        listen(PhaseStarted("the whole model with the chosen flags against without, interleaved"))
        judged.flags = whole.compare(())
    if not asked.unreadable:
        listen(PhaseStarted("the whole model with the specs against without, interleaved"))
        judged.model = ModelVerdict(Verdict.REFUSED, refused) if refused else whole.compare(asked.specs)


def _read(paths: Sequence[Path]) -> tuple[tuple[ReadSpec, ...], tuple[tuple[Path, str], ...]]:
    """The specs, and those that this compiler does not parse, each with the reason."""
    specs: list[ReadSpec] = []
    unreadable = []
    for path in paths:
        try:
            specs.append(read_spec(path))
        except UnreadableSpecError as error:
            if _SPEC_MARK not in path.read_text():
                raise
            unreadable.append((path, error.reason))
    check_one_of_each((spec.path, spec.moment) for spec in specs)
    return tuple(specs), tuple(unreadable)


def _extracted(plain: Model, chosen: Sequence[str], target: Target, folder: RunFolder) -> tuple[Extracted, str]:
    """The dispatches of the model compiled with the chosen flags, or without them and why they are refused."""
    try:
        return extract(plain.with_flags(*chosen), target, folder.path), ""
    except InputError as error:
        if not chosen:
            raise
        without = folder.path / "without-chosen-flags"
        without.mkdir()
        return extract(plain, target, without), str(error)


def _applied(
    compiled: Sequence[Compiled], specs: Sequence[ReadSpec], whole: WholeModel
) -> tuple[list[Compiled], dict[int, EntryVerdict], str]:
    """The entries that the model holds when it is compiled with the specs.

    Also the verdicts on the others, and why the model does not compile with the specs, or "".
    """
    refused = ""
    held: Mapping[Moment, dict[str, Configured]] | None = None
    try:
        held = whole.held(specs)
    except (RejectedError, ToolError) as error:
        # Each entry is then tried alone, which shows the one that is refused.
        refused = f"the model does not compile with the specs: {error}"
    applied: list[Compiled] = []
    verdicts: dict[int, EntryVerdict] = {}
    for found in compiled:
        case, moment = found.case, found.case.spec.moment
        try:
            holds = held[moment] if held is not None else whole.held_alone(case.entry.rewritten(), moment)
        except (RejectedError, ToolError) as error:
            verdicts[case.number] = case.ended(Verdict.REFUSED, f"in the whole model, {error}")
            continue
        if differing := case.differing(holds, found.candidate.configured):
            verdicts[case.number] = case.ended(Verdict.NOT_APPLIED, differing)
        else:
            applied.append(found)
    return applied, verdicts, refused


def _refresh(output: Path, judged: _Judged, flags: Sequence[str], whole: WholeModel, listen: Listener) -> Path | None:
    """Writes the entries that may be kept, with their new certificates, if the model with them holds too."""
    kept = [judged.entries[number] for number in sorted(judged.entries) if judged.entries[number].is_kept]
    verdict = judged.model
    if verdict is None or not (kept or flags):
        reason = "no entry holds" if verdict is not None else "it would lack what could not be read"
        listen(Note(f"{output} is not written: {reason}"))
        return None

    def of(moment: Moment) -> list[Entry]:
        return [ended.entry.rewritten(ended.certificate) for ended in kept if ended.moment == moment]

    if len(kept) != len(judged.entries):
        verdict = whole.compare_with(of("early"), of("late"))
    if verdict.verdict.is_failure:
        listen(Note(f"{output} is not written: {verdict.detail}"))
        return None
    lines, certificate, late = header(whole.now), verdict.certificate, of("late")
    early_text = problem_spec(of("early"), lines, certificate, flags)
    late_text = late_spec(late, lines, certificate, flags) if late else ""
    deliver(output, early_text, late_text, text_in(flags))
    return output
