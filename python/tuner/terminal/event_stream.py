# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A run's events for programs: one JSON object a line."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, TextIO

from tuner.errors import ToolError
from tuner.events import Event
from tuner.jsonable import to_plain
from tuner.preview.forecast import Forecast
from tuner.tuning.result import TuneResult


class EventStream:
    """A listener that writes what it hears. Each line has the `event`'s kind and `at_s`, seconds since the start."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._started_s = time.monotonic()

    def __call__(self, event: Event) -> None:
        """Writes one event. Raises ToolError where nobody reads any more."""
        self._write(event.to_json())

    def ended(self, result: TuneResult, output: Path | None) -> None:
        """Writes the last line: the result, as it stands in the run's `result.json`, and where the spec is."""
        places = {"run_dir": str(result.run_dir), "output": None if output is None else str(output)}
        self._write({"event": "result", **places, **result.to_json()})

    def forecast(self, forecast: Forecast) -> None:
        """Writes what a run would do: the only line of a dry run that is not a phase."""
        self._write({"event": "forecast", **to_plain(forecast), "total_s": forecast.total_s})

    def _write(self, record: dict[str, Any]) -> None:
        kind = record.pop("event")
        line = json.dumps({"event": kind, "at_s": round(time.monotonic() - self._started_s, 3), **record})
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except BrokenPipeError as error:
            # What is still in the stream's buffer would be written, and fail, once more at the end of the process.
            with Path(os.devnull).open("w") as nowhere:
                os.dup2(nowhere.fileno(), self._stream.fileno())
            raise ToolError(
                "nobody reads the events any more; what was measured is kept, go on with --run-dir and --resume"
            ) from error
