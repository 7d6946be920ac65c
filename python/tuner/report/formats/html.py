# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A run as one self-contained HTML page: without network access, scripts and fonts."""

from __future__ import annotations

import shlex
import statistics
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import jinja2

from tuner.report.analysis import Analysis, Failures, analyse
from tuner.report.formats import File
from tuner.report.knobs import Knobs
from tuner.report.plots import Plot, convergence, heat_map, importance_bars, intervals
from tuner.report.recorded_run import RecordedDispatch, RecordedRun
from tuner.specs.certificate import Certificate
from tuner.terminal.units import duration

_NAME_OF_MODEL = "whole model"


@dataclass(frozen=True, slots=True)
class HtmlFormat:
    """One page in one file."""

    help: str = "File for the HTML page."

    def files(self, run: RecordedRun, path: Path) -> tuple[File, ...]:
        return (File(path, lambda: html_report(run)),)


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


@dataclass(frozen=True, slots=True)
class _Section:
    """What the page shows of a dispatch."""

    anchor: str
    dispatch: RecordedDispatch
    summary: str
    plots: tuple[Plot, ...]
    remarks: tuple[str, ...]
    configuration: Knobs
    failures: tuple[Failures, ...]


def html_report(run: RecordedRun) -> str:
    """The page's HTML."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["duration"] = duration
    certificates = run.certificates
    sections = [_section(index, dispatch) for index, dispatch in enumerate(run.dispatches)]
    return environment.get_template("page.html.jinja").render(
        run=run,
        title=_title(run),
        headline=_headline(run),
        overview=intervals("overview", certificates) if certificates else None,
        rows=_rows(run, sections),
        sections=sections,
        circumstances=certificates[0].circumstances if certificates else None,
        command=shlex.join(run.command),
        compile_command=shlex.join(run.compile_command),
        tuner_version=version("iree-tuner"),
    )


def _title(run: RecordedRun) -> str:
    models = [word for word in run.compile_command if word.endswith((".mlir", ".mlirbc", ".onnx"))]
    return f"Tuning of {Path(models[0]).name}" if models else f"Tuning run {run.folder.name}"


def _headline(run: RecordedRun) -> str:
    if not run.has_ended:
        return "This run has not ended: there are candidates, but no verdicts."
    if run.model is None:
        return "The default stays: no configuration was shown to be faster."
    before, after = _medians(run.model)
    return f"The model takes {after} instead of {before}: {run.model.ratio} as fast, results verified."


def _rows(run: RecordedRun, sections: list[_Section]) -> list[_Row]:
    rows = []
    for section in sections:
        dispatch, certificate = section.dispatch, section.dispatch.certificate
        before, after = _medians(certificate) if certificate else ("-", "-")
        ratio = str(certificate.ratio) if certificate else "-"
        tried = str(len(dispatch.tried)) if dispatch.candidates else "-"
        rows.append(_Row(dispatch.name, section.anchor, before, after, ratio, dispatch.verdict or "not ended", tried))
    if run.model is not None:
        before, after = _medians(run.model)
        rows.append(_Row(_NAME_OF_MODEL, "", before, after, str(run.model.ratio), "verified", ""))
    return rows


def _medians(certificate: Certificate) -> tuple[str, str]:
    baseline_s, candidate_s = certificate.baseline_s, certificate.candidate_s
    return duration(statistics.median(baseline_s)), duration(statistics.median(candidate_s))


def _section(index: int, dispatch: RecordedDispatch) -> _Section:
    anchor = f"dispatch-{index}"
    analysis = analyse(dispatch)
    winner = dispatch.winner
    plots = []
    if dispatch.candidates:
        plots.append(convergence(f"{anchor}-curve", dispatch.candidates, winner.number if winner else None))
    if analysis.importance is not None and any(share for _, share in analysis.importance.shares):
        plots.append(importance_bars(f"{anchor}-knobs", analysis.importance))
    for number, pair in enumerate(analysis.pairs):
        plots.append(heat_map(f"{anchor}-pair-{number}", pair.names, pair.values, pair.speedups))
    return _Section(
        anchor=anchor,
        dispatch=dispatch,
        summary=_summary(dispatch),
        plots=tuple(plots),
        remarks=(*_remarks(dispatch, analysis), *dispatch.incidents),
        configuration=analysis.knobs[winner.number] if winner else {},
        failures=analysis.failures,
    )


def _summary(dispatch: RecordedDispatch) -> str:
    certificate = dispatch.certificate
    if certificate is None:
        return dispatch.verdict or "no verdict yet"
    verified = certificate.verified
    before, after = _medians(certificate)
    moment = "plain iree-compile applies it" if certificate.moment == "early" else "iree-tune compile applies it"
    return (
        f"{dispatch.verdict}: the default takes {before}, the best candidate {after}, {certificate.ratio} in"
        f" {len(certificate.baseline_s)} rounds; outputs compared on {len(verified.seeds)} seeds, largest error"
        f" {verified.max_error:.2g}; {moment if certificate.accepted else 'not in the spec'}."
    )


def _remarks(dispatch: RecordedDispatch, analysis: Analysis) -> list[str]:
    if not dispatch.candidates:
        return []
    found = analysis.importance
    if found is None:
        return ["Too few candidates were measured, or they are too similar, to show which knobs matter."]
    if found.explained <= 0:
        return ["The knobs do not predict the times of unseen candidates here: their importance may be chance."]
    return [
        f"Importance: what a random forest loses when a knob is shuffled. It explains {found.explained:.0%} of the"
        " variance of the logarithms of unseen candidates' times."
    ]
