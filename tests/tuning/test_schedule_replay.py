# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a model takes after a part of its budget, on made-up models that are replayed; no time passes."""

from __future__ import annotations

import pytest

from schedule_replay import FEW, MadeUpModel, search

BUDGET_S = 60.0
# By seed: the model's time after 30, 45 and 60 seconds, as a part of the untuned model's, of searches that learnt from
# one another only before their first candidate, went by what had been gained alone and timed defaults in any order.
EARLIER = {0: (1.0, 0.9185, 0.8351), 2: (0.3399, 0.3098, 0.2873)}


@pytest.mark.parametrize("seed", EARLIER)
def test_a_search_of_many_dispatches_spends_no_worse_than_before(seed: int) -> None:
    found = search(MadeUpModel.of(seed, FEW), BUDGET_S, seed, "local")
    for seconds, earlier in zip((30.0, 45.0, 60.0), EARLIER[seed], strict=True):
        assert found.best < found.part_at(seconds) <= earlier, f"after {seconds} s"
    assert found.part_at(45.0) < EARLIER[seed][1] - 0.02
    assert found.searched > 5
