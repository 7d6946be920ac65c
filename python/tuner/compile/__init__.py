# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From a configuration to a binary: applied, read back, compiled by worker processes."""
