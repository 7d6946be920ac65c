# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A problem in a few words, as in `conv 2x32x32x1280->1280 3x3 f16`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from tuner.errors import InputError
from tuner.foreign import shown
from tuner.problems.ops import LAYOUTS, SUMS, Attention, Convolution, Matmul, Op

# What a problem of each kind looks like.
FORMS = {
    "matmul": "matmul MxNxK TYPE [transposed]",
    "batch_matmul": "batch_matmul BxMxNxK TYPE [transposed]",
    "conv": f"conv NxHxWxC->F HxW TYPE [stride S] [pad P] [dilation D] [groups G] [{'|'.join(LAYOUTS)}]",
    "attention": "attention BxQUERIESxKEYSxFEATURES[xVALUES] TYPE [masked]",
}
_SIZES = re.compile(r"[1-9]\d{0,8}(x[1-9]\d{0,8})*")
_Value = TypeVar("_Value")


def read_problem(text: str) -> Op:
    """The op that a line describes. Raises InputError."""
    words = _Words(text)
    kind = words.kind
    op = _READERS[kind](words)
    words.check_all_read()
    return op


class _Words:
    """The words of a problem; each is read once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.kind, *self._left = text.split() or [""]
        if self.kind not in FORMS:
            raise InputError(f"'{shown(text)}' is no problem; it starts with one of {', '.join(FORMS)}")

    def error(self, why: str) -> InputError:
        """What to raise for a problem that says nothing that can be done."""
        return InputError(f"the problem '{shown(self._text)}': {why}; write {FORMS[self.kind]}")

    def next(self, what: str) -> str:
        """The next word, which is to say `what`."""
        if not self._left:
            raise self.error(f"{what} is missing")
        return self._left.pop(0)

    def sizes(self, what: str, *counts: int) -> tuple[int, ...]:
        """The next word as sizes, as in 2x32x32; there are as many as one of the `counts`."""
        word = self.next(what)
        return self._read(word, what, counts)

    def _read(self, word: str, what: str, counts: tuple[int, ...]) -> tuple[int, ...]:
        numbers = tuple(map(int, word.split("x"))) if _SIZES.fullmatch(word) else ()
        if len(numbers) not in counts:
            raise self.error(f"'{shown(word)}' is not {what} ({' or '.join(map(str, counts))} sizes)")
        return numbers

    def element_type(self) -> str:
        """The next word as a type of operands."""
        word = self.next("the type")
        if word not in SUMS:
            raise self.error(f"'{shown(word)}' is no type; choose one of {', '.join(SUMS)}")
        return word

    def flag(self, name: str) -> bool:
        """Whether a word is there."""
        is_there = name in self._left
        if is_there:
            self._left.remove(name)
        return is_there

    def one_of(self, names: Mapping[str, _Value], default: str) -> str:
        """The first of these words that is there."""
        return next((name for name in names if self.flag(name)), default)

    def pair(self, name: str, default: tuple[int, int]) -> tuple[int, int]:
        """The number behind a word, or two of them: along rows and columns."""
        if name not in self._left:
            return default
        place = self._left.index(name)
        word = self._left[place + 1] if place + 1 < len(self._left) else ""
        del self._left[place : place + 2]
        if name == "pad" and word in ("0", "0x0"):
            return (0, 0)
        rows, *columns = self._read(word, f"a number behind '{name}'", (1, 2))
        return rows, (columns or [rows])[0]

    def check_all_read(self) -> None:
        """Raises InputError if a word is left."""
        if self._left:
            raise self.error(f"'{shown(self._left[0])}' says nothing here")


def _matmul(words: _Words) -> Op:
    m, n, k = words.sizes("the sizes", 3)
    return Matmul(m, n, k, words.element_type(), transposed=words.flag("transposed"))


def _batch_matmul(words: _Words) -> Op:
    batch, m, n, k = words.sizes("the sizes", 4)
    return Matmul(m, n, k, words.element_type(), batch=batch, transposed=words.flag("transposed"))


def _convolution(words: _Words) -> Op:
    image, arrow, outputs = words.next("the sizes").partition("->")
    if not arrow or not _SIZES.fullmatch(outputs) or "x" in outputs or image.count("x") != 3:
        raise words.error("the sizes say no image and output channels")
    batch, height, width, channels = _checked(words, image)
    window = words.sizes("the window", 2)
    element_type = words.element_type()
    dilation = words.pair("dilation", (1, 1))
    # By default the output is as large as the image, divided by the stride.
    rows, columns = words.pair("pad", _half(window, dilation))
    groups, _ = words.pair("groups", (1, 1))
    return convolution(
        words.error,
        Convolution(
            batch,
            height + 2 * rows,
            width + 2 * columns,
            channels,
            int(outputs),
            (window[0], window[1]),
            element_type,
            stride=words.pair("stride", (1, 1)),
            dilation=dilation,
            groups=groups,
            layout=words.one_of(LAYOUTS, "nhwc_hwcf"),
        ),
    )


def _checked(words: _Words, sizes: str) -> Iterator[int]:
    if not _SIZES.fullmatch(sizes):
        raise words.error(f"'{shown(sizes)}' is no image")
    return map(int, sizes.split("x"))


def _half(window: tuple[int, ...], dilation: tuple[int, int]) -> tuple[int, int]:
    rows, columns = ((size - 1) * step // 2 for size, step in zip(window, dilation, strict=True))
    return rows, columns


def convolution(error: Callable[[str], InputError], op: Convolution) -> Convolution:
    """The convolution, if there is one of its sizes. Raises what `error` makes of the reason."""
    if min(op.image) < 1:
        raise error("its window is larger than its padded image")
    if op.input_channels % op.groups or op.output_channels % op.groups:
        raise error(f"{op.groups} groups do not divide its channels")
    return op


def _attention(words: _Words) -> Op:
    batch, queries, keys, features, *values = words.sizes("the sizes", 4, 5)
    element_type = words.element_type()
    if SUMS[element_type] == "i32":
        raise words.error("attention has no integers")
    return Attention(
        batch, queries, keys, features, (values or [features])[0], element_type, masked=words.flag("masked")
    )


_READERS: dict[str, Callable[[_Words], Op]] = {
    "matmul": _matmul,
    "batch_matmul": _batch_matmul,
    "conv": _convolution,
    "attention": _attention,
}
