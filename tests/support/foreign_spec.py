# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A spec of another's making: its one entry matches every product, changes nothing, and has no certificate."""

FOREIGN = """
module @foreign attributes { transform.with_named_sequence } {
  transform.named_sequence @keep(%op: !transform.any_op {transform.readonly}) { transform.yield }
  transform.named_sequence @any_matmul(%op: !transform.any_op {transform.readonly}) -> !transform.any_op {
    transform.match.operation_name %op ["linalg.matmul"] : !transform.any_op
    transform.yield %op : !transform.any_op
  }
  transform.named_sequence @__kernel_config(%root: !transform.any_op {transform.consumed}) -> !transform.any_op
      attributes { iree_codegen.tuning_spec_entrypoint } {
    %result = transform.foreach_match in %root @any_matmul -> @keep : (!transform.any_op) -> !transform.any_op
    transform.yield %result : !transform.any_op
  }
}
"""
