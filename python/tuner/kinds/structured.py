# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What kinds read from a structured op of IREE or linalg."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from iree.compiler import ir

from tuner import native
from tuner.dispatch import Problem


def is_computation(op: ir.Operation) -> bool:
    """Whether it is an op of linalg that computes."""
    return op.name.startswith("linalg.") and op.name not in native.LAYOUT_OPS


def parallel_or_reduced(op: ir.Operation) -> dict[int, str]:
    """The roles of loops of which only that is known."""
    return {index: "parallel" if parallel else "k" for index, parallel in enumerate(native.problem(op).parallel)}


def by_loop(named: Mapping[str, Sequence[int]]) -> dict[int, str]:
    """The role of each loop, given the loops of each role."""
    return {int(loop): role for role, loops in named.items() for loop in loops}


def maps_of(problem: Problem) -> str:
    """The indexing maps of a problem's operands, as a matcher states them."""
    return ", ".join(f"affine_map<{operand.indexing_map}>" for operand in problem.operands)


def dims_equal(extents: Mapping[str, Sequence[int]]) -> str:
    """Lines of a matcher that compare the sizes of the loops, by the names of the parameters that hold them."""
    return "".join(
        f"    transform.iree.match.dims_equal %{name}, {list(sizes)} : !transform.param<i64>\n"
        for name, sizes in extents.items()
    )
