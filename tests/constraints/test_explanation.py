# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""An empty space is explained in the user's own terms; a space with solutions is not."""

import pytest
import z3

from tuner.constraints import ConstraintError, Knob, Rule, Space, enumerate_space, explain_empty

TILE = Knob("tile", (64, 128))
STAGES = Knob("stages", (1, 2, 3))


def test_names_the_rules_that_contradict_each_other() -> None:
    space = Space(
        (TILE, STAGES),
        (
            Rule("shared memory fits 16 KiB", TILE.var * TILE.var * 4 <= 16_384),
            Rule("workgroup of at least 128", TILE.var >= 128),
            Rule("some pipelining", STAGES.var >= 1),
        ),
    )
    assert len(enumerate_space(space)) == 0
    assert set(explain_empty(space)) == {"shared memory fits 16 KiB", "workgroup of at least 128"}


def test_names_the_domain_that_a_rule_contradicts() -> None:
    space = Space((TILE, STAGES), (Rule("small tile", TILE.var < 64),))
    assert set(explain_empty(space)) == {"small tile", "tile in [64, 128]"}


def test_is_silent_where_a_solution_exists() -> None:
    assert explain_empty(Space((TILE, STAGES), (Rule("big tile", TILE.var > 64),))) == ()


def test_unknown_is_an_error_not_an_answer() -> None:
    """Knobs with large domains and a hard product: z3 gives up in the time allowed."""
    a, b, c = (Knob(name, tuple(range(2, 4000))) for name in "abc")
    hard = Rule("product", z3.And(a.var * b.var * c.var == 1_000_003 * 1_009 * 7919, a.var**3 + b.var**3 == c.var**3))
    with pytest.raises(ConstraintError, match="gave up"):
        explain_empty(Space((a, b, c), (hard,)), timeout_s=0.05)
