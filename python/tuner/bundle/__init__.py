# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiling here, measuring there: a folder of compiled candidates that a machine without a compiler measures.

`packing` writes a bundle, `measuring` runs on the other machine, `taking_back` makes a spec from its results. What the
other machine needs (`manifest`, `results`, `measuring` and what they import) imports no compiler, and is in the bundle.
"""
