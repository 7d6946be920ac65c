# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Sentences are broken at words, commands and long words never."""

from __future__ import annotations

import pytest

from tuner.terminal.wrapping import wrapped

SENTENCE = "The best of 25 candidates reached 97% of the best, and the model is re-run."
COMMAND = "  iree-compile model.mlir --iree-hal-target-device=local -o model.vmfb"


@pytest.mark.parametrize("width", [10, 24, 80])
def test_a_sentence_is_broken_between_words(width: int) -> None:
    lines = wrapped(SENTENCE, width).split("\n")
    assert " ".join(lines) == SENTENCE
    assert all(len(line) <= width for line in lines)
    assert (len(lines) == 1) == (len(SENTENCE) <= width)


def test_a_command_and_a_path_stay_whole() -> None:
    text = f"Use the spec in /a/folder/with/a-long-name/spec.mlir:\n{COMMAND}"
    lines = wrapped(text, 20).split("\n")
    assert lines[-1] == COMMAND
    assert "/a/folder/with/a-long-name/spec.mlir:" in lines


def test_further_lines_are_indented_as_the_first() -> None:
    assert wrapped("      → stop other work on it", 20) == "      → stop other\n      work on it"


def test_a_command_in_several_lines_stays_as_it_is() -> None:
    command = "  iree-compile model.mlir --a-flag=1 \\\n    --another-flag=2 --a-third=3 -o model.vmfb"
    assert wrapped(command, 20) == command
