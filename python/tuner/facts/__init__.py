# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a GPU's binary says of itself before it runs: registers, spills, shared memory, instructions."""

from tuner.facts.binary import BinaryFacts, check_facts
from tuner.facts.reading import read_facts

__all__ = ["BinaryFacts", "check_facts", "read_facts"]
