# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Entries that plain iree-compile applies: for products, convolutions and attention, if the whole model holds them."""

from __future__ import annotations

from pathlib import Path

import pytest

import problem_sizes as sizes
import samples
from pretended import proof_with_winners
from tuner import kinds
from tuner.dispatch import Configured, Problem
from tuner.dispatches.extract import extract, read_model_configurations
from tuner.events import Event, Note
from tuner.model.model import Model
from tuner.specs.read import read_spec
from tuner.specs.write import problem_spec
from tuner.targets.choosing import choose_target
from tuner.targets.target import tuning_spec_flags
from tuner.tuning.prove import Proof
from tuner.tuning.run_specs import winners_of

pytestmark = pytest.mark.compiler


def convolution(batch: int, name: str, *, onto_zeros: bool = True) -> str:
    """A 3x3 convolution of f32 images, onto zeros or onto an argument."""
    x, w, y = f"tensor<{batch}x18x18x64xf32>", "tensor<3x3x64x128xf32>", f"tensor<{batch}x16x16x128xf32>"
    start = f"linalg.fill ins(%zero : f32) outs(%y : {y}) -> {y}" if onto_zeros else f"tensor.cast %y : {y} to {y}"
    return f"""
func.func @{name}(%x: {x}, %w: {w}, %y: {y}) -> {y} {{
  %zero = arith.constant 0.0 : f32
  %i = {start}
  %c = linalg.conv_2d_nhwc_hwcf ins(%x, %w : {x}, {w}) outs(%i : {y}) -> {y}
  return %c : {y}
}}
"""


def held(model: Model, spec: str, folder: Path) -> dict[str, Configured]:
    """What each dispatch of the model holds after plain iree-compile read the spec."""
    path, out = folder / "plain.mlir", folder / "out.mlir"
    path.write_text(spec)
    model.compile_or_reject(out, *tuning_spec_flags(path), "--compile-to=executable-configurations")
    return read_model_configurations(out)


def is_late(proof: Proof) -> dict[str, bool]:
    """Which dispatches have late entries, by the names of their functions."""
    return {result.dispatch.name.partition("_")[0]: result.late for result in winners_of(proof.dispatches)}


@pytest.mark.gpu
def test_on_rocm_plain_iree_compile_applies_entries_for_products_convolutions_and_attention(tmp_path: Path) -> None:
    shape = (16, 16, 64, 128, 3, 1, 1)
    texts = {
        "product": sizes.product((256, 512, 128), "f16"),
        "one": sizes.convolution((1, *shape), "f16"),
        "two": sizes.convolution((2, *shape), "f16"),
        "attention": sizes.attention((4, 256, 256, 64, 64), "f16"),
        "softmax": sizes.softmax((64, 512), "f16"),
    }
    text = "".join(text.replace("@model", f"@{name}") for name, text in texts.items())
    model, proof = proof_with_winners(text, "rocm:gfx942", tmp_path)
    assert is_late(proof) == {**dict.fromkeys(texts, False), "softmax": True}
    assert "entry_0" in proof.late_spec
    found = held(model, proof.spec, tmp_path)
    for result in winners_of(proof.dispatches):
        assert result.winner is not None
        wanted = result.dispatch.default if result.late else result.winner.compilation.configured
        assert found[result.dispatch.name] == wanted
    (parts,) = (configured.decompositions for name, configured in found.items() if name.startswith("attention"))
    assert "pv_attrs" in parts[0]
    read = read_spec(tmp_path / "plain.mlir")
    early = [result.winner for result in winners_of(proof.dispatches) if not result.late]
    assert [entry.annotations for entry in read.entries] == [
        winner.compilation.annotations for winner in early if winner is not None
    ]


def test_on_a_cpu_a_convolution_that_needs_no_other_configuration_has_an_early_entry(tmp_path: Path) -> None:
    text = convolution(2, "onto", onto_zeros=False) + convolution(3, "zeros")
    _, proof = proof_with_winners(text, "cpu", tmp_path)
    assert is_late(proof) == {"onto": False, "zeros": True}


def test_an_entry_that_would_reach_another_problem_is_late(tmp_path: Path) -> None:
    """The matcher of one convolution finds the other one too, whose zeros need a configuration as well."""
    notes: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, Note):
            notes.append(event.text)

    text = convolution(2, "onto", onto_zeros=False) + convolution(2, "zeros")
    _, proof = proof_with_winners(text, "cpu", tmp_path, listen=listen)
    assert is_late(proof) == {"onto": True, "zeros": True}
    (note,) = notes
    assert note.startswith("zeros")
    assert "gives it another one's entry" in note


def test_an_entry_that_the_compiler_drops_is_late(tmp_path: Path) -> None:
    """On a CPU the compiler takes the loop of a single image away, and the entry with it."""
    _, proof = proof_with_winners(convolution(1, "onto", onto_zeros=False), "cpu", tmp_path)
    assert is_late(proof) == {"onto": True}


@pytest.mark.gpu
def test_what_iree_cannot_match_has_no_early_entry(tmp_path: Path) -> None:
    masked = sizes.attention((4, 256, 256, 64, 64), "f16", masked=True)
    for text in (samples.pooling("nhwc", 64, 16, 1), masked):
        assert kinds.matcher(only_problem(text, tmp_path)) == ""


def only_problem(text: str, folder: Path) -> Problem:
    """The problem of the text's only dispatch on gfx942."""
    target = choose_target("rocm:gfx942")
    (folder / "model.mlir").write_text(text)
    (dispatch,) = extract(Model.open(folder / "model.mlir", target.compile_flags), target, folder).dispatches
    assert dispatch.problem is not None, dispatch.untunable
    return dispatch.problem


@pytest.mark.gpu
def test_the_compiler_s_own_spec_serves_what_ours_leaves(tmp_path: Path) -> None:
    """Ours comes first: of two products that both are for, the one with an entry of ours holds it."""
    flag, sizes_of_its = "--iree-codegen-enable-default-tuning-specs", (2048, 1280, 5120)
    text = sizes.product(sizes_of_its, "f16", transposed=True)
    text += sizes.product((512, 512, 128), "f16").replace("@model", "@other")
    model, proof = proof_with_winners(text, "rocm:gfx942", tmp_path, flag)
    both = {result.dispatch.name: result for result in winners_of(proof.dispatches)}
    assert is_late(proof) == {"model": False, "other": False}
    its, other = both
    assert "VectorDistribute" in str(both[its].dispatch.default)
    assert "VectorDistribute" not in str(held(model, proof.spec, tmp_path)[its])
    of_other = [entry.rewritten() for entry in read_spec(tmp_path / "plain.mlir").entries if entry.name == "match_1"]
    found = held(model, problem_spec(of_other), tmp_path)
    assert found[its] == both[its].dispatch.default
    assert found[other] != both[other].dispatch.default
