# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Choices for a model on the host CPU.

Source: iree-compile --help-list-hidden, 3.13. A test compiles small models with each value and compares the code.
On a text-recognition model they reduced 99 ms to 60 ms without tuned dispatches. On a large product data tiling takes a
third of the default's time.

Left out: flags that only change what a model computes for NaN or in half precision, and flags that changed no code. One
of these is the pass that makes matmuls of 1x1 convolutions: the compiler does that anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import z3

from tuner.model_flags import FlagKnob, Host, ModelFlags
from tuner.model_flags.cpu_repairs import REPAIRS
from tuner.model_flags.gains import SHIPPED

_OPT, _GLOBAL_OPT = "--iree-opt-", "--iree-global-opt-"
_CREATION, _LLVM = "--iree-dispatch-creation-", "--iree-llvmcpu-"
_CHANNELS_LAST = "iree-preprocessing-convert-conv-to-channels-last"
_LAYOUTS = {
    "channels-last": (_CHANNELS_LAST,),
    # NCHWc on every processor: each convolution packs its operands in blocks of 4, 8 or 16 channels.
    **{f"channels-last-{block}": (f"{_CHANNELS_LAST}{{tiling-factor={block}}}",) for block in (4, 8, 16)},
}
_WINOGRAD = "iree-linalg-ext-convert-conv2d-to-winograd{replace-all-convs=true}"
_TILED_OPS = f"{_CREATION}experimental-set-data-tiling-ops="
# That of matrix products stays on, as by default.
_BLOCKED_KERNEL = f"{_LLVM}enable-ukernels=mmt4d,conv_nchwc"
# Numbers of threads that machines usually have. IREE assumes 8, whatever the machine has.
_THREADS = (1, 2, 3, 4, 6, 12, 16, 24, 32, 48, 64, 96, 128)


def _has_avx512(host: Host) -> bool:
    return host.may_have("+avx512f")


def _tiles_channels(host: Host) -> bool:
    return _has_avx512(host) or host.may_have("+neon")


def _lacks_avx512(host: Host) -> bool:
    return host.features is None or not _has_avx512(host)


def _has_threads(threads: int) -> Callable[[Host], bool]:
    return lambda host: host.threads == threads


# Without knowledge of other models, a search tries the first values of the first knobs first.
KNOBS = (
    FlagKnob(
        "convolution-layout",
        _LAYOUTS,
        remakes=dict.fromkeys(_LAYOUTS, "channels last"),
        of_convolutions=frozenset(_LAYOUTS),
    ),
    # Two paths: `on` is the one that IREE suggests, which tiles when it creates dispatches and fuses packing with them.
    # It makes the bytes of `--iree-dispatch-creation-data-tiling`. `early` tiles in the global optimization.
    FlagKnob(
        "data-tiling",
        {"on": (f"{_OPT}data-tiling",), "early": (f"{_GLOBAL_OPT}data-tiling",)},
        remakes={"on": "tiles", "early": "tiles"},
    ),
    FlagKnob(
        "threads",
        {str(threads): (f"{_LLVM}number-of-threads={threads}",) for threads in _THREADS},
        {str(threads): _has_threads(threads) for threads in _THREADS},
    ),
    FlagKnob("aggressive-fusion", {"on": (f"{_CREATION}enable-aggressive-fusion",)}),
    FlagKnob("opt-level", {"O2": (f"{_OPT}level=O2",), "O3": (f"{_OPT}level=O3",)}),
    # Convolutions in blocks of 16 channels, NCHWc: in f32 with AVX-512 or NEON. On AVX2 the compiler packs nothing. A
    # microkernel makes them fast: 3x3 with 64 channels took 2.3 ms with it, 44 without (2-core EPYC with AVX-512).
    FlagKnob(
        "data-tiled-ops",
        {
            "matmul-and-convolution": (f"{_TILED_OPS}matmul", f"{_TILED_OPS}convolution", _BLOCKED_KERNEL),
            "convolution": (f"{_TILED_OPS}convolution", _BLOCKED_KERNEL),
        },
        {"matmul-and-convolution": _tiles_channels, "convolution": _tiles_channels},
        remakes=dict.fromkeys(("matmul-and-convolution", "convolution"), "blocks of channels"),
        of_convolutions=frozenset({"matmul-and-convolution", "convolution"}),
    ),
    FlagKnob(
        "convolution-algorithm",
        {"im2col": (f"{_GLOBAL_OPT}use-im2col-for-convs",), "winograd": (_WINOGRAD,)},
        remakes={"im2col": "products", "winograd": "smaller products"},
        of_convolutions=frozenset({"im2col", "winograd"}),
    ),
    # The default is mmt4d on x86-64 and AArch64. `all`: packing, unpacking and blocked convolutions too.
    FlagKnob("microkernels", {"none": (f"{_LLVM}enable-ukernels=none",), "all": (f"{_LLVM}enable-ukernels=all",)}),
    FlagKnob("inner-tiled", {"on": (f"{_LLVM}enable-inner-tiled",)}, recodes={"on": "inner tiles"}),
    FlagKnob(
        "fuse-padding",
        {
            "consumer": (f"{_CREATION}enable-fuse-padding-into-linalg-consumer-ops",),
            "producer": (f"{_CREATION}enable-fuse-padding-into-linalg-producer-ops",),
        },
    ),
    FlagKnob(
        "transposes",
        {
            "through-convolutions": (f"{_GLOBAL_OPT}propagate-transposes-through-conv",),
            "aggressive": (f"{_OPT}aggressively-propagate-transposes",),
            "none": (f"{_GLOBAL_OPT}propagate-transposes=false",),
        },
        of_convolutions=frozenset({"through-convolutions"}),
    ),
    FlagKnob("generalized-matmul", {"on": (f"{_OPT}generalize-matmul",)}),
    FlagKnob("outer-concatenation", {"on": (f"{_OPT}outer-dim-concat",)}),
    FlagKnob("reassociation", {"on": (f"{_LLVM}reassociate-fp-reductions",)}),
    FlagKnob("multi-use-encodings", {"fused": (f"{_CREATION}experimental-multi-use-encoding-fusion",)}),
    FlagKnob(
        "distribution",
        {
            "small": (f"{_LLVM}distribution-size=32",),
            "large": (f"{_LLVM}distribution-size=128",),
            "none": (f"{_LLVM}disable-distribution",),
        },
        {"none": _has_threads(1)},
    ),
    # In bytes. The default is the width of the processor's registers: 64 with AVX-512, 32 with AVX2.
    FlagKnob(
        "vector-width",
        {str(width): (f"{_LLVM}target-vector-width-in-bytes={width}",) for width in (32, 64)},
        {"32": _has_avx512, "64": _lacks_avx512},
    ),
    # What becomes of the rest of a loop that vectors do not divide. The default masks with AVX-512 and peels without.
    FlagKnob(
        "ragged-edges",
        {strategy: (f"{_LLVM}vector-pproc-strategy={strategy}",) for strategy in ("peel", "mask", "none")},
        {"peel": _has_avx512, "mask": _lacks_avx512},
    ),
    FlagKnob("loop-unrolling", {"on": (f"{_LLVM}loop-unrolling",)}),
)
_NUMBERS = {knob.name: {value: number for number, value in enumerate(knob.values)} for knob in KNOBS}


def _is(knobs: Mapping[str, Any], name: str, value: str) -> Any:
    return knobs[name] == _NUMBERS[name][value]


def _needs_data_tiling(name: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda knobs: z3.Implies(knobs[name] != 0, knobs["data-tiling"] != 0)


def _needs_the_suggested_path(name: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda knobs: z3.Implies(knobs[name] != 0, _is(knobs, "data-tiling", "on"))


def _in_level(level: str, name: str, value: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda knobs: z3.Implies(knobs["opt-level"] >= _NUMBERS["opt-level"][level], z3.Not(_is(knobs, name, value)))


FLAGS = ModelFlags(
    knobs=KNOBS,
    rules={
        "microkernels serve data-tiled ops only": _needs_data_tiling("microkernels"),
        "inner-tiled ops are data-tiled": _needs_data_tiling("inner-tiled"),
        "inner-tiled ops take the place of mmt4d": lambda knobs: z3.Implies(
            knobs["inner-tiled"] != 0, z3.Not(_is(knobs, "microkernels", "none"))
        ),
        "only the suggested path of data tiling chooses its ops": _needs_the_suggested_path("data-tiled-ops"),
        "only the suggested path of data tiling fuses encodings": _needs_the_suggested_path("multi-use-encodings"),
        "tiled convolutions settle the microkernels": lambda knobs: z3.Implies(
            knobs["data-tiled-ops"] != 0, knobs["microkernels"] == 0
        ),
        "im2col leaves no convolution to be tiled": lambda knobs: z3.Implies(
            _is(knobs, "convolution-algorithm", "im2col"), knobs["data-tiled-ops"] == 0
        ),
        # Source: iree-compile --help names the level at which each of them becomes the default.
        "O1 puts concatenations outside": _in_level("O2", "outer-concatenation", "on"),
        "O2 fuses aggressively": _in_level("O2", "aggressive-fusion", "on"),
        "O2 generalizes matmuls": _in_level("O2", "generalized-matmul", "on"),
        "O2 reassociates": _in_level("O2", "reassociation", "on"),
        "O3 propagates transposes aggressively": _in_level("O3", "transposes", "aggressive"),
    },
    repairs=REPAIRS,
    gains=SHIPPED,
)
