# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The language of our pages, docstrings, comments and messages: none of the slips that `scripts/prose.py` finds."""

from __future__ import annotations

import pytest

import prose

OFFENDING = {
    "where": 'def read() -> None:\n    """Raises InputError where there is none."""\n',
    "neither": "# It is not compiled, and neither measured.\n",
    "so many": "# So many seconds below the best.\n",
    "empty docstring": 'def build() -> None:\n    """See the module\'s text."""\n',
    "kernel": 'print("this kernel is tuned")\n',
    "trial": "# A trial that failed.\n",
    "tell": "# The caller is told.\n",
    "begin": "# A run begins.\n",
    "each": "names = [each.name for each in entries]\n",
}
CLEAN = '''# Where the log lies. Trees are told apart by `kernel`.
def tune(trials: int = 100) -> None:
    """Tunes each dispatch, with `--trials` candidates. Raises InputError if there is none.

    Args:
        trials: How many there are.
    """
    print("__kernel_config", "trials", neither := 0, "select * from evaluations")
'''


def test_no_file_slips() -> None:
    assert [str(slip) for name in prose.files() for slip in prose.slips(name, (prose.ROOT / name).read_text())] == []


@pytest.mark.parametrize("name", OFFENDING)
def test_a_slip_is_found(name: str) -> None:
    assert [slip.slip.name for slip in prose.slips("module.py", OFFENDING[name])] == [name]


def test_every_slip_has_an_example() -> None:
    assert OFFENDING.keys() == {slip.name for slip in (*prose.IN_PROSE, *prose.IN_CODE)}


def test_names_and_plain_sentences_are_no_slips() -> None:
    assert prose.slips("module.py", CLEAN) == []
    page = "```sh\nkernel where there is none\n```\n\nA `kernel` of *Kernel Tuner*.\n"
    assert prose.slips("page.md", page) == []
