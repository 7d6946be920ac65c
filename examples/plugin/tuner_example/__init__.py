# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A space, a target and a strategy for iree-tuner, each in its own file."""
