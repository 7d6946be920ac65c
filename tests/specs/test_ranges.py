# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Entries for a range of sizes: plain iree-compile applies them to the sizes of the range, and to no other."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

import problem_sizes as sizes
import samples
from commands import assert_fails, here
from pretended import proof_with_winners
from tuner.check.check import check_specs
from tuner.check.entries import cases_of
from tuner.check.options import CheckOptions
from tuner.check.verdicts import Verdict
from tuner.dispatch import Loop
from tuner.dispatches.extract import extract, read_model_configurations
from tuner.errors import InputError
from tuner.events import nobody
from tuner.model.model import Model
from tuner.specs.merge import merge_specs
from tuner.specs.range import Range
from tuner.specs.ranges import widen_spec
from tuner.specs.read import read_spec
from tuner.specs.write import problem_spec
from tuner.targets.choosing import choose_target
from tuner.targets.target import tuning_spec_flags
from tuner.testing.problems import problem

PRODUCT = problem("contraction", [("m", 96), ("n", 256), ("k", 128)], (0, 2), (2, 1), (0, 1))


def text_of(rows: int, target: str) -> str:
    if target == "cpu":
        return samples.matmul(rows, 256, 128)
    return sizes.product((rows, 256, 128), "f16")


@pytest.fixture(name="measured", scope="module", params=["cpu", pytest.param("rocm:gfx942", marks=pytest.mark.gpu)])
def tune_a_product(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A target, and the spec of a product of 384 rows."""
    folder = tmp_path_factory.mktemp("measured")
    _, proof = proof_with_winners(text_of(384, request.param), request.param, folder)
    (folder / "spec.mlir").write_text(proof.spec)
    return request.param, folder / "spec.mlir"


def held(rows: int, target: str, spec: Path, folder: Path) -> str:
    """What the only dispatch of a product of so many rows holds after plain iree-compile read the spec."""
    source, out = folder / "model.mlir", folder / "out.mlir"
    source.write_text(text_of(rows, target))
    flags = tuning_spec_flags(spec)
    Model.open(source, choose_target(target).compile_flags).compile_or_reject(
        out, *flags, "--compile-to=executable-configurations"
    )
    (configured,) = read_model_configurations(out).values()
    return str(configured)


@pytest.mark.compiler
def test_plain_iree_compile_applies_the_entry_to_the_sizes_of_its_range_alone(
    measured: tuple[str, Path], tmp_path: Path
) -> None:
    target, exact = measured
    wide = tmp_path / "wide.mlir"
    widened = widen_spec(exact, wide, "m", 1536)
    (entry,) = read_spec(wide).entries
    assert widened.exact == ()
    assert entry.sizes is not None
    step = entry.sizes.step
    assert 384 % step == 0
    assert f"for m in multiples of {step} up to 1536, measured at m 384" in wide.read_text()
    measured_config = held(384, target, exact, tmp_path)
    for rows in (384, 768, 1536):
        assert held(rows, target, wide, tmp_path) == measured_config
    for rows in (384 * 4 + step, *([step * 2 + 1] if step > 1 else [])):
        assert held(rows, target, wide, tmp_path) == held(rows, target, _nothing(tmp_path), tmp_path)


def _nothing(folder: Path) -> Path:
    path = folder / "nothing.mlir"
    path.write_text(problem_spec(()))
    return path


@pytest.mark.compiler
def test_an_entry_that_was_measured_at_another_size_names_that_one(measured: tuple[str, Path], tmp_path: Path) -> None:
    widen_spec(measured[1], tmp_path / "wide.mlir", "m", 1536)
    (entry,) = read_spec(tmp_path / "wide.mlir").entries
    there = replace(entry.problem, loops=(Loop(768, "m"), *entry.problem.loops[1:]))
    again = tmp_path / "again.mlir"
    again.write_text(problem_spec([entry.rewritten(replace(entry.certificate, problem=there))]))
    (read,) = read_spec(again).entries
    assert (read.problem, read.sizes) == (there, entry.sizes)
    assert "up to 1536, measured at m 768" in again.read_text()


@pytest.mark.runs
def test_a_check_measures_the_entry_at_another_size(measured: tuple[str, Path], tmp_path: Path) -> None:
    target, exact = measured
    if target != "cpu":
        pytest.skip("it runs on a CPU")
    widen_spec(exact, tmp_path / "wide.mlir", "m", 1536)
    model = tmp_path / "model.mlir"
    model.write_text(text_of(768, "cpu"))
    options = CheckOptions(output=tmp_path / "refreshed.mlir", run_dir=tmp_path / "run")
    report = check_specs(model, [tmp_path / "wide.mlir"], options, nobody)
    (verdict,) = report.entries
    assert verdict.verdict in (Verdict.HOLDS, Verdict.SLOW, Verdict.UNDECIDED)
    assert " over the default (it was " in verdict.detail


@pytest.mark.compiler
def test_merged_specs_keep_both_and_the_exact_entry_comes_first(measured: tuple[str, Path], tmp_path: Path) -> None:
    _, exact = measured
    wide = tmp_path / "wide.mlir"
    widen_spec(exact, wide, "m", 1536)
    merged = merge_specs([wide, exact], tmp_path / "both.mlir")
    assert merged.conflicts == ()
    assert [entry.sizes is None for entry in read_spec(tmp_path / "both.mlir").entries] == [True, False]
    again = merge_specs([tmp_path / "both.mlir", wide], tmp_path / "again.mlir")
    assert again.equal == 1


@pytest.mark.compiler
def test_a_check_names_the_entry_that_serves_before_another(measured: tuple[str, Path], tmp_path: Path) -> None:
    target, exact = measured
    widen_spec(exact, tmp_path / "wide.mlir", "m", 1536)
    merge_specs([tmp_path / "wide.mlir", exact], tmp_path / "both.mlir")
    (tmp_path / "model.mlir").write_text(text_of(384, target))
    chosen = choose_target(target)
    extracted = extract(Model.open(tmp_path / "model.mlir", chosen.compile_flags), chosen, tmp_path)
    serving, other = cases_of([read_spec(tmp_path / "both.mlir")], extracted.dispatches)
    (dispatch,) = serving.dispatches
    assert not other.dispatches
    assert other.stale == f"{serving.entry.label} stands before it and serves {dispatch.name}"


@pytest.mark.compiler
@pytest.mark.parametrize(
    ("loop", "most", "says"),
    [
        ("k", 1536, "k is summed, so its size is part of the code"),
        ("rows", 1536, "it has no loop rows; it has m, n, k"),
        ("m", 383, "m 384 was measured, which is more than 383"),
    ],
)
def test_what_cannot_be_widened_says_why(
    loop: str, most: int, says: str, measured: tuple[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=f"no entry of .*spec.mlir suits a range of {loop}: .*{says}"):
        widen_spec(measured[1], tmp_path / "wide.mlir", loop, most)
    assert not (tmp_path / "wide.mlir").exists()


@pytest.mark.compiler
def test_a_loop_of_one_cannot_be_widened(measured: tuple[str, Path], tmp_path: Path) -> None:
    (entry,) = read_spec(measured[1]).entries
    single = replace(entry.problem, loops=(Loop(1, "m"), *entry.problem.loops[1:]))
    (tmp_path / "single.mlir").write_text(problem_spec([entry.rewritten(replace(entry.certificate, problem=single))]))
    with pytest.raises(InputError, match="m was one, which is another problem for the compiler than several"):
        widen_spec(tmp_path / "single.mlir", tmp_path / "wide.mlir", "m", 1536)


@pytest.mark.compiler
def test_a_broken_range_is_refused(measured: tuple[str, Path], tmp_path: Path) -> None:
    wide = tmp_path / "wide.mlir"
    widen_spec(measured[1], wide, "m", 1536)
    text = wide.read_text()
    spoiled = re.sub(r'iree_tuner.sizes = "(.*?[^\\])"', 'iree_tuner.sizes = "{}"', text)
    assert spoiled != text
    wide.write_text(spoiled)
    with pytest.raises(InputError, match="carries a broken range of sizes"):
        read_spec(wide)
    wide.write_text(text.replace(r"\"most\": 1536", r"\"most\": 1"))
    with pytest.raises(InputError, match="carries a broken range of sizes"):
        read_spec(wide)


def test_a_range_holds_multiples_of_its_step_of_otherwise_equal_problems() -> None:
    sizes = Range(loop=0, step=32, most=192)

    def with_rows(extent: int) -> bool:
        return sizes.holds(PRODUCT, replace(PRODUCT, loops=(Loop(extent, "m"), *PRODUCT.loops[1:])))

    assert [extent for extent in range(1, 260) if with_rows(extent)] == [32, 64, 96, 128, 160, 192]
    wider = replace(PRODUCT, loops=(Loop(64, "m"), Loop(512, "n"), *PRODUCT.loops[2:]))
    assert not sizes.holds(PRODUCT, wider)
    assert not sizes.holds(PRODUCT, replace(PRODUCT, loops=PRODUCT.loops[:2]))


@pytest.mark.parametrize("values", [(-1, 8, 64), (0, 0, 64), (0, 128, 64)])
def test_numbers_that_are_no_range_are_refused(values: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="are no range"):
        Range(*values)


def test_a_range_must_hold_what_was_measured() -> None:
    with pytest.raises(ValueError, match="are not those of its problem"):
        Range(0, 64, 640).check(PRODUCT)
    with pytest.raises(ValueError, match="are not those of its problem"):
        Range(3, 8, 640).check(PRODUCT)


def test_the_command_refuses_what_is_no_spec(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("spec.mlir").write_text(json.dumps({}))
    done = here("widen", "spec.mlir", "-o", "wide.mlir", "--up-to", "64", output=capsys)
    assert_fails(done, 2, "spec.mlir is no tuning spec")


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        (Range(0, 32, 192), Range(0, 48, 960), (96, 256)),
        (Range(0, 32, 192), Range(0, 128, 960), (128, 256)),
        (Range(0, 32, 90), Range(0, 48, 960), None),
        (Range(0, 1, 96), Range(0, 1, 2), (2, 256)),
        (Range(0, 32, 192), Range(1, 64, 512), (64, 256)),
        (Range(0, 32, 192), Range(1, 512, 512), None),
    ],
)
def test_what_two_ranges_share_is_found_by_its_smallest_size(
    one: Range, other: Range, shared: tuple[int, int] | None
) -> None:
    there = replace(PRODUCT, loops=(Loop(64, "m"), Loop(512, "n"), *PRODUCT.loops[2:]))
    measured = PRODUCT if other.loop == 0 else there
    found = one.shared(PRODUCT, other, measured)
    assert shared == (None if found is None else tuple(loop.extent for loop in found.loops[:2]))
    assert found is None or (one.holds(PRODUCT, found) and other.holds(measured, found))
    assert one.shared(PRODUCT, other, replace(measured, computation="another")) is None


@pytest.mark.compiler
def test_merged_specs_say_which_of_two_overlapping_entries_serves(measured: tuple[str, Path], tmp_path: Path) -> None:
    _, exact = measured
    (entry,) = read_spec(exact).entries
    function = {**entry.annotations.function, "iree_tuner.another": "unit"}
    other = replace(entry, annotations=replace(entry.annotations, function=function))
    for name, each, most in (("wide", entry, 1536), ("wider", other, 3072)):
        (tmp_path / f"{name}.exact.mlir").write_text(problem_spec([each.rewritten()]))
        widen_spec(tmp_path / f"{name}.exact.mlir", tmp_path / f"{name}.mlir", "m", most)
    merged = merge_specs([tmp_path / "wide.mlir", tmp_path / "wider.mlir", exact], tmp_path / "both.mlir")
    said = [str(overlap) for overlap in merged.overlaps]
    assert [line in list(merged.lines()) for line in said] == [True, True]
    assert [(overlap.first.path.stem, overlap.second.path.stem) for overlap in merged.overlaps] == [
        ("spec", "wider"),
        ("wide", "wider"),
    ]
    assert [entry.sizes and entry.sizes.most for entry in read_spec(tmp_path / "both.mlir").entries] == [
        None,
        1536,
        3072,
    ]
    assert "wide.mlir match_0 (for m in multiples of" in said[1]
    assert "the first one serves what both are for, such as contraction m" in said[1]
