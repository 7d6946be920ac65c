# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A run as JSON for programs: everything that the page shows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner.facts import BinaryFacts
from tuner.jsonable import to_plain
from tuner.rates.breakdown import Breakdown
from tuner.rates.peaks import Peaks
from tuner.report.analysis import Analysis, analyse
from tuner.report.changes import changes_of
from tuner.report.formats import File
from tuner.report.formats.comparison import json_comparison
from tuner.report.recorded_run import RecordedDispatch, RecordedRun
from tuner.report.roofline import rates_of

SCHEMA = "iree-tuner-report/1"


@dataclass(frozen=True, slots=True)
class JsonFormat:
    """One JSON object in one file."""

    help: str = "File for everything that the page shows, as JSON."

    def files(self, run: RecordedRun, path: Path) -> tuple[File, ...]:
        return (File(path, lambda: json.dumps(json_report(run), indent=1) + "\n"),)

    def compare(self, first: RecordedRun, second: RecordedRun, path: Path) -> tuple[File, ...]:
        return (File(path, lambda: json.dumps(json_comparison(first, second), indent=1) + "\n"),)


JSON = JsonFormat()


def json_report(run: RecordedRun) -> dict[str, Any]:
    """Everything that the page shows, as plain JSON."""
    return {
        "schema": SCHEMA,
        "has_ended": run.has_ended,
        "device": run.device,
        "command": list(run.command),
        "compile_command": list(run.compile_command),
        "model": None if run.model is None else run.model.to_json(),
        "flags": list(run.flags),
        "allocator": to_plain(run.allocator),
        "model_digest": run.model_digest,
        "gains": None if run.gains is None else to_plain(run.gains),
        "peaks": None if run.peaks is None else to_plain(run.peaks),
        "breakdown": None if run.breakdown is None else _breakdown(run.breakdown, run.peaks),
        "late_gain": None if run.late_gain is None else to_plain(run.late_gain),
        "command_shown": run.command_shown,
        "flags_tried": [
            {"number": tried.number, "values": dict(tried.values), "time_s": tried.time_s, "detail": tried.detail}
            for tried in run.flags_tried
        ],
        "ops": list(run.ops),
        "ops_tried": [to_plain(tried) for tried in run.ops_tried],
        "dispatches": [_dispatch(dispatch, analyse(dispatch)) for dispatch in run.dispatches],
        "spec": run.spec,
        "late_spec": run.late_spec,
        "preprocessing": run.preprocessing,
        "wall_time": None if run.wall_time is None else to_plain(run.wall_time),
    }


def _breakdown(breakdown: Breakdown, peaks: Peaks | None) -> dict[str, Any]:
    """The dispatches of both models. `limit_part`: the least time at the machine's peaks, as a part of the measured."""
    models = {"untuned": breakdown.untuned, "tuned": breakdown.tuned}
    parts = {
        model: {rate.dispatch.name: rate.limit_part for rate in rates_of(dispatches, peaks)}
        for model, dispatches in models.items()
    }
    return {
        model: [{**to_plain(dispatch), "limit_part": parts[model].get(dispatch.name)} for dispatch in dispatches]
        for model, dispatches in models.items()
    }


def _facts(facts: BinaryFacts | None) -> Any:
    return None if facts is None else to_plain(facts)


def _dispatch(dispatch: RecordedDispatch, analysis: Analysis) -> dict[str, Any]:
    found, winner = analysis.importance, dispatch.winner
    return {
        "dispatch": dispatch.name,
        "problem": dispatch.problem,
        "verdict": dispatch.verdict,
        "winner": None if winner is None else winner.number,
        "certificate": None if dispatch.certificate is None else dispatch.certificate.to_json(),
        "changes": [to_plain(change) for change in changes_of(dispatch.default, dispatch.certificate)],
        "facts": {"default": _facts(dispatch.default_facts), "winner": _facts(dispatch.winner_facts)},
        "importance": None if found is None else {"explained": found.explained, "shares": dict(found.shares)},
        "failures": {failures.fate.value: failures.count for failures in analysis.failures},
        "told": list(dispatch.incidents),
        "candidates": [
            {
                "candidate": candidate.number,
                "knobs": analysis.knobs.get(candidate.number),
                "fate": candidate.fate.value,
                "detail": candidate.detail,
                "compile_s": candidate.compile_s,
                "time_s": candidate.time_s,
                "speedup": candidate.speedup,
                "samples_s": list(candidate.samples_s),
                "edge_slowdown": candidate.edge_slowdown,
                "facts": _facts(candidate.facts),
            }
            for candidate in dispatch.candidates
        ],
    }
