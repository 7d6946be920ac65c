# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The dispatches of a model: extracted, read, and made into benchmarks of their own."""
