# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`python -m tuner` is `iree-tune`."""

from tuner.cli import main

if __name__ == "__main__":
    main()
