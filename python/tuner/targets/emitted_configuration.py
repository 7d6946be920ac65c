# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A configuration that the compiler itself has printed, as attributes again: what GPU targets share."""

from __future__ import annotations

from iree.compiler import ir
from iree.compiler.dialects import iree_codegen

from tuner.dispatch import Configuration


def parse_compilation_info(configuration: Configuration, context: ir.Context) -> iree_codegen.CompilationInfoAttr:
    """The configuration's `compilation_info`. Raises ValueError where it holds none."""
    if "compilation_info" not in configuration.attributes:
        raise ValueError("a GPU takes configurations that the compiler has materialized; this one has tiling levels")
    with context:
        return ir.Attribute.parse(configuration.attributes["compilation_info"])
