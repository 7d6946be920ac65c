# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The passes in-process, and the ops that they name."""

from __future__ import annotations

import pytest
from iree.compiler import ir
from iree.compiler.passmanager import PassManager
from tuner import native


def test_annotate_names_the_root_of_each_dispatch(module: ir.Module) -> None:
    native.annotate_root_ops(module)
    roots = native.find_root_ops(module)
    assert [(r.dispatch, r.function, r.set, r.operation.name) for r in roots] == [
        ("first", "first", 0, "linalg.matmul"),
        ("second", "second", 0, "linalg.matmul"),
    ]


def test_nothing_is_found_before_annotation(module: ir.Module) -> None:
    assert native.find_root_ops(module) == []


def test_configured_ops_come_in_walk_order(module: ir.Module) -> None:
    names = [op.name for op in native.configured_ops(module)]
    assert names == ["linalg.fill", "linalg.matmul"] * 2


def test_strip_leaves_identities(module: ir.Module) -> None:
    native.annotate_root_ops(module)
    native.strip_configuration(module)
    assert native.configured_ops(module) == []
    assert [native.translation_info(f) for f in module.body.operations] == [None, None]
    assert [root.dispatch for root in native.find_root_ops(module)] == ["first", "second"]


def test_strip_root_keeps_the_other_ops(module: ir.Module) -> None:
    native.annotate_root_ops(module)
    native.strip_root_configuration(module)
    assert [op.name for op in native.configured_ops(module)] == ["linalg.fill"] * 2


def test_strip_annotations_leaves_nothing(module: ir.Module) -> None:
    native.annotate_root_ops(module)
    native.strip_annotations(module)
    assert native.find_root_ops(module) == []
    text = str(module)
    assert "iree_tuner" not in text
    assert "root_op" not in text


def test_one_function_alone(module: ir.Module) -> None:
    first, second = module.body.operations
    native.strip_configuration(first.operation)
    assert native.translation_info(first) is None
    assert native.translation_info(second) is not None


def test_failure_carries_the_diagnostic(module: ir.Module) -> None:
    with pytest.raises(native.PassError, match="'first' has configured ops but no root op"):
        native.strip_root_configuration(module)


def test_wrong_argument_is_a_type_error() -> None:
    with pytest.raises((TypeError, AttributeError)):
        native.strip_configuration("module {}")  # type: ignore[arg-type]


def test_passes_run_from_a_pipeline(module: ir.Module) -> None:
    native.register_passes()
    native.register_passes()
    pipeline = "builtin.module(iree-tuner-annotate-root-ops,func.func(iree-tuner-strip-configuration))"
    PassManager.parse(pipeline, module.context).run(module.operation)
    assert native.configured_ops(module) == []
    assert len(native.find_root_ops(module)) == 2


def test_plugin_lies_beside_the_package() -> None:
    assert native.plugin_path().is_file()
