# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Remembers random arrays: each round of a comparison needs the same data, and drawing it can take a third of it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Remembered:
    """The arrays that were asked for last, as many as `most_bytes` hold. Nobody may write to them."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._arrays: OrderedDict[Hashable, Array] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Array]) -> Array:
        """The array of that key, made if it is not remembered. One that does not fit is made each time."""
        if key in self._arrays:
            self._arrays.move_to_end(key)
            return self._arrays[key]
        array = np.ascontiguousarray(make())
        if array.nbytes <= self._most_bytes:
            array.flags.writeable = False
            self._arrays[key] = array
            while sum(kept.nbytes for kept in self._arrays.values()) > self._most_bytes:
                self._arrays.popitem(last=False)
        return array
