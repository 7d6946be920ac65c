# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A run's events for programs: a JSON object on each line."""

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
    """A listener that writes a run's events. Each line has its kind, `event`, and `at_s`, seconds since the start."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._started_s = time.monotonic()

    def __call__(self, event: Event) -> None:
        """Writes one event. Raises ToolError if the reader is gone."""
        self._write(event.to_json())

    def ended(self, result: TuneResult, output: Path | None) -> None:
        """Writes the last line: the result as in the run's `result.json`, its folder, and the file of the spec."""
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
            # At exit Python flushes the stream's buffer, which would fail once more.
            with Path(os.devnull).open("w") as nowhere:
                os.dup2(nowhere.fileno(), self._stream.fileno())
            raise ToolError("nobody reads the events any more") from error
