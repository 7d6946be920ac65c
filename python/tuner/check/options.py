# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The settings of a check, as one value."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tuner.model.shapes import Shapes
from tuner.targets import Allocator


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """What a user can set for a check.

    `target`, `threads`, `allocator` and `flags` (further flags of iree-compile) are those that the specs were made with
    if they are None. Flags that were chosen with the specs are used beside `flags`, unless those set the same.
    `function`: the model's entry, if it has several functions. `output`: where a refreshed spec goes. `run_dir`: where
    logs and binaries go (a new folder under `.iree-tuner` by default). `seed`: of the order of samples. `shapes`: sizes
    that an ONNX model leaves open.
    """

    target: str | None = None
    threads: int | None = None
    allocator: Allocator | None = None
    flags: tuple[str, ...] | None = None
    function: str = ""
    output: Path | None = None
    run_dir: Path | None = None
    seed: int = 0
    shapes: Shapes = field(default_factory=Shapes)
