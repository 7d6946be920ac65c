# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Fakes and contracts for tests: programs that are replayed instead of run, and what plug-ins must keep to."""
