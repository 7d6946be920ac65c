# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Choices for a model on a GPU, whoever makes it.

Source: iree-compile --help-list-hidden, 3.13. A test compiles small models with each value and compares the code.

No gains are known yet. First comes the layout of convolutions: matrix instructions are fed by copies of 16 bytes if the
channels lie last (`tuner.spaces.gpu.feeding`). The order of the others is by what they make of three models in f16 for
sm_80: the dispatches that a run starts, and the megabytes that these read and write together (`docs/models.md` has the
numbers). First come those that make both fewer. Then come those that make other code of products and convolutions, most
of the arithmetic. What changed nothing in these models comes last.

Left out: flags that changed no code (im2col's padding, the threshold of large products, the pipelines of earlier
releases, reuse of shared memory, the axis of workgroups, fusion of ops with several uses); those that only make more
dispatches or bytes (early truncation, transposed operands of products, native padding); the one that refuses
convolutions in f16 (im2col).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import z3

from tuner.model_flags import FlagKnob

_OPT, _GLOBAL_OPT = "--iree-opt-", "--iree-global-opt-"
_CREATION, _CODE = "--iree-dispatch-creation-", "--iree-codegen-llvmgpu-"
_WINOGRAD = "iree-linalg-ext-convert-conv2d-to-winograd{replace-all-convs=true}"

KNOBS = (
    FlagKnob(
        "convolution-layout",
        {"channels-last": ("iree-preprocessing-convert-conv-to-channels-last",)},
        remakes={"channels-last": "channels last"},
        of_convolutions=frozenset({"channels-last"}),
    ),
    FlagKnob("opt-level", {"O2": (f"{_OPT}level=O2",), "O3": (f"{_OPT}level=O3",)}),
    FlagKnob(
        "fuse-padding",
        {
            "consumer": (f"{_CREATION}enable-fuse-padding-into-linalg-consumer-ops",),
            "producer": (f"{_CREATION}enable-fuse-padding-into-linalg-producer-ops",),
        },
    ),
    FlagKnob("generalized-matmul", {"on": (f"{_OPT}generalize-matmul",)}),
    FlagKnob("aggressive-fusion", {"on": (f"{_CREATION}enable-aggressive-fusion",)}),
    # By default the code of a convolution is that of a product (implicit GEMM).
    FlagKnob(
        "convolution-algorithm",
        {
            "direct": (f"{_CODE}use-direct-convolution",),
            "plain": (f"{_CODE}use-igemm=false",),
            "winograd": (_WINOGRAD,),
        },
        remakes={"winograd": "smaller products"},
        of_convolutions=frozenset({"direct", "plain", "winograd"}),
    ),
    FlagKnob("product-code", {"vector-distribute": (f"{_CODE}use-tile-and-fuse-matmul=false",)}),
    FlagKnob(
        "horizontal-contractions",
        {"fused": (f"{_CREATION}enable-fuse-horizontal-contractions",)},
        remakes={"fused": "several products in one"},
    ),
    FlagKnob(
        "transposes",
        {
            "aggressive": (f"{_OPT}aggressively-propagate-transposes",),
            "none": (f"{_GLOBAL_OPT}propagate-transposes=false",),
            "through-convolutions": (f"{_GLOBAL_OPT}propagate-transposes-through-conv",),
        },
        of_convolutions=frozenset({"through-convolutions"}),
    ),
    FlagKnob("reduction-code", {"tile-and-fuse": (f"{_CODE}use-reduction-vector-distribution=false",)}),
    FlagKnob("split-reduction", {"on": (f"{_CREATION}enable-split-reduction",)}),
    FlagKnob("outer-concatenation", {"on": (f"{_OPT}outer-dim-concat",)}),
)
_NUMBERS = {knob.name: {value: number for number, value in enumerate(knob.values)} for knob in KNOBS}


def _in_level(level: str, name: str, value: str) -> Callable[[Mapping[str, Any]], Any]:
    least, settled = _NUMBERS["opt-level"][level], _NUMBERS[name][value]
    return lambda knobs: z3.Implies(knobs["opt-level"] >= least, knobs[name] != settled)


# Source: iree-compile --help names the level at which each of them becomes the default.
RULES = {
    "O1 puts concatenations outside": _in_level("O2", "outer-concatenation", "on"),
    "O2 fuses aggressively": _in_level("O2", "aggressive-fusion", "on"),
    "O2 generalizes matmuls": _in_level("O2", "generalized-matmul", "on"),
    "O3 propagates transposes aggressively": _in_level("O3", "transposes", "aggressive"),
}
