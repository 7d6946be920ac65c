# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Choices for a model on the host CPU.

Source: iree-compile --help, 3.13. On a text-recognition model they reduced 99 ms to 60 ms without tuned dispatches. On
a large product data tiling takes a third of the default's time.
"""

from __future__ import annotations

import z3

from tuner.model_flags import FlagKnob, ModelFlags
from tuner.model_flags.cpu_repairs import REPAIRS

_CHANNELS_LAST = "builtin.module(util.func(iree-preprocessing-convert-conv-to-channels-last))"
_IM2COL = "builtin.module(util.func(iree-preprocessing-convert-conv2d-to-img2col))"

FLAGS = ModelFlags(
    knobs=(
        FlagKnob("opt-level", {"O2": ("--iree-opt-level=O2",), "O3": ("--iree-opt-level=O3",)}),
        FlagKnob(
            "convolutions",
            {
                "channels-last": (f"--iree-preprocessing-pass-pipeline={_CHANNELS_LAST}",),
                "im2col": (f"--iree-preprocessing-pass-pipeline={_IM2COL}",),
            },
        ),
        FlagKnob("data-tiling", {"on": ("--iree-opt-data-tiling",)}),
        FlagKnob("microkernels", {"mmt4d": ("--iree-llvmcpu-enable-ukernels=mmt4d",)}),
    ),
    rules={
        "microkernels serve data-tiled products only": lambda knobs: z3.Implies(
            knobs["microkernels"] == 1, knobs["data-tiling"] == 1
        ),
    },
    repairs=REPAIRS,
)
