# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Problems as command lines of benchmark drivers: MIOpenDriver's, and those of the same words that others take.

`MIOpenDriver convfp16 -n 16 -c 64 -H 28 -W 28 -k 128 -y 3 -x 3 -p 1 -q 1 -F 1`. Source of the options: MIOpen,
driver/conv_driver.hpp and driver/gemm_driver.hpp.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from tuner.errors import InputError
from tuner.foreign import shown
from tuner.problems.gradients import FilterGradient, image_gradient
from tuner.problems.notation import convolution
from tuner.problems.ops import SUMS, Convolution, Matmul, Op

# The first word of a driver's options, with the type of the operands.
_TYPES = {"": "f32", "fp16": "f16", "bfp16": "bf16", "bf16": "bf16", "int8": "i8", "fp32": "f32"}
_COMMAND = re.compile(rf"(conv|gemm|matmul)({'|'.join(filter(None, _TYPES))})?")
# Names of options in MIOpen's form, in the order of (short, long), by what they say.
_CONVOLUTION = {
    "n": ("-n", "--batchsize"),
    "c": ("-c", "--in_channels"),
    "h": ("-H", "--in_h"),
    "w": ("-W", "--in_w"),
    "k": ("-k", "--out_channels"),
    "y": ("-y", "--fil_h"),
    "x": ("-x", "--fil_w"),
    "p": ("-p", "--pad_h"),
    "q": ("-q", "--pad_w"),
    "u": ("-u", "--conv_stride_h"),
    "v": ("-v", "--conv_stride_w"),
    "l": ("-l", "--dilation_h"),
    "j": ("-j", "--dilation_w"),
    "g": ("-g", "--group_count"),
    "direction": ("-F", "--forw"),
    "mode": ("-m", "--mode"),
    "dims": ("-_", "--spatial_dim"),
    "image": ("-I", "--in_layout"),
    "filter": ("-f", "--fil_layout"),
    "output": ("-O", "--out_layout"),
}
_DEFAULTS = {"n": 100, "c": 3, "h": 32, "w": 32, "k": 32, "y": 3, "x": 3, "p": 0, "q": 0, "u": 1, "v": 1, "l": 1}
_DEFAULTS |= {"j": 1, "g": 1, "direction": 0, "dims": 2}
_GEMM = {"rows": ("--a_h",), "sums": ("--a_w",), "columns": ("--b_w",)}
# As Fusilli's driver takes a product. What its sums are rounded to at last changes no problem.
_MATMUL = {"rows": ("-M",), "columns": ("-N",), "sums": ("-K",), "a": ("--a_type",), "b": ("--b_type",)}
_NAMES: Mapping[str, Mapping[str, tuple[str, ...]]] = {"conv": _CONVOLUTION, "gemm": _GEMM, "matmul": _MATMUL}
# Options that say how to run and check, and nothing of the problem; each takes a value.
_RUNNING = {
    *("-t", "--time", "-V", "--verify", "-i", "--iter", "-w", "--wall", "-s", "--search", "-S", "--solution"),
    *("-G", "--gpualloc", "-P", "--printconv", "-b", "--bias", "-a", "--in_bias", "-o", "--dump_output"),
    *("-z", "--pad_mode", "-d", "--in_data", "-e", "--weights", "--alpha", "--beta", "--out_type"),
}
_LAYOUTS = {"NHWC": "nhwc_fhwc", "NCHW": "nchw_fchw"}
# The directions, by MIOpen's numbers. It times all of them for 0, its default, of which the forward one is made here.
_FORWARD, _OF_IMAGE, _OF_FILTER = (0, 1), 2, 4


def is_driver_line(line: str) -> bool:
    """Whether a line is a driver's command."""
    words = line.split()
    return any(_COMMAND.fullmatch(word) for word in words[:2]) and any(word.startswith("-") for word in words)


def read_driver_line(line: str) -> Op:
    """The op that a driver's command times. Raises InputError."""
    return _Line.of(line).op()


@dataclass(frozen=True, slots=True)
class _Line:
    """A command by its parts: what it times, the type of the operands, and the values of its options."""

    text: str
    kind: str
    element_type: str
    values: Mapping[str, str]

    @staticmethod
    def of(text: str) -> _Line:
        """Reads a line. Raises InputError."""
        words = _split(text)
        while not (found := _COMMAND.fullmatch(words[0])):
            words.pop(0)
        kind, suffix = found[1], found[2] or ""
        known = {name: what for what, both in _NAMES[kind].items() for name in both}
        element_type, values = _TYPES[suffix], {}
        rest = words[1:]
        while rest:
            word = rest.pop(0)
            if word.startswith("--") and word[2:] in _TYPES:
                element_type = _TYPES[word[2:]]
                continue
            if word not in known and word not in _RUNNING:
                raise _error(text, f"its option '{shown(word)}' is not known here; take it out if it may go")
            if not rest:
                raise _error(text, f"its option {word} has no value")
            value = rest.pop(0)
            if word in known:
                values[known[word]] = value
        return _Line(text, kind, element_type, values)

    def op(self) -> Op:
        """What the command times. Raises InputError."""
        if self.kind != "conv":
            element_type = self._operands() if self.kind == "matmul" else self.element_type
            return Matmul(self._number("rows"), self._number("columns"), self._number("sums"), element_type)
        if self._number("dims") != 2 or self.values.get("mode", "conv") != "conv":
            raise self.error("only convolutions of two dimensions (--spatial_dim 2 -m conv) are made")
        direction, padding = self._number("direction"), (self._number("p", least=0), self._number("q", least=0))
        forward = self._forward(padding)
        if direction in _FORWARD:
            return forward
        if direction == _OF_IMAGE:
            return image_gradient(forward, padding)
        if direction == _OF_FILTER:
            return FilterGradient(forward)
        raise self.error("--forw is one direction: 1 (forward), 2 (backward data) or 4 (backward weights)")

    def _forward(self, padding: tuple[int, int]) -> Convolution:
        """The forward convolution, whichever direction is asked for."""
        return convolution(
            self.error,
            Convolution(
                self._number("n"),
                self._number("h") + 2 * padding[0],
                self._number("w") + 2 * padding[1],
                self._number("c"),
                self._number("k"),
                (self._number("y"), self._number("x")),
                self.element_type,
                stride=(self._number("u"), self._number("v")),
                dilation=(self._number("l"), self._number("j")),
                groups=self._number("g"),
                layout=self._layout(),
            ),
        )

    def error(self, why: str) -> InputError:
        """What to raise for this line."""
        return _error(self.text, why)

    def _operands(self) -> str:
        """The type of both operands of Fusilli's product."""
        left, right = (self.values.get(what, "f32") for what in ("a", "b"))
        if left != right or left not in SUMS:
            raise self.error(f"its operands are {shown(left)} and {shown(right)}, not both one of {', '.join(SUMS)}")
        return left

    def _layout(self) -> str:
        """The layout of image and filter, which the output has too."""
        named = {self.values.get(what, "NCHW") for what in ("image", "filter", "output")}
        if len(named) != 1 or not named <= _LAYOUTS.keys():
            raise self.error(f"its layouts {', '.join(sorted(map(shown, named)))} are not one of {', '.join(_LAYOUTS)}")
        return _LAYOUTS[named.pop()]

    def _number(self, what: str, *, least: int | None = None) -> int:
        """The value of an option."""
        value = self.values.get(what, str(_DEFAULTS.get(what, "")))
        least = (0 if what == "direction" else 1) if least is None else least
        if not re.fullmatch(r"\d{1,9}", value) or int(value) < least:
            name = _NAMES[self.kind][what][-1]
            raise self.error(f"{name} is a number of at least {least}, not '{shown(value)}'")
        return int(value)


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise _error(text, f"it cannot be read ({error})") from error


def _error(text: str, why: str) -> InputError:
    return InputError(f"the command '{shown(text)}': {why}")
