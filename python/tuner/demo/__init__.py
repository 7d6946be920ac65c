# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The demo: tunes a matrix-vector product, and times the default and the tuned model by IREE's own tools."""
