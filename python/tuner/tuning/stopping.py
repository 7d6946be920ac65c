# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A run that its caller stops: it searches no further, and goes on to its result."""

from __future__ import annotations

from collections.abc import Callable

from tuner.events import Listener, Note, nobody
from tuner.measuring.halving import never

STOPPED = "Stopped: nothing further is searched. What was found so far gets its finals and its proof"


class Stop:
    """Whether the caller has asked a run to stop. Once the answer is yes, it stays so."""

    def __init__(self, asks: Callable[[], bool] = never, listen: Listener = nobody) -> None:
        """`asks`: the caller's answer, which is wanted before each step of a search. `listen` receives one note."""
        self._asks = asks
        self._listen = listen
        self._has_asked = False

    def __call__(self) -> bool:
        """Whether to search no further."""
        if not self._has_asked and self._asks():
            self._has_asked = True
            self._listen(Note(STOPPED))
        return self._has_asked
