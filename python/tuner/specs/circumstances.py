# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The circumstances of a compilation that the dispatches were read from."""

from __future__ import annotations

from collections.abc import Sequence

from tuner.dispatches.extract import Extracted
from tuner.options import Options
from tuner.specs.certificate import Circumstances, circumstances
from tuner.specs.preprocessing import portable
from tuner.targets import Allocator, Target


def circumstances_of(
    options: Options, target: Target, extracted: Extracted, flags: Sequence[str], allocator: Allocator = "default"
) -> Circumstances:
    """What certificates say of a model that is compiled with `flags`, those of the target included."""
    return circumstances(
        options.target,
        extracted.device_description,
        extracted.features,
        target.device.timed_as,
        options.threads,
        portable(flags),
        allocator,
    )
