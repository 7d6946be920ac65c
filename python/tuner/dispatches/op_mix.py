# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a model consists of: the part of its arithmetic in each class of ops, read from its dispatches."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from tuner.dispatch import Dispatch, Problem

# Products. A contraction of more is large: its operands do not stay in a cache.
_LARGE = 2**24
# The part of a model's steps from which on its convolutions say what its products are.
_CONVOLUTIONAL = 0.001
_CONVOLUTIONS = ("convolution", "1x1 convolution", "grouped convolution", "depthwise convolution")


def op_mix(dispatches: Sequence[Dispatch]) -> dict[str, float]:
    """The part of the steps of all loops that each class has; {} if no problem is known.

    A dispatch counts as often as a run of the model runs it. The dispatches are those of the model without flags. There
    the compiler has made products of 1x1 convolutions, so products beside other convolutions are a class of their own.
    """
    steps: Counter[str] = Counter()
    for dispatch in dispatches:
        if dispatch.problem is not None:
            steps[_class_of(dispatch.problem)] += dispatch.runs * math.prod(
                loop.extent for loop in dispatch.problem.loops
            )
    total = steps.total()
    if sum(steps[name] for name in _CONVOLUTIONS) > _CONVOLUTIONAL * total:
        steps["product beside convolutions"] = steps.pop("large product", 0) + steps.pop("small product", 0)
    return {name: count / total for name, count in sorted(steps.items()) if count}


def has_convolutions(mix: Mapping[str, float]) -> bool:
    """Whether a model of this mix has convolutions. True for {}, of which nothing is known."""
    return not mix or any(name in mix for name in _CONVOLUTIONS)


def _class_of(problem: Problem) -> str:
    """The problem's kind, and what decides which flags serve it: a convolution's form, a contraction's size."""
    match problem.kind:
        case "convolution":
            return _convolution(problem)
        case "contraction":
            return _contraction(problem)
        case "copy":
            return "elementwise"
        case kind:
            return kind


def _convolution(problem: Problem) -> str:
    if not _extents(problem, "k"):
        # The window of a pooling has no values, so no operand but it goes with the window's loops alone.
        depth = {index for index, loop in enumerate(problem.loops) if loop.role == "depth"}
        has_filter = any(depth & set(operand.loops) for operand in problem.operands[1:-1])
        return "depthwise convolution" if has_filter else "pooling"
    if math.prod(_extents(problem, "depth")) > 1:
        return "grouped convolution"
    return "convolution" if math.prod(_extents(problem, "window")) > 1 else "1x1 convolution"


def _contraction(problem: Problem) -> str:
    if math.prod(_extents(problem, "batch")) > 1:
        return "batch of products"
    if 1 in (math.prod(_extents(problem, "m")), math.prod(_extents(problem, "n"))):
        return "matrix-vector product"
    products = math.prod(loop.extent for loop in problem.loops)
    return "large product" if products > _LARGE else "small product"


def _extents(problem: Problem, role: str) -> list[int]:
    return [loop.extent for loop in problem.loops if loop.role == role]
