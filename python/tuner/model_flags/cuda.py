# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Choices for a model on a GPU of NVIDIA's: those of every GPU. No gains were measured yet."""

from __future__ import annotations

from tuner.model_flags import ModelFlags
from tuner.model_flags.gpu import KNOBS, RULES

FLAGS = ModelFlags(KNOBS, RULES)
