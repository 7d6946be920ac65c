# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Several targets in one command: a bundle for each, with places of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

import samples
from commands import assert_fails, here, iree_tune, write
from tuner.bundle.manifest import read_manifest
from tuner.cli.targets import for_targets
from tuner.options import Options


def test_each_target_has_places_of_its_own() -> None:
    options = Options(run_dir=Path("out/run"))
    first, second = for_targets(("cpu", "rocm:gfx942"), options, Path("bundle"))
    assert (first[0].target, first[0].run_dir, first[1]) == ("cpu", Path("out/run.cpu"), Path("bundle.cpu"))
    assert second[0].run_dir == Path("out/run.rocm-gfx942")
    ((only, place),) = for_targets(("rocm:gfx942",), options, None)
    assert (only.target, only.run_dir, place) == ("rocm:gfx942", options.run_dir, None)


@pytest.mark.compiler
@pytest.mark.gpu
def test_a_command_makes_a_bundle_for_each_chip(tmp_path: Path) -> None:
    model = write(tmp_path, samples.narrow_matmul(64, 64, 64, "f16"))
    targets = ("--target", "rocm:gfx942", "--target", "rocm:gfx1100")
    done = iree_tune("run", model, *targets, "--no-measure", "--bundle", "bundle", "--trials", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for chip in ("gfx942", "gfx1100"):
        manifest = read_manifest(tmp_path / f"bundle.rocm-{chip}")
        assert manifest.target == f"rocm:{chip}"
        assert f"Target rocm:{chip}" in done.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("cpu", "--target", "gpu", "--no-measure"), "there is no target named 'gpu'"),
        (("cpu", "--target", "cpu", "--no-measure"), "--target cpu is given twice; name each target once"),
        (("cpu", "--target", "rocm:gfx942"), "several --target make a bundle each"),
    ],
)
def test_what_cannot_be_made_for_several_targets_is_refused(
    words: tuple[str, ...],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, samples.matmul(8, 8, 8))
    assert_fails(here("run", "model.mlir", "--target", *words, output=capsys), 2, says)
