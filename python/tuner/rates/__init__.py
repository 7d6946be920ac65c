# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What dispatches do and take: the work of each, the model's time dispatch by dispatch, and what a machine can do."""
