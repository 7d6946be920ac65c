# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The errors of the native layer."""

from __future__ import annotations


class NativeError(Exception):
    """The native layer could not do what was asked."""


class HostError(NativeError):
    """The loaded IREE compiler lacks what our passes need."""


class PassError(NativeError):
    """A pass failed. The message is the text of its error diagnostics."""
