# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is read of a convolution does not depend on the order of its dimensions."""

from __future__ import annotations

import pytest

from tuner.op_choices import InputOp
from tuner.op_choices.convolution import Convolution, part


@pytest.mark.parametrize(
    ("name", "shapes", "loops", "filters"),
    [
        ("conv_2d_nchw_fchw", ("1x3x9x14", "8x3x2x4", "1x8x8x11"), "n, f, h, w", 8),
        ("conv_2d_nhwc_hwcf", ("1x9x14x3", "2x4x3x8", "1x8x11x8"), "n, h, w, f", 8),
        ("conv_2d_nhwc_fhwc", ("1x9x14x3", "8x2x4x3", "1x8x11x8"), "n, h, w, f", 8),
        ("depthwise_conv_2d_nchw_chw", ("1x3x9x14", "3x2x4", "1x3x8x11"), "n, c, h, w", 3),
        ("depthwise_conv_2d_nhwc_hwc", ("1x9x14x3", "2x4x3", "1x8x11x3"), "n, h, w, c", 3),
    ],
)
def test_every_order_is_read(name: str, shapes: tuple[str, ...], loops: str, filters: int) -> None:
    op = InputOp(f"linalg.{name}", tuple(f"tensor<{shape}xf32>" for shape in shapes), (), (1, 1), (1, 1))
    found = Convolution.of(op)
    assert found is not None
    assert (found.batch, found.channels, found.filters) == (1, 3, filters)
    assert (found.pixels, found.window, found.outputs) == ((9, 14), (2, 4), (8, 11))
    assert found.loops == loops
    assert found.elements[:5] == [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0)]


@pytest.mark.parametrize(
    ("name", "element"), [("conv_2d_nchw_fchw", "i8"), ("conv_2d_nhwc_hwcf_q", "f32"), ("conv_1d_nwc_wcf", "f32")]
)
def test_other_ops_are_none(name: str, element: str) -> None:
    operands = tuple(f"tensor<{shape}x{element}>" for shape in ("1x3x9x14", "8x3x2x4", "1x8x8x11"))
    assert Convolution.of(InputOp(f"linalg.{name}", operands, (), (1, 1), (1, 1))) is None


def test_a_slice_names_its_dimensions_in_the_order_of_the_tensor() -> None:
    cut = part("nhwc", {"c": 2, "h": 1}, {"h": 5, "w": 6}, {"w": 2})
    assert cut == "[0, 1, 0, 2] [1, 5, 6, 1] [1, 1, 2, 1]"
