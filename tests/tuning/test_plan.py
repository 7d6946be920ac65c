# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which dispatches a user names."""

from __future__ import annotations

import pytest

from tuner.dispatch import Dispatch
from tuner.errors import InputError
from tuner.tuning.plan import chosen

DISPATCHES = [Dispatch(name) for name in ("f_dispatch_1_matmul_4x4x4_f32", "f_dispatch_11", "g_dispatch_2", "copy")]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([], [0, 1, 2, 3]),
        (["dispatch_1"], [0]),
        (["dispatch_11", "copy"], [1, 3]),
        (["g_dispatch_2", "dispatch_2"], [2]),
    ],
)
def test_a_dispatch_is_named_in_full_or_by_its_number(names: list[str], found: list[int]) -> None:
    assert chosen(DISPATCHES, names) == [DISPATCHES[index] for index in found]


def test_a_number_of_none_or_of_several_is_refused() -> None:
    with pytest.raises(InputError, match="no dispatch 'dispatch_3'; it has: f_dispatch_1_matmul"):
        chosen(DISPATCHES, ["dispatch_3"])
    with pytest.raises(InputError, match="no dispatch 'matmul'"):
        chosen(DISPATCHES, ["matmul"])
    alike = [*DISPATCHES, Dispatch("h_dispatch_2_copy")]
    with pytest.raises(InputError, match="several dispatches 'dispatch_2': g_dispatch_2, h_dispatch_2_copy; name one"):
        chosen(alike, ["dispatch_2"])
