# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A short round of `kill_anywhere.py`: a run killed three times loses nothing, does nothing twice, leaves nothing."""

from __future__ import annotations

from pathlib import Path

from kill_anywhere import kill_anywhere


def test_three_kills_lose_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    killed = kill_anywhere(tmp_path, trials=10, kills=3, seed=1, say=said.append)
    assert sum(killed.values()) == 3, said
    assert "ended: winner" in said[-1]
