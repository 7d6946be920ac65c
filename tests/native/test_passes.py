# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The passes in-process, and the ops that they name."""

from __future__ import annotations

import pytest
from iree.compiler import ir
from iree.compiler.passmanager import PassManager

from release_under_test import RELEASE
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


TWO_ROOTS = """
func.func @f(%x: f32, %c: tensor<64xf32>) -> (tensor<64xf32>, tensor<64xf32>) {
  %0 = linalg.fill {lowering_config = #iree_cpu.lowering_config<distribution = [32]>}
    ins(%x : f32) outs(%c : tensor<64xf32>) -> tensor<64xf32>
  %1 = linalg.fill {lowering_config = #iree_cpu.lowering_config<distribution = [16]>}
    ins(%x : f32) outs(%c : tensor<64xf32>) -> tensor<64xf32>
  return %0, %1 : tensor<64xf32>, tensor<64xf32>
}
"""


def test_several_roots_have_distinct_sets(context: ir.Context) -> None:
    module = ir.Module.parse(TWO_ROOTS, context)
    native.annotate_root_ops(module)
    roots = native.find_root_ops(module)
    assert [root.dispatch for root in roots] == ["f", "f@1"]
    assert [root.function for root in roots] == ["f", "f"]
    # A unit mark, as before 3.11, has no number.
    assert [root.set for root in roots] == ([0, 1] if RELEASE >= (3, 11) else [0, 0])


def test_undecided_dispatch_is_logged(context: ir.Context, caplog: pytest.LogCaptureFixture) -> None:
    text = TWO_ROOTS.replace("distribution", "vector_common_parallel")
    module = ir.Module.parse(text, context)
    with caplog.at_level("INFO", logger="tuner.native"):
        native.annotate_root_ops(module)
    assert native.find_root_ops(module) == []
    (record,) = caplog.records
    assert "'f' has 2 configured ops and none of them distributes the work" in record.message


def test_annotation_survives_stripping(module: ir.Module) -> None:
    """Annotated again after a strip, every op keeps the name that it had."""
    native.annotate_root_ops(module)
    before = _names(module)
    native.strip_configuration(module)
    native.annotate_root_ops(module)
    assert _names(module) == before
    assert before == ["first#1", "first", "second#1", "second"]


def _names(module: ir.Module) -> list[str]:
    names = []
    for function in module.body.operations:
        for op in function.regions[0].blocks[0].operations:
            names += [
                op.attributes[key].value for key in ("iree_tuner.op", "iree_tuner.dispatch") if key in op.attributes
            ]
    return names


def test_stale_identity_is_an_error(module: ir.Module) -> None:
    native.annotate_root_ops(module)
    root = native.find_root_ops(module)[0]
    del root.operation.attributes["root_op"]
    with pytest.raises(native.PassError, match="'first' is no root op of a function"):
        native.find_root_ops(module)


def test_failure_carries_the_diagnostic(module: ir.Module) -> None:
    with pytest.raises(native.PassError, match="'first' has configured ops but no root op"):
        native.strip_root_configuration(module)


def test_wrong_argument_is_a_type_error() -> None:
    with pytest.raises((TypeError, AttributeError)):
        native.strip_configuration("module {}")


def test_passes_run_from_a_pipeline(module: ir.Module) -> None:
    native.register_passes()
    native.register_passes()
    pipeline = "builtin.module(iree-tuner-annotate-root-ops,func.func(iree-tuner-strip-configuration))"
    PassManager.parse(pipeline, module.context).run(module.operation)
    assert native.configured_ops(module) == []
    assert len(native.find_root_ops(module)) == 2


def test_plugin_lies_beside_the_package() -> None:
    assert native.plugin_path().is_file()
