# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Finds operations in IREE's IR: by name, by symbol, and the functions of dispatches."""

from __future__ import annotations

from collections.abc import Iterator

from iree.compiler import ir


def ops_named(root: ir.Operation, name: str) -> Iterator[ir.Operation]:
    """Every op of that name below `root`, in walk order."""
    found: list[ir.Operation] = []

    def visit(op: ir.Operation) -> ir.WalkResult:
        if op.name == name:
            found.append(op)
        return ir.WalkResult.ADVANCE

    root.walk(visit)
    return iter(found)


def dispatch_functions(root: ir.Operation) -> list[ir.Operation]:
    """The functions of all dispatches below `root`, in walk order: those in variants of executables."""
    variants = ops_named(root, "hal.executable.variant")
    return [function for variant in variants for function in ops_named(variant, "func.func")]


def symbol(op: ir.Operation) -> str:
    """The symbol that an op defines."""
    return str(ir.StringAttr(op.attributes["sym_name"]).value)
