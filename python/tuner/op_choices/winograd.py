# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Winograd's algorithm for single convolutions: fewer products, more sums, and a larger error.

Source: IREE's pass `iree-linalg-ext-convert-conv2d-to-winograd`, which takes the marked convolutions of 3x3 elements
with stride 1. It drops what the output held before, so that is added here (tried with iree-compile 3.13). The pass
also takes channels last: with AVX-512 that took 1.0 to 40 times as long as the compiler's own code in 10 cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tuner.op_choices import InputOp, Rewriting
from tuner.op_choices.tensors import floats, total

_MARK = "__winograd_conv"
_PASS = "iree-linalg-ext-convert-conv2d-to-winograd"
_WINDOW = 3
# Channels on both sides that transforming the image must pay for.
_LEAST_CHANNELS = 16


@dataclass(frozen=True, slots=True)
class Winograd:
    """Marks convolutions, and converts the marked ones."""

    targets: tuple[str, ...] = ("cpu",)
    priority: int = -5
    flags: tuple[str, ...] = ()

    def values(self, op: InputOp) -> Sequence[str]:
        if op.name != "linalg.conv_2d_nchw_fchw" or not floats(op.operands):
            return ()
        windows = [loop.extent for loop in op.loops if loop.role == "window"]
        channels = [loop.extent for loop in op.loops if loop.role in ("channel", "k")]
        fits = windows == [_WINDOW] * 2 and {*op.strides, *op.dilations} == {1} and min(channels) >= _LEAST_CHANNELS
        return ("on",) if fits else ()

    def rewriting(self, op: InputOp, value: str) -> Rewriting:
        del value
        image, weights, out = floats(op.operands)
        return Rewriting(
            function=f"""\
(%image: {image}, %weights: {weights}, %second: {out}) -> {out} {{
    %zero = arith.constant 0.0 : {out.element}
    %empty = tensor.empty() : {out}
    %zeros = linalg.fill ins(%zero : {out.element}) outs(%empty : {out}) -> {out}
    %first = linalg.conv_2d_nchw_fchw
      {{dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>, {_MARK}}}
      ins(%image, %weights : {image}, {weights}) outs(%zeros : {out}) -> {out}
{total(out)}  }}""",
            passes=(_PASS,),
        )


KIND = Winograd()
