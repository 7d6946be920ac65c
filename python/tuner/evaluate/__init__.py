# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From a binary to a verdict: checked and timed on the devices of a run, then compared in a final."""
