# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Problems without a model: a list of them, a line each, becomes a model that has one dispatch for each."""

from tuner.problems.lists import SUFFIX, is_list, module_of, write_list

__all__ = ["SUFFIX", "is_list", "module_of", "write_list"]
