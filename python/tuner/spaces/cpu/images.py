# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How windows slide along an image, in convolutions and poolings."""

from __future__ import annotations

import re

from tuner.dispatch import Problem


def image_and_window(problem: Problem) -> list[tuple[int, int]]:
    """The output's image loops, each with the loop of the window that slides along it."""
    images = [index for index, loop in enumerate(problem.loops) if loop.role == "image"]
    windows = [index for index, loop in enumerate(problem.loops) if loop.role == "window"]
    return list(zip(images, windows, strict=False))


def is_dense(problem: Problem, image: int, window: int) -> bool:
    """Whether neighbours in the output read neighbours in the image."""
    return re.search(rf"d{image} \+ d{window}\b(?! \*)", problem.operands[0].indexing_map) is not None


def fills_no_buffer(problem: Problem) -> bool:
    """Whether the dispatch can be folded: a follower that shares no loop with the root op scatters the output.

    It would leave a buffer on the heap, which a dispatch cannot have.
    """
    return all(any(loop >= 0 for loop in follower.loops) for follower in problem.followers)
