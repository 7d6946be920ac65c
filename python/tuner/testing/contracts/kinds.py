# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The contract of a kind of dispatch."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tuner.dispatch import Problem
from tuner.kinds import Kind


class KindContract:
    """What every kind keeps to. Give `kind`, `root_op` (an op of the kind) and `problem` (of the kind) as fixtures."""

    @pytest.fixture
    def kind(self) -> Kind:
        """The kind under test."""
        raise NotImplementedError("override the fixture `kind`")

    @pytest.fixture
    def root_op(self) -> Any:
        """An op that the kind recognises."""
        raise NotImplementedError("override the fixture `root_op`")

    @pytest.fixture
    def problem(self) -> Problem:
        """A problem of the kind."""
        raise NotImplementedError("override the fixture `problem`")

    def test_it_has_a_priority(self, kind: Kind) -> None:
        assert isinstance(kind.priority, int)

    def test_it_recognises_its_op(self, kind: Kind, root_op: Any) -> None:
        roles = kind.roles(root_op)
        assert roles is not None
        assert sorted(roles) == list(range(len(roles)))
        assert all(re.fullmatch("[a-z]+", role) for role in roles.values())
        assert roles == kind.roles(root_op)

    def test_its_matcher_is_text_of_a_transform_sequence(self, kind: Kind, problem: Problem) -> None:
        matcher = kind.matcher(problem)
        assert matcher == kind.matcher(problem)
        assert not matcher or "%op" in matcher
