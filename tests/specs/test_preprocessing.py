# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The preprocessing spec that goes with a spec: named by its contents in files, by its place in commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuner.errors import InputError
from tuner.model.model import PREPROCESSING_MARK, Model, preprocessing_flag
from tuner.options import Options
from tuner.specs.deliver import compile_command, deliver
from tuner.specs.merge import merge_specs
from tuner.specs.preprocessing import beside, naming, portable, preprocessing_path, text_in
from tuner.specs.read import missed_preprocessing, read_spec
from tuner.specs.write import late_path, problem_spec
from tuner.targets.cpu import CpuTarget

TEXT = f"// A comment.\n{PREPROCESSING_MARK} {{\n}}\n"
OTHER = "--iree-opt-data-tiling"


def delivered(folder: Path, text: str = TEXT) -> Path:
    """A spec without entries that goes with a preprocessing spec of this text."""
    folder.mkdir(exist_ok=True)
    made, spec = folder / "made.mlir", folder / "spec.mlir"
    made.write_text(text)
    flags = (OTHER, preprocessing_flag(made))
    deliver(spec, problem_spec([], flags=flags), "", text_in(flags))
    made.unlink()
    return spec


def test_a_spec_finds_its_file_beside_it(tmp_path: Path) -> None:
    spec = delivered(tmp_path)
    file = tmp_path / "spec.preprocessing.mlir"
    assert file.read_text() == TEXT
    assert read_spec(spec).flags == (OTHER, preprocessing_flag(file))
    moved = tmp_path.with_name(tmp_path.name + "-moved")
    tmp_path.rename(moved)
    assert read_spec(moved / spec.name).flags == (OTHER, preprocessing_flag(moved / file.name))
    moved.rename(tmp_path)


def test_the_early_and_the_late_spec_have_one_file(tmp_path: Path) -> None:
    spec = tmp_path / "spec.mlir"
    assert preprocessing_path(late_path(spec)) == preprocessing_path(spec) == tmp_path / "spec.preprocessing.mlir"


def test_the_file_by_itself_is_no_spec_and_says_what_to_give(tmp_path: Path) -> None:
    file = preprocessing_path(delivered(tmp_path))
    with pytest.raises(InputError, match=f"{file} is a preprocessing spec: give the tuning spec beside it instead"):
        read_spec(file)


def test_a_file_that_is_missing_or_another_is_one_sentence(tmp_path: Path) -> None:
    spec = delivered(tmp_path)
    file = preprocessing_path(spec)
    file.write_text(TEXT + "// Another.\n")
    with pytest.raises(InputError, match=r"is not the preprocessing spec that .* was made with; put that one beside"):
        read_spec(spec)
    file.unlink()
    with pytest.raises(InputError, match=f"goes with a preprocessing spec, and {file} is none; put that file beside"):
        read_spec(spec)


def test_flags_that_leave_the_file_out_are_one_sentence(tmp_path: Path) -> None:
    spec = delivered(tmp_path)
    file = preprocessing_path(spec)
    named = preprocessing_flag(file)
    moved = tmp_path / "moved.mlir"
    moved.write_text(TEXT)
    assert (
        missed_preprocessing([spec], (OTHER, named)) == missed_preprocessing([spec], [preprocessing_flag(moved)]) == ""
    )
    assert missed_preprocessing([spec], [OTHER]).startswith(f"{spec} goes with {file}, which the flags leave out: ")
    assert missed_preprocessing([spec], []).endswith(f"; give {named} after --")
    file.write_text(TEXT + "// Another.\n")
    assert f"{file} is another one: " in missed_preprocessing([spec], [named])
    file.unlink()
    assert f"{file} is missing: " in missed_preprocessing([spec], [named])
    spec.write_text(problem_spec([]))
    assert missed_preprocessing([spec], []) == ""


def test_files_of_a_user_stay_as_they_are(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.mlir"
    theirs.write_text("module {}")
    flags = (preprocessing_flag(theirs), preprocessing_flag(tmp_path / "missing.mlir"), OTHER)
    assert portable(flags) == flags == naming(flags, tmp_path / "x.mlir") == beside(flags, tmp_path / "spec.mlir")
    assert text_in(flags) == ""


def test_a_spec_without_choices_removes_an_older_file(tmp_path: Path) -> None:
    spec = delivered(tmp_path)
    deliver(spec, problem_spec([]), "", "")
    assert not preprocessing_path(spec).exists()
    assert read_spec(spec).flags == ()


def test_the_command_names_the_file_beside_the_spec(tmp_path: Path) -> None:
    spec = delivered(tmp_path)
    made = tmp_path / "run.mlir"
    made.write_text(TEXT)
    model = Model(tmp_path / "m.mlir", tmp_path / "m.mlir", (OTHER, preprocessing_flag(made)))
    named = preprocessing_flag(preprocessing_path(spec))
    for has_late in (False, True):
        options = Options(flags=model.flags)
        command = compile_command(model, spec, options, CpuTarget(), has_late=has_late)
        assert named in command
        assert preprocessing_flag(made) not in command


def test_merged_specs_keep_the_file_that_they_share(tmp_path: Path) -> None:
    one, same = delivered(tmp_path / "one"), delivered(tmp_path / "same")
    merge_specs([one, same], tmp_path / "merged.mlir")
    assert (tmp_path / "merged.preprocessing.mlir").read_text() == TEXT
    assert text_in(read_spec(tmp_path / "merged.mlir").flags) == TEXT


def test_specs_of_different_files_merge_without_one(tmp_path: Path) -> None:
    one, other = delivered(tmp_path / "one"), delivered(tmp_path / "other", TEXT + "// Another.\n")
    merged = merge_specs([one, other], tmp_path / "merged.mlir")
    assert not (tmp_path / "merged.preprocessing.mlir").exists()
    assert [path for path, _ in merged.dropped_flags] == [one, other]
