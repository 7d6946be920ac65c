# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Entries whose pipeline is a list of passes: which of these a compiler lacks, and of which release they are."""

from __future__ import annotations

import re
from collections.abc import Iterable

from iree.compiler import ir, passmanager

from tuner import native
from tuner.dispatch import Annotations
from tuner.specs.certificate import Certificate
from tuner.targets.plugin_passes import needs_plugin

_LIST = re.compile(r'#iree_codegen\.pass_pipeline<"([^"]*)">')


def has_list(annotations: Annotations) -> bool:
    """Whether an entry lists the passes of its pipeline."""
    return any(_LIST.search(text) for text in annotations.root.values())


def unknown_pass(text: str, context: ir.Context) -> str:
    """A pass that printed attributes list and this compiler lacks; "" if it knows all, after ours are registered.

    IREE refuses to parse a list that it does not know, and prints all of it. Raises HostError if ours are among the
    passes and cannot be registered.
    """
    if needs_plugin(text):
        native.register_passes()
    for listed in dict.fromkeys(_LIST.findall(text)):
        if not _is_known(listed, context):
            names: list[str] = listed.split(",")
            return next((name for name in names if not _is_known(name, context)), names[0])
    return ""


def of_another_release(entries: Iterable[tuple[str, Annotations, Certificate]], compiler_version: str) -> list[str]:
    """A sentence for each of the named entries that lists the passes of another release than this compiler's."""
    return [
        f"{name} lists the passes of IREE {made}, and this is {compiler_version}: what they do together may have"
        " changed; tune again"
        for name, annotations, certificate in entries
        if has_list(annotations)
        and _release(made := certificate.circumstances.compiler_version) != _release(compiler_version)
    ]


def _is_known(listed: str, context: ir.Context) -> bool:
    try:
        passmanager.PassManager.parse(f"builtin.module({listed})", context)
    except ValueError:
        return False
    return True


def _release(version: str) -> str:
    """As in `3.13` of `3.13.0rc20261016`."""
    return ".".join(version.split(".")[:2])
