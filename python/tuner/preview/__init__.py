# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a run would do, without doing it: `list`, `space`, `--dry-run`."""
