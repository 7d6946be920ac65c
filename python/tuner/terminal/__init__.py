# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a terminal shows of a run: its progress, its result, and what a run would do."""
