# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A model with its specs: its steps, and how failures of the compiler are reported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import samples
from tuner.compile.apply import RejectedError
from tuner.compile.specified import SpecifiedModel, compile_with_specs
from tuner.dispatches.extract import extract
from tuner.errors import InputError
from tuner.events import Event, Note, nobody
from tuner.model.model import PREPROCESSING_MARK, Model, preprocessing_flag
from tuner.options import Options
from tuner.specs.write import late_spec, problem_spec
from tuner.targets.cpu import CpuTarget

# A preprocessing spec that changes nothing.
PREPROCESSING = f"""\
{PREPROCESSING_MARK} attributes {{ transform.with_named_sequence }} {{
  transform.named_sequence @__transform_main(%module: !transform.any_op {{transform.readonly}}) {{
    transform.yield
  }}
}}
"""


def without_specs(text: str, folder: Path, target: CpuTarget) -> SpecifiedModel:
    (folder / "model.mlir").write_text(text)
    model = Model.open(folder / "model.mlir", target.compile_flags)
    return SpecifiedModel(model, target, None, None, folder)


def test_a_compiler_that_dies_leaves_nothing(tmp_path: Path, target: CpuTarget) -> None:
    """It divides by the number of products, which is zero here."""
    specified = without_specs(samples.matmul(8, 8, 0), tmp_path, target)
    with pytest.raises(RejectedError, match="it died: Floating point exception"):
        specified.configure()
    assert not specified.configured.exists()


def test_a_compiler_that_hangs_is_given_up(tmp_path: Path, target: CpuTarget) -> None:
    specified = without_specs(samples.matmul(8, 8, 8), tmp_path, target)
    hanging = replace(specified, model=replace(specified.model, timeout_s=0.01))
    with pytest.raises(RejectedError, match="iree-compile did not end within 0 s"):
        hanging.compile(tmp_path / "model.vmfb")


def test_without_specs_every_step_keeps_the_defaults(tmp_path: Path, target: CpuTarget) -> None:
    """Compiled at once, as a user does it, and in steps, as late entries need it."""
    specified = without_specs(samples.matmul(8, 8, 8), tmp_path, target)
    specified.compile(tmp_path / "at-once.vmfb")
    specified.configure()
    assert specified.apply_late() == ()
    specified.compile_configured(tmp_path / "in-steps.vmfb")
    assert all((tmp_path / f"{name}.vmfb").stat().st_size > 1000 for name in ("at-once", "in-steps"))
    defaults = {found.name: found.default for found in extract(specified.model, target, tmp_path).dispatches}
    assert specified.held() == {"early": defaults, "late": defaults}


@pytest.mark.parametrize(("kind", "text"), [("early", problem_spec([])), ("late", late_spec([]))])
def test_two_specs_of_one_kind_are_refused(kind: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "model.mlir").write_text(samples.matmul(8, 8, 8))
    specs = [tmp_path / "one.mlir", tmp_path / "two.mlir"]
    for spec in specs:
        spec.write_text(text)
    with pytest.raises(InputError, match=f"one.mlir and .*two.mlir are both {kind} specs; merge them first"):
        compile_with_specs(tmp_path / "model.mlir", specs, tmp_path / "x.vmfb", Options(), nobody)
    with pytest.raises(InputError, match=f"are both {kind} specs"):
        compile_with_specs(tmp_path / "model.mlir", specs[:1] * 2, tmp_path / "x.vmfb", Options(), nobody)


def test_a_preprocessing_spec_that_the_flags_leave_out_is_named_once(tmp_path: Path, target: CpuTarget) -> None:
    del target
    (tmp_path / "model.mlir").write_text(samples.matmul(8, 8, 8))
    early, late = tmp_path / "spec.mlir", tmp_path / "spec.late.mlir"
    made = tmp_path / "spec.preprocessing.mlir"
    made.write_text(PREPROCESSING)
    flags = (preprocessing_flag(made),)
    early.write_text(problem_spec([], flags=flags))
    late.write_text(late_spec([], flags=flags))
    for given, notes in (((), 1), (flags, 0)):
        heard: list[Event] = []
        options = Options(flags=given)
        compile_with_specs(tmp_path / "model.mlir", [early, late], tmp_path / "x.vmfb", options, heard.append)
        said = [event.text for event in heard if isinstance(event, Note)]
        assert len(said) == notes
        assert all(text.startswith(f"{early} goes with {made}, which the flags leave out") for text in said)
