# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Merging: every problem keeps one entry, conflicts are shown, nothing is lost unsaid."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from foreign_spec import FOREIGN
from tuner.dispatches.extract import read_model_configurations
from tuner.errors import InputError
from tuner.model.model import Model
from tuner.specs.certificate import Certificate
from tuner.specs.merge import merge_specs
from tuner.specs.read import CertifiedEntry, read_spec
from tuner.specs.write import late_path, late_spec, problem_spec
from tuner.targets.cpu import CpuTarget
from tuner.targets.target import tuning_spec_flags
from tuner.tuning.result import TuneResult

pytestmark = pytest.mark.runs


@pytest.fixture(name="runs", scope="module")
def make_runs(
    delivered: tuple[TuneResult, Path],
    recorded: tuple[TuneResult, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, Path]:
    """Specs of two models: a product and a softmax, and another product."""
    result, run = recorded
    assert all(dispatch.winner for dispatch in result.dispatches)
    folder = tmp_path_factory.mktemp("two")
    shutil.copy(run.with_name("primes.mlir"), folder / "model.mlir")
    result.save(folder / "spec.mlir")
    return delivered[1], folder / "spec.mlir"


def only(path: Path) -> CertifiedEntry:
    (entry,) = read_spec(path).entries
    return entry


def other_choice(entry: CertifiedEntry, times_slower: float) -> CertifiedEntry:
    """The entry with another configuration, measured so many times slower (below 1: faster)."""
    info = entry.annotations.root["compilation_info"].replace(
        "distribution = [", "cache_parallel = [8, 8, 0], distribution = ["
    )
    certificate = entry.certificate
    slower = replace(certificate, candidate_s=tuple(times_slower * each for each in certificate.candidate_s))
    return replace(entry, annotations=replace(entry.annotations, root={"compilation_info": info}), certificate=slower)


def written(path: Path, entry: CertifiedEntry, certificate: Certificate | None = None) -> Path:
    path.write_text(problem_spec([entry.rewritten(certificate)]))
    return path


def test_entries_of_several_models_stand_in_one_spec_that_serves_each(
    runs: tuple[Path, Path], tmp_path: Path, target: CpuTarget
) -> None:
    one, two = runs
    output = tmp_path / "merged.mlir"
    merged = merge_specs([one, late_path(one), two], output)
    assert (len(merged.kept), merged.conflicts, merged.equal) == (3, (), 0)
    assert merged.files == (output, late_path(output))
    assert [each.problem for each in read_spec(output).entries] == [only(one).problem, only(two).problem]
    assert only(late_path(output)) == only(late_path(one))
    for spec in runs:
        plain, tuned = tmp_path / "plain.mlir", tmp_path / "tuned.mlir"
        model = Model.open(spec.with_name("model.mlir"), target.compile_flags)
        until = "--compile-to=executable-configurations"
        model.compile_or_reject(plain, *tuning_spec_flags(spec), until)
        model.compile_or_reject(tuned, *tuning_spec_flags(output), until)
        assert read_model_configurations(plain) == read_model_configurations(tuned)


def test_equal_entries_stand_once(runs: tuple[Path, Path], tmp_path: Path) -> None:
    one, two = runs
    copy = written(tmp_path / "copy.mlir", only(one))
    merged = merge_specs([one, copy, two], tmp_path / "merged.mlir")
    assert (len(merged.kept), merged.conflicts, merged.equal) == (2, (), 1)
    assert merged.kept[0].path == one
    assert "1 more were equal" in list(merged.lines())[-2]


@pytest.mark.parametrize(("times_slower", "second_wins"), [(2.0, False), (0.5, True), (1.0, False)])
def test_of_a_conflict_the_faster_is_kept(
    times_slower: float, second_wins: bool, runs: tuple[Path, Path], tmp_path: Path
) -> None:
    one, _ = runs
    first, second = only(one), other_choice(only(one), times_slower)
    path = written(tmp_path / "second.mlir", second)
    merged = merge_specs([one, path], tmp_path / "merged.mlir")
    assert only(tmp_path / "merged.mlir").annotations == only(path if second_wins else one).annotations
    (conflict,) = merged.conflicts
    equal = "they were equally fast, so the one named first stays"
    assert conflict.reason == (equal if times_slower == 1.0 else "it was slower")
    line = next(merged.lines())
    for each in (first, second):
        assert f"({each.certificate.ratio}, {each.certificate.candidate_s[0] * 1e3:.4g} ms)" in line
    assert line.index("kept") > line.index(str(path if second_wins else one))


def test_what_was_measured_elsewhere_is_not_compared(runs: tuple[Path, Path], tmp_path: Path) -> None:
    one, _ = runs
    faster = other_choice(only(one), 0.1)
    elsewhere = replace(faster.certificate.circumstances, threads=8)
    path = written(tmp_path / "second.mlir", faster, replace(faster.certificate, circumstances=elsewhere))
    merged = merge_specs([one, path], tmp_path / "merged.mlir")
    assert only(tmp_path / "merged.mlir").annotations == only(one).annotations
    assert (
        merged.conflicts[0].reason
        == "they were measured with different numbers of threads, so the one named first stays"
    )


def test_early_and_late_entries_of_one_problem_do_not_conflict(runs: tuple[Path, Path], tmp_path: Path) -> None:
    one, _ = runs
    late = tmp_path / "late.mlir"
    late.write_text(late_spec([other_choice(only(one), 1.0).rewritten()]))
    merged = merge_specs([one, late], tmp_path / "merged.mlir")
    assert merged.conflicts == ()
    assert [each.moment for each in merged.kept] == ["early", "late"]


def test_a_spec_can_be_merged_into_itself(runs: tuple[Path, Path], tmp_path: Path) -> None:
    mine = written(tmp_path / "mine.mlir", only(runs[0]))
    merge_specs([mine, runs[1]], mine)
    assert len(read_spec(mine).entries) == 2


def test_what_would_be_lost_is_refused(runs: tuple[Path, Path], tmp_path: Path) -> None:
    one, _ = runs
    foreign, output = tmp_path / "foreign.mlir", tmp_path / "merged.mlir"
    foreign.write_text(FOREIGN)
    with pytest.raises(InputError, match=r"entries without a certificate \(any_matmul\)"):
        merge_specs([one, foreign], output)
    late_path(output).write_text("a user's")
    with pytest.raises(InputError, match="would be replaced"):
        merge_specs([one], output)
    with pytest.raises(InputError, match="there is no folder"):
        merge_specs([one], tmp_path / "missing" / "merged.mlir")
    assert not output.exists()
    assert late_path(output).read_text() == "a user's"


def test_flags_are_kept_where_all_specs_were_made_with_them(runs: tuple[Path, Path], tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.mlir" for number in range(3)]
    for path, spec, flags in zip(paths, (*runs, runs[0]), (["--x"], ["--x"], ["--y"]), strict=True):
        path.write_text(problem_spec([only(spec).rewritten()], (), None, flags))
    assert merge_specs(paths[:2], tmp_path / "merged.mlir").flags == ("--x",)
    assert read_spec(tmp_path / "merged.mlir").flags == ("--x",)
    merged = merge_specs(paths, tmp_path / "merged.mlir")
    assert read_spec(tmp_path / "merged.mlir").flags == ()
    assert f"Note: {paths[2]} was made with --y; the merged spec names none." in list(merged.lines())
