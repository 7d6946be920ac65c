# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Backward convolutions of drivers' commands: they compute what a loop over the forward one's products gives."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from iree import runtime

from iree_tools import iree_compile
from tuner.problems import module_of
from tuner.problems.drivers import read_driver_line
from tuner.problems.gradients import FilterGradient, image_gradient
from tuner.problems.ops import Convolution

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float32]]

# Stride, padding, dilation, groups; rows differ from columns so that exchanged ones show.
FORMS = {
    "plain": "-y 3 -x 2",
    "padded": "-y 3 -x 3 -p 1 -q 2",
    "padded more than its window reaches": "-y 1 -x 3 -p 2 -q 1",
    "strides": "-y 3 -x 3 -p 1 -q 1 -u 2 -v 3",
    "dilated, with strides": "-y 3 -x 2 -p 1 -q 1 -u 2 -v 1 -l 2 -j 3",
    "groups": "-y 3 -x 3 -p 1 -q 1 -u 2 -v 1 -g 2",
    "one element": "-y 1 -x 1",
}
LAYOUTS = ("NHWC", "NCHW")


def command(form: str, layout: str, direction: int) -> str:
    layouts = " ".join(f"--{what}_layout {layout}" for what in ("in", "fil", "out"))
    return f"MIOpenDriver conv -n 2 -c 4 -H 7 -W 8 -k 6 {FORMS[form]} {layouts} -F {direction}"


def padding(form: str) -> tuple[int, int]:
    words = FORMS[form].split()
    rows, columns = (int(words[words.index(name) + 1]) if name in words else 0 for name in ("-p", "-q"))
    return rows, columns


def computed(lines: Sequence[str], folder: Path, *operands: Floats) -> list[Floats]:
    """What the program of a list of problems makes of their operands."""
    (folder / "problems.txt").write_text("\n".join(lines))
    binary = iree_compile(module_of(folder / "problems.txt"), "llvm-cpu")
    module = runtime.load_vm_flatbuffer(binary, driver="local-sync")
    return [result.to_host() for result in module.problems(*operands)]


def in_order(values: Floats, form: str, layout: str, *, is_filter: bool = False) -> Floats:
    """Values [n, h, w, g, c] of images, or [g, f, y, x, c] of a filter, as the layout has them, without one group."""
    if layout == "NCHW":
        values = np.transpose(values, (0, 1, 4, 2, 3) if is_filter else (0, 3, 4, 1, 2))
    return np.ascontiguousarray(values if "-g" in FORMS[form] else values.squeeze(0 if is_filter else _GROUP[layout]))


def as_read(output: Floats, layout: str) -> Floats:
    """The output's gradient as the filter's reads it: with channels first, the batch stands before the rows."""
    return np.ascontiguousarray(np.moveaxis(output, 0, -3)) if layout == "NCHW" else output


_GROUP = {"NHWC": 3, "NCHW": 1}


def gradients(forward: Convolution, image: Floats, weights: Floats, output: Floats) -> tuple[Floats, Floats]:
    """The gradients of the padded image and of the filter, product by product."""
    of_image, of_weights = np.zeros_like(image), np.zeros_like(weights)
    (down, across), (row, column) = forward.stride, forward.dilation
    for h, w in np.ndindex(*forward.image):
        for y, x in np.ndindex(*forward.window):
            read = (slice(None), h * down + y * row, w * across + x * column)
            of_image[read] += np.einsum("ngf,gfc->ngc", output[:, h, w], weights[:, :, y, x])
            of_weights[:, :, y, x] += np.einsum("ngf,ngc->gfc", output[:, h, w], image[read])
    return of_image, of_weights


def spread(forward: Convolution, output: Floats, pads: tuple[int, int]) -> Floats:
    """The output's gradient [n, h, w, g, f] as the image's reads it: with zeros between and around."""
    op = image_gradient(forward, pads)
    made = np.zeros((op.batch, op.height, op.width, *output.shape[3:]), np.float32)
    begins = [(size - 1) * step - pad for size, step, pad in zip(op.window, op.dilation, pads, strict=True)]
    for h, w in np.ndindex(*forward.image):
        row, column = begins[0] + h * forward.stride[0], begins[1] + w * forward.stride[1]
        if 0 <= row < op.height and 0 <= column < op.width:
            made[:, row, column] = output[:, h, w]
    return made


@pytest.mark.compiler
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("form", FORMS)
def test_gradients_are_those_of_the_forward_convolution(form: str, layout: str, tmp_path: Path) -> None:
    forward = read_driver_line(command(form, layout, 1))
    assert isinstance(forward, Convolution)
    groups, rng = forward.groups, np.random.default_rng(0)
    image, weights, output = (
        rng.integers(-4, 5, size=sizes).astype(np.float32)
        for sizes in (
            (2, forward.height, forward.width, groups, 4 // groups),
            (groups, 6 // groups, *forward.window, 4 // groups),
            (2, *forward.image, groups, 6 // groups),
        )
    )
    pads = padding(form)
    of_image, of_weights = gradients(forward, image, weights, output)
    flipped = np.transpose(weights[:, :, ::-1, ::-1], (0, 4, 2, 3, 1))
    made = computed(
        [command(form, layout, direction) for direction in (4, 2)],
        tmp_path,
        in_order(image, form, layout),
        as_read(in_order(output, form, layout), layout),
        in_order(spread(forward, output, pads), form, layout),
        in_order(flipped, form, layout, is_filter=True),
    )
    within = of_image[:, pads[0] : pads[0] + 7, pads[1] : pads[1] + 8]
    np.testing.assert_array_equal(made[0], in_order(of_weights, form, layout, is_filter=True))
    np.testing.assert_array_equal(made[1], in_order(within, form, layout))


@pytest.mark.parametrize(("element_type", "sums"), [("fp16", "f32"), ("int8", "i32")])
def test_sums_are_as_wide_as_those_of_the_forward_one(element_type: str, sums: str) -> None:
    op = read_driver_line(f"MIOpenDriver conv{element_type} -n 2 -c 4 -H 8 -W 8 -k 6 -F 4")
    assert isinstance(op, FilterGradient)
    assert op.output == f"tensor<6x4x3x3x{sums}>"
