# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks specs on a model as it is compiled today: what still applies, computes the same, and is faster."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from tuner.check.entries import Case, Compiled, case_of, compile_cases, measure, speed_verdict
from tuner.check.verdicts import CheckReport, EntryVerdict, ModelVerdict, Verdict
from tuner.compile.apply import RejectedError
from tuner.compile.late import NO_HANG, apply_late, compile_configured, configure
from tuner.compile.pool import CompilePool
from tuner.dispatch import Configured
from tuner.dispatches.extract import Extracted, extract, read_model_configurations
from tuner.errors import InputError, MeasurementError, ToolError, WrongOutputError
from tuner.events import Listener, Note, PhaseStarted
from tuner.files import write_atomically
from tuner.foreign import shown
from tuner.measuring import Runner
from tuner.model.model import Model, spec_flag
from tuner.model.onnx import Shapes
from tuner.options import Options
from tuner.runs.folder import RunFolder
from tuner.specs.certificate import Circumstances, Moment, circumstances
from tuner.specs.deliver import THE_MODEL, check_remaking, deliver, header
from tuner.specs.read import ReadSpec, UnreadableSpecError, read_spec
from tuner.specs.write import Entry, late_spec, problem_spec
from tuner.targets import Target
from tuner.targets.choosing import choose_target
from tuner.tuning.flag_search import known_flags
from tuner.tuning.whole_model import PlainModel, compare_models, prepare_model

# What a spec of any make holds, whatever a compiler thinks of its attributes.
_SPEC_MARK = "transform.named_sequence"
_DEFAULTS = Options()
# A target and a chip, as users write them.
_TARGET = re.compile(r"[\w-]+(:[\w+-]+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """What a user can set for a check.

    `target`, `threads` and `flags` (further flags of iree-compile) are those that the specs were made with where they
    are None. Flags that were chosen with the specs are used beside `flags`, unless those set the same. `function`: the
    model's entry, where it has several. `output`: where a refreshed spec goes. `run_dir`: where logs and binaries go (a
    new folder under `.iree-tuner` by default). `seed`: of the order of samples. `shapes`: sizes that an ONNX model
    leaves open.
    """

    target: str | None = None
    threads: int | None = None
    flags: tuple[str, ...] | None = None
    function: str = ""
    output: Path | None = None
    run_dir: Path | None = None
    seed: int = 0
    shapes: Shapes = field(default_factory=Shapes)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A model that is opened, the specs, the target and the flags that were chosen beside the model's."""

    opened: Model
    specs: Sequence[ReadSpec]
    unreadable: tuple[tuple[Path, str], ...]
    target_name: str
    target: Target
    threads: int
    chosen: tuple[str, ...]


def check_specs(path: Path, paths: Sequence[Path], options: CheckOptions, listen: Listener) -> CheckReport:
    """Judges each entry of the specs, at most one early and one late, their flags, and the whole model with all that.

    The report is written to the check's folder as `check.json`. Raises InputError for unusable input.
    """
    specs, unreadable = _read(paths)
    target_name, threads = _target(_recorded(specs), options)
    target = choose_target(target_name, threads)
    given, chosen = _flags(specs, target_name, target, options)
    opened = Model.open(path, given)
    for spec in specs:
        if spec.moment == "early" and (spec.entries or spec.foreign) and not target.reads_specs:
            raise InputError(f"{spec.path} has no effect: iree-compile ignores tuning specs for {target.name}")
    if options.output is not None and not unreadable:
        check_remaking(options.output, specs, kept={path: THE_MODEL}, run_dir=options.run_dir)
    asked = _Asked(opened, specs, unreadable, target_name, target, threads, chosen)
    with RunFolder.create(options.run_dir, path) as folder:
        return _check(asked, options, folder, listen)


def _check(asked: _Asked, options: CheckOptions, folder: RunFolder, listen: Listener) -> CheckReport:
    specs, unreadable, target, chosen = asked.specs, asked.unreadable, asked.target, asked.chosen
    recorded = _recorded(specs)
    listen(Note(f"This check's folder: {folder.path}"))
    if target.note:
        listen(Note(target.note))

    listen(PhaseStarted(f"reading {asked.opened.source}"))
    plain_model = asked.opened.imported(options.shapes, folder.path)
    extracted, flags_refused = _extracted(plain_model, chosen, target, folder)
    description, features = extracted.device_description, extracted.features
    flags = (*plain_model.flags, *chosen)
    now = circumstances(asked.target_name, description, features, target.device.uri, asked.threads, flags)
    notes = list(dict.fromkeys(each for then in recorded for each in then.differences(now)))
    flags_verdict = verdict = refreshed = None
    with Runner(target.device, log=folder.path / "measuring.log") as runner:
        plain = prepare_model(plain_model, extracted, options.function, folder, runner)
        for note in plain.notes:
            listen(Note(note))
        whole = _WholeModel(plain, plain.model.with_flags(*chosen), target, folder, runner, now, options.seed)
        cases = [case_of(spec, entry, extracted.dispatches) for spec in specs for entry in spec.entries]
        if flags_refused:
            flags_verdict = verdict = ModelVerdict(Verdict.REFUSED, flags_refused)
            refused = "the model does not compile with the flags that were chosen with it"
            entries = [Case(spec, each, ()).ended(Verdict.REFUSED, refused) for spec in specs for each in spec.entries]
        else:
            listen(PhaseStarted("compiling the model's dispatches as the entries say"))
            compiled = _compiled(cases, target, folder)
            listen(PhaseStarted("reading the entries back from the model compiled with the specs"))
            compiled, refused = _applied(compiled, specs, whole)
            entries = _measured(compiled, runner, target, now, options.seed, listen)
            if chosen:
                listen(PhaseStarted("the whole model with the chosen flags against without, interleaved"))
                flags_verdict = whole.compare_flags()
            if not unreadable:
                listen(PhaseStarted("the whole model with the specs against without, interleaved"))
                verdict = ModelVerdict(Verdict.REFUSED, refused) if refused else whole.compare(specs)
        if options.output is not None:
            listen(PhaseStarted("refreshing the spec"))
            refreshed = _refresh(options.output, entries, chosen, verdict, whole, now, listen)

    report = CheckReport(
        entries=tuple(entries),
        unreadable=unreadable,
        foreign=tuple((spec.path, name) for spec in specs for name in spec.foreign),
        flags=chosen,
        flags_verdict=flags_verdict,
        model=verdict,
        notes=tuple(notes),
        run_dir=folder.path,
        refreshed=refreshed,
    )
    write_atomically(folder.path / "check.json", json.dumps(report.to_json(), indent=1) + "\n")
    return report


def _read(paths: Sequence[Path]) -> tuple[list[ReadSpec], tuple[tuple[Path, str], ...]]:
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
    for moment in ("early", "late"):
        same = [spec.path for spec in specs if spec.moment == moment]
        if len(same) > 1:
            raise InputError(f"{same[0]} and {same[1]} are both {moment} specs; merge them first (iree-tune merge)")
    return specs, tuple(unreadable)


def _recorded(specs: Sequence[ReadSpec]) -> list[Circumstances]:
    """Where the specs were made, each place once; those of whole models first."""
    whole = [spec.certificate for spec in specs if spec.certificate is not None]
    single = [entry.certificate for spec in specs for entry in spec.entries]
    found: list[Circumstances] = []
    for certificate in (*whole, *single):
        if certificate.circumstances not in found:
            found.append(certificate.circumstances)
    return found


def _target(recorded: Sequence[Circumstances], options: CheckOptions) -> tuple[str, int]:
    """The target and the threads: as asked, else as the specs were made for."""
    names = sorted({each.target for each in recorded}) or [_DEFAULTS.target]
    odd = next((name for name in names if not _TARGET.fullmatch(name)), None)
    if options.target is None and odd is not None:
        raise InputError(f"the entries were made for '{shown(odd)}', which is no target; name one by --target")
    if options.target is None and len(names) > 1:
        raise InputError(f"the entries were made for several targets ({', '.join(names)}); name one by --target")
    target = options.target or names[0]
    threads = sorted({each.threads for each in recorded if each.target == target}) or [_DEFAULTS.threads]
    if options.threads is None and len(threads) > 1:
        counts = ", ".join(map(str, threads))
        raise InputError(f"the entries were made for several numbers of threads ({counts}); give one by --threads")
    return target, threads[0] if options.threads is None else options.threads


def _flags(
    specs: Sequence[ReadSpec], target_name: str, target: Target, options: CheckOptions
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The flags that the user gave, now or when the specs were made, and those that were chosen beside them.

    A flag of iree-compile can name a program that it runs, so on a certificate's word alone only those are used that
    may be chosen for the target. Raises InputError for another one, unless flags are given now.
    """
    made = next((each for spec in specs for each in _recorded([spec]) if each.target == target_name), None)
    recorded = () if made is None else _beside_target(made.flags, target)
    chosen = () if made is None else tuple(flag for spec in specs for flag in spec.flags)
    known = known_flags(target.name)
    allowed = {flag for flag in (*recorded, *chosen) if known is not None and known.has(flag)}
    if options.flags is None:
        for spec in specs[:1]:
            _check_known(spec, [flag for flag in (*recorded, *chosen) if flag not in allowed], target)
        given = tuple(flag for flag in recorded if flag not in chosen)
    else:
        given = options.flags
    settled = {_flag_name(flag) for flag in given}
    chosen = tuple(flag for flag in dict.fromkeys(chosen) if flag in allowed and _flag_name(flag) not in settled)
    return (*target.compile_flags, *given), chosen


def _beside_target(flags: Sequence[str], target: Target) -> tuple[str, ...]:
    """The recorded flags without those that select the target, which come first and may name another chip."""
    own = [_flag_name(flag) for flag in target.compile_flags]
    return tuple(flags[len(own) :] if [_flag_name(flag) for flag in flags[: len(own)]] == own else flags)


def _check_known(spec: ReadSpec, unknown: Sequence[str], target: Target) -> None:
    if unknown:
        flags = " ".join(dict.fromkeys(unknown))
        raise InputError(
            f"{spec.path} was made with {flags}, which is no choice of flags for {target.name} and is not used on a"
            f" file's word; if you trust it, give it after --, as in iree-tune check MODEL SPEC -- {flags}"
        )


def _flag_name(flag: str) -> str:
    return flag.lstrip("-").partition("=")[0]


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


def _compiled(cases: Sequence[Case | EntryVerdict], target: Target, folder: RunFolder) -> list[Compiled | EntryVerdict]:
    with CompilePool(_DEFAULTS.compile_workers, _DEFAULTS.compile_timeout_s) as pool:
        open_cases = [case for case in cases if isinstance(case, Case)]
        ends = iter(compile_cases(open_cases, target, folder.path / "candidates", pool))
        return [next(ends) if isinstance(case, Case) else case for case in cases]


def _applied(
    compiled: Sequence[Compiled | EntryVerdict], specs: Sequence[ReadSpec], whole: _WholeModel
) -> tuple[list[Compiled | EntryVerdict], str]:
    """Drops the entries that the model compiled with the specs does not hold; and why it does not compile, or ""."""
    refused = ""
    held: Mapping[Moment, dict[str, Configured]] | None = None
    try:
        held = whole.held(_path(specs, "early"), _path(specs, "late"))
    except (RejectedError, ToolError) as error:
        # Which entry it is shows when each is given alone.
        refused = f"the model does not compile with the specs: {error}"
    ends: list[Compiled | EntryVerdict] = []
    for each in compiled:
        if isinstance(each, Compiled):
            moment, entry = each.case.spec.moment, each.case.entry
            try:
                found = (held or whole.held_alone(entry.rewritten(), moment))[moment]
                differing = each.case.differing(found, each.candidate.configured)
                if differing:
                    ends.append(each.case.ended(Verdict.NOT_APPLIED, differing))
                    continue
            except (RejectedError, ToolError) as error:
                ends.append(each.case.ended(Verdict.REFUSED, f"in the whole model, {error}"))
                continue
        ends.append(each)
    return ends, refused


def _measured(
    compiled: Sequence[Compiled | EntryVerdict],
    runner: Runner,
    target: Target,
    now: Circumstances,
    seed: int,
    listen: Listener,
) -> list[EntryVerdict]:
    verdicts = []
    for number, each in enumerate(compiled, start=1):
        if isinstance(each, Compiled):
            label = each.case.entry.label
            listen(PhaseStarted(f"entry {number} of {len(compiled)}, {label}: against the default, interleaved"))
            each = measure(each, runner, target, now, seed, listen)
        verdicts.append(each)
    return verdicts


def _refresh(
    output: Path,
    entries: Sequence[EntryVerdict],
    flags: Sequence[str],
    verdict: ModelVerdict | None,
    whole: _WholeModel,
    now: Circumstances,
    listen: Listener,
) -> Path | None:
    """Writes the entries that may be kept, with their new certificates, where the model with them holds too."""
    kept = [each for each in entries if each.is_kept]
    if verdict is None or not (kept or flags):
        reason = "no entry holds" if verdict is not None else "it would lack what could not be read"
        listen(Note(f"{output} is not written: {reason}"))
        return None

    def of(moment: Moment) -> list[Entry]:
        return [each.entry.rewritten(each.certificate) for each in kept if each.moment == moment]

    if len(kept) != len(entries):
        verdict = whole.compare_with(of("early"), of("late"))
    if verdict.verdict.is_failure:
        listen(Note(f"{output} is not written: {verdict.detail}"))
        return None
    lines, certificate = header(now), verdict.certificate
    late = of("late")
    early = problem_spec(of("early"), lines, certificate, flags)
    deliver(output, early, late_spec(late, lines, certificate, flags) if late else "")
    return output


def _path(specs: Sequence[ReadSpec], moment: Moment) -> Path | None:
    return next((spec.path for spec in specs if spec.moment == moment), None)


class _WholeModel:
    """The whole model, compiled with specs and flags as they are used, and compared with the plain one."""

    def __init__(
        self,
        plain: PlainModel,
        model: Model,
        target: Target,
        folder: RunFolder,
        runner: Runner,
        now: Circumstances,
        seed: int,
    ) -> None:
        """`model` is the plain one with the flags that were chosen for it."""
        self._plain = plain
        self._model = model
        self._target = target
        self._folder = folder.path
        self._runner = runner
        self._now = now
        self._seed = seed
        self._configured = self._folder / "configured-with-spec.mlir"
        self._applied = self._folder / "configured-with-specs.mlirbc"

    def held(self, early: Path | None, late: Path | None) -> dict[Moment, dict[str, Configured]]:
        """What each dispatch holds with an early spec alone, and with both. Raises RejectedError."""
        result = configure(self._model, self._configured, early)
        if result.exit_code != 0:
            raise RejectedError(result.first_error)
        found = read_model_configurations(self._configured)
        if late is None:
            return {"early": found, "late": found}
        apply_late(self._configured, late, self._target, self._applied)
        return {"early": found, "late": read_model_configurations(self._applied)}

    def held_alone(self, entry: Entry, moment: Moment) -> dict[Moment, dict[str, Configured]]:
        """As `held`, with one entry. Raises RejectedError."""
        return self.held(*self._written([entry] if moment == "early" else [], [entry] if moment == "late" else []))

    def compare_with(self, early: Sequence[Entry], late: Sequence[Entry]) -> ModelVerdict:
        """The verdict on the model with these entries alone."""
        return self._compare(*self._written(early, late))

    def compare(self, specs: Sequence[ReadSpec]) -> ModelVerdict:
        """The verdict on the model with the specs as they are."""
        return self._compare(_path(specs, "early"), _path(specs, "late"))

    def _written(self, early: Sequence[Entry], late: Sequence[Entry]) -> tuple[Path | None, Path | None]:
        paths = self._folder / "kept.mlir", self._folder / "kept.late.mlir"
        write_atomically(paths[0], problem_spec(early))
        write_atomically(paths[1], late_spec(late))
        return (paths[0] if early else None), (paths[1] if late else None)

    def compare_flags(self) -> ModelVerdict:
        """The verdict on the model with the chosen flags and no spec."""
        return self._compare(None, None)

    def _compare(self, early: Path | None, late: Path | None) -> ModelVerdict:
        binary = self._folder / "model-with-specs.vmfb"
        try:
            if late is not None:
                self.held(early, late)
            self._compile(early, late, binary)
            if binary.read_bytes() == self._plain.program.binary.read_bytes():
                return ModelVerdict(Verdict.UNDECIDED, "it is the plain model")
            rng = np.random.default_rng(self._seed)
            compared = compare_models(self._plain, self._plain.program, binary, self._runner, rng)
        except (RejectedError, ToolError) as error:
            return ModelVerdict(Verdict.REFUSED, f"the model does not compile: {error}")
        except WrongOutputError as error:
            return ModelVerdict(Verdict.WRONG, str(error))
        except MeasurementError as error:
            self._runner.check_device()
            return ModelVerdict(Verdict.NOT_RUNNING, str(error))
        detail = f"{compared.ratio} over the plain model, its outputs within tolerance"
        verdict, certificate = speed_verdict(compared.ratio), compared.certificate(self._now)
        accepted = None if certificate is None else replace(certificate, accepted=not verdict.is_failure)
        return ModelVerdict(verdict, detail, accepted)

    def _compile(self, early: Path | None, late: Path | None, binary: Path) -> None:
        if late is not None:
            result = compile_configured(self._model, self._applied, binary)
        else:
            flags = () if early is None else (spec_flag(early), NO_HANG)
            result = self._model.compile(binary, *flags)
        if result.exit_code != 0:
            raise ToolError(result.first_error)
