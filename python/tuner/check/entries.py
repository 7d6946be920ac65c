# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Judges an entry of a spec on its dispatch: compiled alone as the entry says, compared with the default, timed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from iree.compiler import ir

from tuner.check.verdicts import EntryVerdict, Verdict
from tuner.compile.apply import annotations_of
from tuner.compile.pool import CompileJob, CompilePool
from tuner.dispatch import Configuration, Configured, Dispatch, plain_name
from tuner.errors import ToolError
from tuner.evaluate.bench import DispatchBench
from tuner.events import Event, FinalistFailed, Listener
from tuner.measuring import Runner
from tuner.options import Options
from tuner.outcome import Candidate, Compilation, Evaluation, Fate
from tuner.specs.certificate import Certificate, Circumstances
from tuner.specs.read import CertifiedEntry, ReadSpec
from tuner.speedup import Ratio, is_faster
from tuner.targets import Target
from tuner.toolchain.contexts import new_context
from tuner.tuning.result import DispatchResult

# The gain that a run asks for, and the loss that is tolerated: programs that should take the same time differ by up to
# 2 % with their place in memory (docs/models.md).
_MIN_GAIN, _MAX_LOSS = Options().min_gain, 0.02
_FAILURES = {
    Fate.COMPILE_FAILED: Verdict.REFUSED,
    Fate.COMPILE_TIMED_OUT: Verdict.REFUSED,
    Fate.NOT_APPLIED: Verdict.NOT_APPLIED,
    Fate.WRONG_RESULT: Verdict.WRONG,
    Fate.RUN_FAILED: Verdict.NOT_RUNNING,
    Fate.TIMED_OUT: Verdict.NOT_RUNNING,
}


@dataclass(frozen=True, slots=True)
class Case:
    """An entry, and the dispatches of the model that have its problem. `stale` says why there are none.

    `number` counts the entries of all specs from 0.
    """

    number: int
    spec: ReadSpec
    entry: CertifiedEntry
    dispatches: tuple[Dispatch, ...]
    stale: str = ""

    def ended(self, verdict: Verdict, detail: str, certificate: Certificate | None = None) -> EntryVerdict:
        """The verdict on the entry."""
        names = tuple(dispatch.name for dispatch in self.dispatches)
        return EntryVerdict(self.spec.path, self.spec.moment, self.entry, verdict, detail, names, certificate)

    def differing(self, held: dict[str, Configured], wanted: Configured | None) -> str:
        """What a dispatch of the whole model holds instead of the entry's configuration, or ""."""
        for dispatch in self.dispatches:
            if held.get(dispatch.name) != wanted:
                is_default = held.get(dispatch.name) == dispatch.default
                instead = "the compiler's default" if is_default else str(held.get(dispatch.name))
                return f"{dispatch.name} holds {instead} when the model is compiled with the spec"
        return ""


def cases_of(specs: Sequence[ReadSpec], dispatches: Sequence[Dispatch]) -> list[Case]:
    """The entries of all specs, in order, with their dispatches."""
    cases: list[Case] = []
    for spec in specs:
        served: dict[str, CertifiedEntry] = {}
        for entry in spec.entries:
            case = _case_of(len(cases), spec, entry, dispatches, served)
            cases.append(case)
            # The first matcher that fits counts.
            if spec.moment == "early":
                served |= dict.fromkeys((dispatch.name for dispatch in case.dispatches), entry)
    return cases


def _case_of(
    number: int,
    spec: ReadSpec,
    entry: CertifiedEntry,
    dispatches: Sequence[Dispatch],
    served: Mapping[str, CertifiedEntry],
) -> Case:
    """The case of an entry. `served`: the entries before it, by the names of the dispatches that they reach."""
    with_problem = [dispatch for dispatch in dispatches if dispatch.problem is not None]
    found = tuple(
        dispatch
        for dispatch in with_problem
        if dispatch.problem is not None
        and entry.reaches(dispatch.problem)
        and dispatch.program is not None
        and dispatch.name not in served
    )
    if found:
        return Case(number, spec, entry, found)
    label = entry.problem.label
    first = {
        dispatch.name: served[dispatch.name].label
        for dispatch in with_problem
        if dispatch.name in served and dispatch.problem is not None and entry.reaches(dispatch.problem)
    }
    if first:
        before = " and ".join(dict.fromkeys(first.values()))
        return Case(number, spec, entry, (), f"{before} stands before it and serves {', '.join(first)}")
    alike = [
        dispatch.name for dispatch in with_problem if dispatch.problem is not None and dispatch.problem.label == label
    ]
    stale = "no dispatch of the model has its problem"
    if alike:
        stale += f" ({alike[0]} has these sizes, but does something else beside, or has another default)"
    return Case(number, spec, entry, (), stale)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A case whose entry compiles: by default, and as the entry says."""

    case: Case
    default: Compilation
    candidate: Compilation


def compile_cases(
    cases: Sequence[Case], target: Target, folder: Path, pool: CompilePool
) -> tuple[list[Compiled], dict[int, EntryVerdict]]:
    """Compiles the first dispatch of each case by default and as its entry says.

    Returns the cases that compile, and the verdicts on the others by number.
    """
    jobs = [
        CompileJob(
            program=dispatch.program,
            identity=dispatch.name,
            candidate=candidate,
            target=target,
            # An entry's name may be any text, also the path of a file.
            binary=folder / f"{case.spec.moment}-{plain_name(case.entry.name)}-{kind}.vmfb",
            log=folder / f"{case.spec.moment}-{plain_name(case.entry.name)}-{kind}.log",
            annotations=annotations,
        )
        for case in cases
        for dispatch in case.dispatches[:1]
        if dispatch.program is not None
        for kind, candidate, annotations in (
            ("default", Candidate(0, configuration=case.entry.certificate.baseline), None),
            ("entry", Candidate(1), case.entry.annotations),
        )
    ]
    ends = pool.compile(jobs)
    compiled, failed = [], {}
    for case, default, candidate in zip(cases, ends[::2], ends[1::2], strict=True):
        if candidate.fate in _FAILURES:
            detail = f"{candidate.detail} (log: {candidate.log})"
            failed[case.number] = case.ended(_FAILURES[candidate.fate], detail)
        else:
            compiled.append(Compiled(case, default, candidate))
    return compiled, failed


def measure(
    compiled: Compiled, runner: Runner, target: Target, now: Circumstances, seed: int, listen: Listener
) -> EntryVerdict:
    """Compares a dispatch compiled as its entry says with the default: outputs, then times, interleaved.

    Raises DeviceLostError.
    """
    case = compiled.case
    dispatch = case.dispatches[0]
    if dispatch.problem is None or dispatch.program is None:
        raise ValueError(f"{dispatch.name} cannot be run alone")
    if _same_code(compiled):
        return case.ended(Verdict.UNDECIDED, "it is what the compiler does by default now")
    failed: list[Evaluation] = []

    def note_failed(event: Event) -> None:
        if isinstance(event, FinalistFailed):
            failed.append(event.evaluation)
        listen(event)

    candidate = replace(compiled.candidate, candidate=Candidate(1, configuration=_configuration(case.entry, target)))
    try:
        bench = DispatchBench.start(
            runner, dispatch.program, compiled.default, dispatch=dispatch.name, listen=note_failed
        )
        evaluation = bench.evaluate(candidate)
        final = bench.final([evaluation], np.random.default_rng(seed), _MIN_GAIN)
    except ToolError as error:
        return case.ended(Verdict.UNDECIDED, str(error))
    if final is None:
        evaluation = failed[-1] if failed else evaluation
        return case.ended(_FAILURES.get(evaluation.fate, Verdict.NOT_RUNNING), evaluation.detail)
    verdict = speed_verdict(final.ratio)
    result = DispatchResult(dispatch, verdict.value, (evaluation,), final, late=case.spec.moment == "late")
    certificate = result.certificate(now)
    was = case.entry.certificate.ratio
    accepted = None if certificate is None else replace(certificate, accepted=not verdict.is_failure)
    baseline = case.entry.certificate.baseline
    accepted = accepted and replace(accepted, baseline=baseline)
    return case.ended(verdict, f"{final.ratio} over {case.entry.certificate.baseline_words} (it was {was})", accepted)


def speed_verdict(ratio: Ratio) -> Verdict:
    """HOLDS if it is faster by what a run asks for, SLOW if slower by more than equal programs differ."""
    if is_faster(ratio, _MIN_GAIN):
        return Verdict.HOLDS
    return Verdict.SLOW if ratio.high < 1.0 and ratio.value <= 1.0 - _MAX_LOSS else Verdict.UNDECIDED


def _same_code(compiled: Compiled) -> bool:
    default, candidate = compiled.default.binary, compiled.candidate.binary
    return default is not None and candidate is not None and default.read_bytes() == candidate.read_bytes()


def _configuration(entry: CertifiedEntry, target: Target) -> Configuration:
    """The certificate's configuration if the entry says the same, else the attributes that the entry writes."""
    certified = entry.certificate.configuration
    with new_context() as context:
        try:
            if certified is not None and annotations_of(certified, target, context) == entry.annotations:
                return certified
        except (ValueError, ir.MLIRError):
            pass
    return Configuration(
        pipeline="", levels={}, attributes=entry.annotations.root, function_attributes=entry.annotations.function
    )
