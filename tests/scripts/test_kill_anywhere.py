# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A short round of `kill_anywhere.py`: whatever of a run is killed, it loses nothing and does nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from kill_anywhere import kill_anywhere

pytestmark = [pytest.mark.measures, pytest.mark.slow]
# Its first moments, for the driver and then for the whole group, fall into the search.
SEED = 123656


def test_three_kills_lose_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    killed = kill_anywhere(tmp_path, trials=16, kills=3, seed=SEED, say=said.append)
    assert sum(killed.values()) == 3, said
    assert "ended: winner" in said[-1]
