# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A run as one self-contained HTML page: without network access, scripts and fonts."""

from __future__ import annotations

import shlex
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tuner.rates.breakdown import total_s
from tuner.report.analysis import Analysis, Failures, analyse
from tuner.report.changes import Change, changes_of
from tuner.report.formats import File
from tuner.report.formats.comparison import html_comparison
from tuner.report.gain_bars import gain_bars
from tuner.report.knobs import Knobs
from tuner.report.plot import Plot
from tuner.report.plots import convergence, heat_map, importance_bars, intervals
from tuner.report.recorded_run import RecordedDispatch, RecordedRun
from tuner.report.roofline import ROOFLINE, Rate, giga, peaks_in_words, rates_of, roofline
from tuner.report.templates import page_template
from tuner.report.time_split import time_split
from tuner.specs.certificate import Certificate
from tuner.terminal.units import duration

_NAME_OF_MODEL = "whole model"
# Digits of a digest that people compare.
_DIGITS = 16


@dataclass(frozen=True, slots=True)
class HtmlFormat:
    """One page in one file."""

    help: str = "File for the HTML page."

    def files(self, run: RecordedRun, path: Path) -> tuple[File, ...]:
        return (File(path, lambda: html_report(run)),)

    def compare(self, first: RecordedRun, second: RecordedRun, path: Path) -> tuple[File, ...]:
        return (File(path, lambda: html_comparison(first, second)),)


HTML = HtmlFormat()


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the table of all comparisons with the default."""

    name: str
    anchor: str
    default: str
    best: str
    ratio: str
    verdict: str
    tried: str
    is_gain: bool = False


@dataclass(frozen=True, slots=True)
class _Section:
    """What the page shows of a dispatch."""

    anchor: str
    dispatch: RecordedDispatch
    summary: str
    changes: tuple[Change, ...]
    binaries: tuple[tuple[str, str, str], ...]
    plots: tuple[Plot, ...]
    remarks: tuple[str, ...]
    configuration: Knobs
    failures: tuple[Failures, ...]


def html_report(run: RecordedRun) -> str:
    """The page's HTML."""
    searched = [dispatch for dispatch in run.dispatches if dispatch.candidates]
    sections = [_section(index, dispatch) for index, dispatch in enumerate(searched)]
    overview = _overview(run)
    rates = [] if run.breakdown is None else rates_of(run.breakdown.tuned or run.breakdown.untuned, run.peaks)
    return page_template("page.html.jinja").render(
        run=run,
        title=_title(run),
        headline=_headline(run),
        facts=facts_of(run),
        overview=overview,
        has_roofline=any(plot.title == ROOFLINE for plot in overview),
        remarks=_overview_remarks(run),
        rows=_rows(run, sections),
        unsearched=[_unsearched(dispatch) for dispatch in run.dispatches if not dispatch.candidates],
        rates=[_rate(rate) for rate in rates],
        is_on_cpu=run.circumstances is not None and run.circumstances.target == "cpu",
        peaks="" if run.peaks is None else peaks_in_words(run.peaks),
        sections=sections,
        circumstances=run.circumstances,
        command=shlex.join(run.command),
        compile_command=shlex.join(run.compile_command),
        tuner_version=version("iree-tuner"),
    )


def facts_of(run: RecordedRun) -> list[tuple[str, str]]:
    """What a reader must know to compare the page with another: the model, the spec, the machine, the versions."""
    facts = []
    if run.model_file or run.model_digest:
        digest = f"SHA-256 {run.model_digest[:_DIGITS]}…" if run.model_digest else ""
        facts.append(("Model", ", ".join(filter(None, (run.model_file, digest)))))
    if run.spec_files:
        facts.append(("Spec", ", ".join(run.spec_files)))
    if run.device:
        facts.append(("Measured on", run.device))
    if run.circumstances is not None:
        there = run.circumstances
        facts.append(("Machine", there.processor))
        versions = f"{there.compiler_version}, runtime {there.runtime_version}, iree-tuner {there.tuner_version}"
        facts.append(("Versions", f"iree-compile {versions}"))
    return facts


def _title(run: RecordedRun) -> str:
    return f"Tuning of {run.model_file}" if run.model_file else f"Tuning run {run.folder.name}"


def _headline(run: RecordedRun) -> str:
    if not run.has_ended:
        return "This run has not ended: there are candidates, but no verdicts."
    if run.model is None:
        return "The default stays: no configuration was shown to be faster."
    before, after = _medians(run.model)
    return f"The model takes {after} instead of {before}: {run.model.ratio} as fast, results verified."


def _overview(run: RecordedRun) -> list[Plot]:
    """The plots of the whole run. The model's time is first, since that is what a user waits for."""
    plots = []
    if run.breakdown is not None and any(dispatch.seconds for dispatch in run.breakdown.untuned):
        model = run.model
        whole = None if model is None else (statistics.median(model.baseline_s), statistics.median(model.candidate_s))
        plots.append(time_split("split", run.breakdown, whole))
    if run.gains is not None:
        plots.append(gain_bars("gains", run.gains))
    if run.certificates:
        plots.append(intervals("overview", run.certificates))
    placed = run.breakdown and run.peaks and roofline("roofline", run.breakdown, run.peaks)
    return [*plots, placed] if placed else plots


def _overview_remarks(run: RecordedRun) -> list[str]:
    if run.breakdown is None or run.model is None:
        return []
    model_s = statistics.median(run.model.baseline_s)
    alone_s = total_s(run.breakdown.untuned)
    remarks = []
    if alone_s > model_s:
        remarks.append(
            f"Alone the dispatches of the untuned model take {duration(alone_s)} together, more than in the model"
            f" ({duration(model_s)}): there they run beside one another, or find their operands in a cache."
        )
    for name, dispatches in (("untuned", run.breakdown.untuned), ("tuned", run.breakdown.tuned)):
        unknown = sum(1 for dispatch in dispatches if dispatch.runs and dispatch.seconds is None)
        if unknown:
            remarks.append(
                f"{unknown} dispatch{'' if unknown == 1 else 'es'} of the {name} model could not be timed alone:"
                f" the rest of that model holds {'it' if unknown == 1 else 'them'}."
            )
    return remarks


def _rows(run: RecordedRun, sections: list[_Section]) -> list[_Row]:
    rows = []
    for section in sections:
        dispatch, certificate = section.dispatch, section.dispatch.certificate
        before, after = _medians(certificate) if certificate else ("-", "-")
        ratio = str(certificate.ratio) if certificate else "-"
        accepted = certificate is not None and certificate.accepted
        verdict = dispatch.verdict or "not ended"
        rows.append(
            _Row(dispatch.name, section.anchor, before, after, ratio, verdict, str(len(dispatch.tried)), accepted)
        )
    if run.model is not None:
        before, after = _medians(run.model)
        rows.append(_Row(_NAME_OF_MODEL, "", before, after, str(run.model.ratio), "verified", "", is_gain=True))
    return rows


def _unsearched(dispatch: RecordedDispatch) -> tuple[str, ...]:
    return dispatch.name, dispatch.problem or "-", dispatch.verdict or "not ended"


def _rate(rate: Rate) -> tuple[str, ...]:
    name = rate.dispatch.problem or rate.dispatch.name
    return name, duration(rate.seconds), giga(rate.operations_per_s), giga(rate.bytes_per_s), rate.limit


def _medians(certificate: Certificate) -> tuple[str, str]:
    baseline_s, candidate_s = certificate.baseline_s, certificate.candidate_s
    return duration(statistics.median(baseline_s)), duration(statistics.median(candidate_s))


def _section(index: int, dispatch: RecordedDispatch) -> _Section:
    anchor = f"dispatch-{index}"
    analysis = analyse(dispatch)
    winner = dispatch.winner
    plots = [convergence(f"{anchor}-curve", dispatch.candidates, winner.number if winner else None)]
    if analysis.importance is not None and any(share for _, share in analysis.importance.shares):
        plots.append(importance_bars(f"{anchor}-knobs", analysis.importance))
    for number, pair in enumerate(analysis.pairs):
        plots.append(heat_map(f"{anchor}-pair-{number}", pair.names, pair.values, pair.speedups))
    return _Section(
        anchor=anchor,
        dispatch=dispatch,
        summary=_summary(dispatch),
        changes=tuple(changes_of(dispatch.default, dispatch.certificate)),
        binaries=tuple(_binaries(dispatch)),
        plots=tuple(plots),
        remarks=_remarks(analysis),
        configuration=analysis.knobs[winner.number] if winner else {},
        failures=analysis.failures,
    )


def _binaries(dispatch: RecordedDispatch) -> Iterator[tuple[str, str, str]]:
    """What the binaries of the default and of the winner say of themselves: each fact, "-" if one does not say it."""
    of_default, of_winner = (
        {} if facts is None else dict(facts.lines()) for facts in (dispatch.default_facts, dispatch.winner_facts)
    )
    for name in dict.fromkeys([*of_default, *of_winner]):
        yield name, of_default.get(name, "-"), of_winner.get(name, "-")


def _summary(dispatch: RecordedDispatch) -> str:
    certificate = dispatch.certificate
    if certificate is None:
        return dispatch.verdict or "No verdict yet: its speed-ups are raw, from a few samples each."
    verified = certificate.verified
    before, after = _medians(certificate)
    moment = "plain iree-compile applies it" if certificate.moment == "early" else "iree-tune compile applies it"
    return (
        f"{dispatch.verdict}: the default takes {before}, the best candidate {after}, {certificate.ratio} in"
        f" {len(certificate.baseline_s)} rounds; outputs compared {verified}, largest error"
        f" {verified.max_error:.2g}; {moment if certificate.accepted else 'not in the spec'}."
    )


def _remarks(analysis: Analysis) -> tuple[str, ...]:
    found = analysis.importance
    if found is None:
        return ("Too few candidates were measured, or they are too similar, to show which knobs matter.",)
    if found.explained <= 0:
        return ("The knobs do not predict the times of unseen candidates here: their importance may be chance.",)
    return (
        f"Importance: what a random forest loses when a knob is shuffled. It explains {found.explained:.0%} of the"
        " variance of the logarithms of unseen candidates' times.",
    )
