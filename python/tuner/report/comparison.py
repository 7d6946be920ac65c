# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Two runs compared: their models, their dispatches matched by problem, and what was different about the runs."""

from __future__ import annotations

import shlex
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from tuner.report.knobs import Knobs, knobs_of
from tuner.report.recorded_run import RecordedDispatch, RecordedRun
from tuner.specs.certificate import Certificate
from tuner.speedup import Ratio

_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run found for a dispatch or for the model.

    `default_s` and `best_s`: medians of one run's seconds, None if nothing was compared with the default. `best_s` is
    the default's own if it stays. `knobs` are the winner's, empty if there is none.
    """

    name: str
    verdict: str
    default_s: float | None
    best_s: float | None
    ratio: Ratio | None
    is_gain: bool
    knobs: Knobs


@dataclass(frozen=True, slots=True)
class Matched:
    """A problem, and what each run found for it; None if the run's model has no such dispatch."""

    label: str
    first: Outcome | None
    second: Outcome | None

    @property
    def faster(self) -> float | None:
        """The best time of the first run divided by that of the second: above 1 the second is faster."""
        if self.first is None or self.second is None or not self.first.best_s or not self.second.best_s:
            return None
        return self.first.best_s / self.second.best_s

    @property
    def changed(self) -> list[str]:
        """What differs between the winners' knobs, as in "distribution[m] 32 → 64"."""
        if self.first is None or self.second is None or self.first.knobs == self.second.knobs:
            return []
        if not self.first.knobs or not self.second.knobs:
            return ["the default → a configuration" if self.second.knobs else "a configuration → the default"]
        names = dict.fromkeys((*self.first.knobs, *self.second.knobs))
        pairs = [(name, self.first.knobs.get(name, "none"), self.second.knobs.get(name, "none")) for name in names]
        return [f"{name} {then} → {now}" for name, then, now in pairs if then != now]


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that both runs have, and that is not the same."""

    what: str
    first: str
    second: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs. `model` is None unless both compared a whole model. `dispatches` are in the order of the first run."""

    first: RecordedRun
    second: RecordedRun
    model: Matched | None
    dispatches: tuple[Matched, ...]
    differences: tuple[Difference, ...]

    @property
    def is_one_machine(self) -> bool:
        """Whether times may be compared, beside the speed-ups over each run's own default."""
        here, there = self.first.circumstances, self.second.circumstances
        return here is not None and there is not None and here.shared == there.shared


def compare_runs(first: RecordedRun, second: RecordedRun) -> Comparison:
    """Compares two runs, also of different models: problems that both have are matched."""
    ours, theirs = _by_problem(first.dispatches), _by_problem(second.dispatches)
    matched = [
        Matched(label, _outcome(ours.get(label)), _outcome(theirs.get(label)))
        for label in dict.fromkeys((*ours, *theirs))
    ]
    model = None
    if first.model is not None and second.model is not None:
        model = Matched("whole model", *(_of_certificate("model", "", run) for run in (first.model, second.model)))
    return Comparison(first, second, model, tuple(matched), tuple(_differences(first, second)))


def _by_problem(dispatches: Sequence[RecordedDispatch]) -> dict[str, RecordedDispatch]:
    """The dispatch that stands for each problem: the one that was searched, if one was."""
    found: dict[str, RecordedDispatch] = {}
    for dispatch in sorted(dispatches, key=lambda dispatch: (dispatch.certificate is None, not dispatch.candidates)):
        found.setdefault(dispatch.problem or dispatch.name, dispatch)
    order = dict.fromkeys(dispatch.problem or dispatch.name for dispatch in dispatches)
    return {label: found[label] for label in order}


def _outcome(dispatch: RecordedDispatch | None) -> Outcome | None:
    if dispatch is None:
        return None
    if dispatch.certificate is not None:
        return _of_certificate(dispatch.name, dispatch.verdict, dispatch.certificate)
    default = next((tried.time_s for tried in dispatch.candidates if tried.configuration is None), None)
    return Outcome(dispatch.name, dispatch.verdict or "not ended", default, default, None, False, {})


def _of_certificate(name: str, verdict: str, certificate: Certificate) -> Outcome:
    default_s, best_s = statistics.median(certificate.baseline_s), statistics.median(certificate.candidate_s)
    knobs: Knobs = {}
    if certificate.accepted and certificate.configuration is not None and certificate.problem is not None:
        knobs = knobs_of(certificate.configuration.to_json(), [loop.role for loop in certificate.problem.loops])
    kept_s = best_s if certificate.accepted else default_s
    return Outcome(name, verdict, default_s, kept_s, certificate.ratio, certificate.accepted, knobs)


def _differences(first: RecordedRun, second: RecordedRun) -> list[Difference]:
    pairs = zip(_facts(first).items(), _facts(second).values(), strict=True)
    return [Difference(what, ours or "none", theirs or "none") for (what, ours), theirs in pairs if ours != theirs]


def _facts(run: RecordedRun) -> dict[str, str]:
    """What is worth comparing of a run. Every run has the same names."""
    there = run.circumstances
    features = there.features if there else ()
    return {
        "model": run.model_file,
        "content of the model (SHA-256)": run.model_digest[:_DIGITS],
        "target": there.target if there else "",
        "processor": there.processor if there else "",
        "features of the processor": f"{len(features)}: {' '.join(features)}" if features else "",
        "device": run.device,
        "threads": str(there.threads) if there else "",
        "allocator": there.allocator if there else "",
        "iree-compile": there.compiler_version if there else "",
        "runtime": there.runtime_version if there else "",
        "iree-tuner": there.tuner_version if there else "",
        "flags": shlex.join(there.flags) if there else "",
        "chosen flags": shlex.join(run.flags),
        "choices for single ops": "; ".join(run.ops),
        "candidates": str(sum(len(dispatch.tried) for dispatch in run.dispatches)),
        "command": shlex.join(run.command),
    }
