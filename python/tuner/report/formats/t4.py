# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A run in T4, the format that auto-tuners exchange results in.

Source: the schemas `T4/1.0.0/{results,metadata}-schema.json` in Kernel Tuner, and what it writes by them.
"""

from __future__ import annotations

import json
import platform
import re
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tuner.outcome import Fate
from tuner.report.analysis import analyse
from tuner.report.formats import File
from tuner.report.knobs import Knobs
from tuner.report.recorded_run import RecordedCandidate, RecordedDispatch, RecordedRun

_VERSION = "1.0.0"
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
# What stands for the time of a candidate that has none, as Kernel Tuner names it.
_ERRORS = {"compile": "CompilationFailedConfig", "constraints": "InvalidConfig"}
_ANY_ERROR = "RuntimeFailedConfig"


@dataclass(frozen=True, slots=True)
class T4Format:
    """A folder with the metadata of the run, and one file of results for each dispatch that has candidates."""

    help: str = "Folder for the results in the T4 format, a file for each dispatch."

    def files(self, run: RecordedRun, path: Path) -> tuple[File, ...]:
        tried = [dispatch for dispatch in run.dispatches if dispatch.tried]
        return (
            File(path / "metadata.json", lambda: _text(t4_metadata(run))),
            *(File(path / f"{_file_name(dispatch)}.json", partial(_results_text, dispatch)) for dispatch in tried),
        )


T4 = T4Format()


def t4_results(dispatch: RecordedDispatch) -> dict[str, Any]:
    """The candidates of a dispatch by the T4 results schema. The default, which has no knobs, is in the metadata.

    Those that failed come last: readers were seen to refuse a file whose first result is a failure
    (autotuning_methodology 1.1.0). `number` among the measurements gives the order.
    """
    knobs = analyse(dispatch).knobs
    ordered = sorted(dispatch.tried, key=lambda candidate: candidate.time_s is None)
    default = next((candidate.time_s for candidate in dispatch.candidates if candidate.configuration is None), None)
    return {
        "schema_version": _VERSION,
        "metadata": {
            "timeunit": "milliseconds",
            "kernel": dispatch.name,
            "problem": dispatch.problem,
            "default_time": None if default is None else 1e3 * default,
        },
        "results": [_result(candidate, knobs[candidate.number]) for candidate in ordered],
    }


def t4_metadata(run: RecordedRun) -> dict[str, Any]:
    """The hardware and the software of the run, by the T4 metadata schema."""
    circumstances = run.circumstances
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
        "schema_version": _VERSION,
        "metadata": {
            "hardware": {"hardware_description": processor, "operating_system": platform.system()},
            "environment": {"device_query": {}, "requirements": requirements},
        },
    }


def _result(candidate: RecordedCandidate, knobs: Knobs) -> dict[str, Any]:
    invalidity = _INVALIDITY[candidate.fate]
    measured: float | str = _ERRORS.get(invalidity, _ANY_ERROR)
    if candidate.time_s is not None:
        measured = 1e3 * candidate.time_s
    compile_ms = 1e3 * candidate.compile_s
    samples_ms = [1e3 * sample_s for sample_s in candidate.samples_s]
    return {
        "configuration": knobs,
        "objectives": [_OBJECTIVE],
        "times": {
            # The schema's name for it, then the name that tools write and read.
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


def _file_name(dispatch: RecordedDispatch) -> str:
    return re.sub(r"[^\w.-]", "_", dispatch.name)


def _results_text(dispatch: RecordedDispatch) -> str:
    return _text(t4_results(dispatch))


def _text(value: Any) -> str:
    return json.dumps(value, indent=1) + "\n"
