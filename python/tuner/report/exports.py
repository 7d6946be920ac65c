# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Exports for programs: a run as JSON, and in the T4 format that auto-tuners exchange results in.

Source of T4: the schemas `T4/1.0.0/{results,metadata}-schema.json` in Kernel Tuner, and what it writes by them.
"""

from __future__ import annotations

import platform
import statistics
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from tuner.jsonable import to_plain
from tuner.outcome import Fate
from tuner.report.analysis import Analysis, analyse
from tuner.report.knobs import Knobs
from tuner.report.recorded_run import RecordedCandidate, RecordedDispatch, RecordedRun

SCHEMA = "iree-tuner-report/1"
_T4_VERSION = "1.0.0"
_OBJECTIVE = "time"
_INVALIDITY = {
    Fate.MEASURED: "correct",
    Fate.COMPILED: "runtime",
    Fate.COMPILE_FAILED: "compile",
    Fate.COMPILE_TIMED_OUT: "timeout",
    Fate.NOT_APPLIED: "constraints",
    Fate.RUN_FAILED: "runtime",
    Fate.TIMED_OUT: "timeout",
    Fate.WRONG_RESULT: "correctness",
}
# What stands for a time where there is none, as Kernel Tuner names it.
_ERRORS = {"compile": "CompilationFailedConfig", "constraints": "InvalidConfig"}
_ANY_ERROR = "RuntimeFailedConfig"


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
        "flags_tried": [
            {"number": each.number, "values": dict(each.values), "time_s": each.time_s, "detail": each.detail}
            for each in run.flags_tried
        ],
        "dispatches": [_dispatch(each, analyse(each)) for each in run.dispatches],
        "spec": run.spec,
        "late_spec": run.late_spec,
        "wall_time": None if run.wall_time is None else to_plain(run.wall_time),
    }


def t4_results(dispatch: RecordedDispatch) -> dict[str, Any]:
    """The candidates of a dispatch by the T4 results schema. The default, which has no knobs, is in the metadata.

    Those that failed come last: readers were seen to refuse a file whose first result is a failure
    (autotuning_methodology 1.1.0). `number` among the measurements tells the order.
    """
    knobs = analyse(dispatch).knobs
    ordered = sorted(dispatch.tried, key=lambda each: each.time_s is None)
    default = next((each.time_s for each in dispatch.candidates if each.configuration is None), None)
    return {
        "schema_version": _T4_VERSION,
        "metadata": {
            "timeunit": "milliseconds",
            "kernel": dispatch.name,
            "problem": dispatch.problem,
            "default_time": None if default is None else 1e3 * default,
        },
        "results": [_t4_result(each, knobs[each.number]) for each in ordered],
    }


def t4_metadata(run: RecordedRun) -> dict[str, Any]:
    """Where the run took place, by the T4 metadata schema."""
    circumstances = run.certificates[0].circumstances if run.certificates else None
    processor: list[Mapping[str, Any]] = []
    requirements = [f"iree-tuner=={version('iree-tuner')}"]
    if circumstances is not None:
        processor = [
            {
                "product": circumstances.processor,
                "features": list(circumstances.features),
                "device": circumstances.device,
                "threads": circumstances.threads,
            }
        ]
        requirements = [
            f"iree-tuner=={circumstances.tuner_version}",
            f"iree-base-compiler=={circumstances.compiler_version}",
            f"iree-base-runtime=={circumstances.runtime_version}",
        ]
    return {
        "schema_version": _T4_VERSION,
        "metadata": {
            "hardware": {"hardware_description": processor, "operating_system": platform.system()},
            "environment": {"device_query": {}, "requirements": requirements},
        },
    }


def _dispatch(dispatch: RecordedDispatch, analysis: Analysis) -> dict[str, Any]:
    found, winner = analysis.importance, dispatch.winner
    return {
        "dispatch": dispatch.name,
        "problem": dispatch.problem,
        "verdict": dispatch.verdict,
        "winner": None if winner is None else winner.number,
        "certificate": None if dispatch.certificate is None else dispatch.certificate.to_json(),
        "importance": None if found is None else {"explained": found.explained, "shares": dict(found.shares)},
        "failures": {each.fate.value: each.count for each in analysis.failures},
        "told": list(dispatch.told),
        "candidates": [
            {
                "candidate": each.number,
                "knobs": analysis.knobs.get(each.number),
                "fate": each.fate.value,
                "detail": each.detail,
                "compile_s": each.compile_s,
                "time_s": each.time_s,
                "speedup": each.speedup,
                "samples_s": list(each.samples_s),
            }
            for each in dispatch.candidates
        ],
    }


def _t4_result(candidate: RecordedCandidate, knobs: Knobs) -> dict[str, Any]:
    invalidity = _INVALIDITY[candidate.fate]
    measured: float | str = _ERRORS.get(invalidity, _ANY_ERROR)
    if candidate.time_s is not None:
        measured = 1e3 * candidate.time_s
    compile_ms = 1e3 * candidate.compile_s
    samples_ms = [1e3 * each for each in candidate.samples_s]
    return {
        "configuration": knobs,
        "objectives": [_OBJECTIVE],
        "times": {
            # The schema's name, and the one that tools write and read.
            "compilation_time": compile_ms,
            "compilation": compile_ms,
            "benchmark": sum(samples_ms),
            "runtimes": samples_ms,
        },
        "invalidity": invalidity,
        "correctness": float(candidate.fate is Fate.MEASURED),
        "measurements": [
            {"name": _OBJECTIVE, "value": measured, "unit": "ms"},
            {"name": "number", "value": candidate.number, "unit": ""},
            *([{"name": "spread", "value": statistics.pstdev(samples_ms), "unit": "ms"}] if samples_ms else []),
        ],
    }
