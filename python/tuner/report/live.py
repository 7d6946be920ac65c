# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A page about a run that is still going on, served on this machine alone.

The page asks for itself every few seconds. It is made anew only if the run has logged something since, and without
what takes long to compute: a measuring machine must not be disturbed.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tuner.errors import InputError
from tuner.report.formats.html import facts_of, html_report
from tuner.report.plot import Plot
from tuner.report.plots import convergence
from tuner.report.recorded_run import RecordedCandidate, RecordedDispatch, RecordedRun, read_run
from tuner.report.templates import page_template, static_file
from tuner.runs.folder import RunFolder
from tuner.terminal.units import duration, rough

HOST = "127.0.0.1"
# Candidates that the page lists, the latest first.
_LATEST = 12
# Nothing but our own style and script is loaded, and nothing is sent elsewhere.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; img-src data:"
_NO_CANDIDATE = "No candidate has ended yet."


class LiveRun:
    """A run's folder that is read again whenever its log or its result has changed."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        """`clock`: seconds since the epoch. Raises InputError if the folder holds no run."""
        self._folder = RunFolder(folder)
        if not self._folder.command.is_file() and not self._folder.log.is_file():
            raise InputError(f"{folder} holds no run (it has no {self._folder.command.name}); name the folder of a run")
        self._clock = clock
        self._seen: tuple[object, ...] = ()
        self._run: RecordedRun | None = None
        self._report = ""

    def page(self) -> str:
        """The page as of now. Raises InputError if the run's files are damaged."""
        run = self._read()
        return page_template("live.html.jinja").render(
            title=f"Live: {self._folder.path.name}",
            headline=_NO_CANDIDATE if run is None else _headline(run),
            since=self._since(),
            has_ended=run is not None and run.has_ended,
            facts=[] if run is None else facts_of(run),
            plots=[] if run is None else [_plot(index, one) for index, one in _searched(run)],
            rows=[] if run is None else [_row(dispatch) for _, dispatch in _searched(run)],
            latest=[] if run is None else _latest(run),
            flags=[] if run is None else _tried(run),
            incidents=[] if run is None else [line for dispatch in run.dispatches for line in dispatch.incidents],
            tuner_version=version("iree-tuner"),
        )

    def report(self) -> str:
        """The whole report, made when it is first asked for after a change: that takes seconds. Raises InputError."""
        run = self._read()
        if run is None:
            raise InputError(f"{self._folder.path} has no candidate yet; wait for the first")
        if not self._report:
            self._report = html_report(run)
        return self._report

    def _read(self) -> RecordedRun | None:
        files = [self._folder.log, self._folder.result]
        state = tuple((file.stat().st_mtime_ns, file.stat().st_size) if file.is_file() else None for file in files)
        if state != self._seen:
            self._run = read_run(self._folder.path) if self._folder.log.is_file() else None
            self._seen, self._report = state, ""
        return self._run

    def _since(self) -> str:
        log = self._folder.log
        return rough(max(0.0, self._clock() - log.stat().st_mtime)) if log.is_file() else ""


def serve(folder: Path, port: int, announce: Callable[[str], None]) -> None:
    """Serves the page until KeyboardInterrupt. `announce` receives its address. `port` 0 takes a free one.

    Raises InputError if the folder holds no run, or if the port is taken.
    """
    live = LiveRun(folder)
    try:
        server = _Server(port, live)
    except OSError as error:
        raise InputError(f"cannot serve on port {port}: {error.strerror}; choose another --port") from error
    with server:
        announce(f"http://{HOST}:{server.server_port}/")
        server.serve_forever()


class _Server(HTTPServer):
    def __init__(self, port: int, live: LiveRun) -> None:
        super().__init__((HOST, port), _Handler)
        self.live = live


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    # Seconds: a browser may open connections that it does not use yet, and there is one thread.
    timeout = 2.0

    def do_GET(self) -> None:
        # A page of another site must not read this one by a name that it points here.
        if self.headers.get("Host") not in (
            f"{HOST}:{self.server.server_port}",
            f"localhost:{self.server.server_port}",
        ):
            self._send(HTTPStatus.FORBIDDEN, "text/plain", "Ask for this page by its address.")
            return
        pages = {"/": self.server.live.page, "/report": self.server.live.report}
        if self.path == "/live.js":
            self._send(HTTPStatus.OK, "text/javascript", static_file("live.js"))
        elif self.path in pages:
            try:
                self._send(HTTPStatus.OK, "text/html", pages[self.path]())
            except (InputError, FileNotFoundError) as error:
                self._send(HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain", str(error))
        else:
            self._send(HTTPStatus.NOT_FOUND, "text/plain", "There is nothing here.")

    def _send(self, status: HTTPStatus, kind: str, text: str) -> None:
        content = text.encode("utf-8", "replace")
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", _POLICY)
        # Who asked may be gone before a report is made.
        with contextlib.suppress(ConnectionError):
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Requests are not logged: the page asks every few seconds."""
        del format, args


def _searched(run: RecordedRun) -> list[tuple[int, RecordedDispatch]]:
    return [(index, dispatch) for index, dispatch in enumerate(run.dispatches) if dispatch.candidates]


def _headline(run: RecordedRun) -> str:
    ended = sum(len(dispatch.tried) for dispatch in run.dispatches)
    if run.has_ended:
        gain = f"the model is {run.model.ratio} as fast" if run.model else "the default stays"
        return f"The run has ended: {gain}."
    if ended:
        return f"{ended} candidate{'' if ended == 1 else 's'} so far. Speed-ups are raw: finals and the proof follow."
    return f"{len(_tried(run))} choices for the whole model so far." if _tried(run) else _NO_CANDIDATE


def _plot(index: int, dispatch: RecordedDispatch) -> tuple[str, Plot]:
    return dispatch.name, convergence(f"live-{index}", dispatch.candidates, None)


def _row(dispatch: RecordedDispatch) -> tuple[str, ...]:
    best = max((candidate.speedup or 0.0 for candidate in dispatch.candidates), default=0.0)
    failed = sum(1 for candidate in dispatch.tried if candidate.speedup is None)
    fastest = f"{best:.2f}x raw" if best else "-"
    return dispatch.name, str(len(dispatch.tried)), str(failed), fastest, dispatch.verdict or "in work"


def _latest(run: RecordedRun) -> list[tuple[str, ...]]:
    ended = [(dispatch.name, candidate) for _, dispatch in _searched(run) for candidate in dispatch.tried]
    return [_end(name, candidate) for name, candidate in reversed(ended[-_LATEST:])]


def _end(name: str, candidate: RecordedCandidate) -> tuple[str, ...]:
    if candidate.time_s is None or candidate.speedup is None:
        return name, str(candidate.number), candidate.fate.value, candidate.detail
    return name, str(candidate.number), f"{candidate.speedup:.2f}x raw", duration(candidate.time_s)


def _tried(run: RecordedRun) -> list[tuple[str, ...]]:
    """Choices for single ops and flags, in the order in which a run tries them."""
    choices = [(tried.values, tried.time_s, tried.detail) for tried in run.ops_tried]
    choices += [(tried.values, tried.time_s, tried.detail) for tried in run.flags_tried]
    return [
        (
            " ".join(f"{name}={value}" for name, value in values.items()) or "the default",
            detail if time_s is None else duration(time_s),
        )
        for values, time_s, detail in choices
    ]
