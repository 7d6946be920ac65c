# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The contract of a target. It compiles nothing, but needs IREE's compiler to make attributes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuner.targets import Target
from tuner.targets.target import NO_THREADS


class TargetContract:
    """What every target keeps to. Give `target` as a fixture: the target of a chip that the machine need not have."""

    @pytest.fixture
    def target(self) -> Target:
        """The target under test."""
        raise NotImplementedError("override the fixture `target`")

    def test_it_has_a_name_for_the_command_line(self, target: Target) -> None:
        assert target.name
        assert target.name == target.name.strip().lower()
        assert ":" not in target.name

    def test_its_devices_are_equal_but_for_their_place(self, target: Target) -> None:
        assert target.devices
        assert target.device == target.devices[0]
        kinds = {(device.clock, device.label, device.compiles_on_load) for device in target.devices}
        assert len(kinds) == 1
        assert target.device.clock in ("cpu", "wall")
        assert len({device.name for device in target.devices}) == len(target.devices)

    def test_its_flags_are_flags(self, target: Target) -> None:
        assert target.compile_flags
        assert all(flag.startswith("--") for flag in target.compile_flags)

    def test_a_spec_cannot_make_the_compiler_hang(self, target: Target) -> None:
        flags = target.spec_flags(Path("spec.mlir"))
        if any(flag.startswith("--iree-codegen-") for flag in flags):
            assert NO_THREADS in flags

    def test_its_strategy_pass_is_one_that_the_compiler_has(self, target: Target) -> None:
        # Imported here: the other contracts hold without IREE.
        from iree.compiler import passmanager

        from tuner.toolchain.contexts import new_context

        with new_context():
            passmanager.PassManager.parse(f"builtin.module({target.strategy_pass})")
