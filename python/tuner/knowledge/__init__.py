# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What was measured elsewhere and what a formula says, to rank a pool before anything is measured here."""
