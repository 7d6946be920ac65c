# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The IREE release that the tests run under."""

from __future__ import annotations

import importlib
from types import ModuleType

import iree.compiler.version
from iree.compiler import ir


def _import_both() -> ModuleType:
    """IREE's `iree_gpu`, beside its `linalg`.

    Before 3.12 each of the two registers a builder of the same name, and the second import
    fails; letting it replace the first one is what later releases do.
    """
    register = ir.register_attribute_builder
    ir.register_attribute_builder = lambda kind, **_: register(kind, replace=True)
    try:
        importlib.import_module("iree.compiler.dialects.linalg")
        return importlib.import_module("iree.compiler.dialects.iree_gpu")
    finally:
        ir.register_attribute_builder = register


iree_gpu = _import_both()
RELEASE = tuple(int(part) for part in iree.compiler.version.VERSION.split(".")[:2])
