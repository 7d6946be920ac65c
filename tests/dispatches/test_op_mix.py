# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The part of a model's arithmetic in each class of ops."""

from __future__ import annotations

import pytest

from tuner.dispatch import Dispatch, Problem
from tuner.dispatches.op_mix import op_mix
from tuner.testing.problems import problem

IMAGE = [("image", 20), ("image", 20)]
K_BY_K = problem(
    "convolution", [*IMAGE, ("channel", 16), ("window", 3), ("window", 3), ("k", 8)], (-1, -1, 5), (3, 4), ()
)
ONE_BY_ONE = problem("convolution", [*IMAGE, ("channel", 16), ("window", 1), ("window", 1), ("k", 8)], (), (3, 4), ())
GROUPED = problem("convolution", [*IMAGE, ("depth", 4), ("channel", 4), ("window", 3), ("k", 8)], (), (2, 3, 4, 5), ())
DEPTHWISE = problem(
    "convolution", [*IMAGE, ("depth", 16), ("window", 3), ("window", 3)], (-1, -1, 2), (2, 3, 4), (0, 1, 2)
)
POOLING = problem("convolution", [*IMAGE, ("depth", 16), ("window", 3), ("window", 3)], (-1, -1, 2), (3, 4), (0, 1, 2))
LARGE = problem("contraction", [("m", 512), ("n", 512), ("k", 512)], (0, 2), (2, 1), (0, 1))
SMALL = problem("contraction", [("m", 64), ("n", 64), ("k", 64)], (0, 2), (2, 1), (0, 1))
VECTOR = problem("contraction", [("m", 1), ("n", 4096), ("k", 4096)], (0, 2), (2, 1), (0, 1))
BATCH = problem("contraction", [("batch", 8), ("m", 64), ("n", 64), ("k", 64)], (0, 1, 3), (0, 3, 2), (0, 1, 2))
SUM = problem("reduction", [("parallel", 10), ("k", 10)], (0, 1), (0,))


def model(*problems: Problem, runs: int = 1) -> list[Dispatch]:
    return [Dispatch(f"d{number}", found, runs=runs) for number, found in enumerate(problems)]


@pytest.mark.parametrize(
    ("found", "name"),
    [
        (K_BY_K, "convolution"),
        (ONE_BY_ONE, "1x1 convolution"),
        (GROUPED, "grouped convolution"),
        (DEPTHWISE, "depthwise convolution"),
        (POOLING, "pooling"),
        (LARGE, "large product"),
        (SMALL, "small product"),
        (VECTOR, "matrix-vector product"),
        (BATCH, "batch of products"),
        (SUM, "reduction"),
    ],
)
def test_a_problem_belongs_to_one_class(found: Problem, name: str) -> None:
    assert op_mix(model(found)) == {name: 1.0}


def test_parts_count_steps_and_runs() -> None:
    mix = op_mix([*model(SMALL, runs=3), *model(BATCH)])
    assert mix == {"batch of products": pytest.approx(8 / 11), "small product": pytest.approx(3 / 11)}


def test_products_beside_convolutions_are_taken_for_1x1_convolutions() -> None:
    mix = op_mix(model(K_BY_K, LARGE, SMALL, SUM))
    assert mix.keys() == {"convolution", "product beside convolutions", "reduction"}
    assert sum(mix.values()) == pytest.approx(1.0)
    assert "large product" in op_mix([*model(LARGE, runs=1000), *model(K_BY_K)])


def test_what_runs_only_while_the_model_is_loaded_does_not_count() -> None:
    assert op_mix([*model(LARGE, runs=0), *model(SUM)]) == {"reduction": 1.0}


def test_a_model_whose_problems_are_not_known_has_no_mix() -> None:
    assert op_mix([Dispatch("d0", untunable="its shapes are dynamic")]) == {}
