# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`iree-tune clean` removes what runs wrote, and nothing else."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from tuner.cli import app
from tuner.errors import InputError
from tuner.rates.peaks import PEAKS_FILE, Peaks, keep_peaks
from tuner.runs.clean import clean, look
from tuner.runs.folder import RUNS, RunFolder

# What runs, checks and bundles leave, beside their record and lock.
WRITTEN = (
    "log.jsonl",
    "result.json",
    "check.json",
    "report.html",
    "measuring.log",
    "store.sqlite",
    "store.sqlite-wal",
    "store.sqlite-shm",
    "spec.mlir",
    "spec.late.mlir",
    "spec.unproved.mlir",
    "spec.unproved.late.mlir",
    "kept.late.mlir",
    ".result.json.0123abcd",
    "configured.mlir",
    "configured-with-specs.mlirbc",
    "model.vmfb",
    "model-tuned.vmfb",
    "net.imported.mlir",
    "net.declared.mlirbc",
    "candidates/a_dispatch/0.vmfb",
    "candidates/a_dispatch/0.log",
    "candidates/early-match_0-tuned.log",
    "benchmarks/a_benchmark.mlir",
    "flags/data-tiling-on.vmfb",
    "flagged/configured.mlir",
    "flagged/benchmarks/a_benchmark.mlir",
    "iree-tuner-abcd_123/part",
    "candidates/iree-tuner-abcd_123/part",
    "bundle/manifest.json",
    "bundle/measure.pyz",
    "bundle/a_dispatch/0.vmfb",
    ".bundle.abcd_123/a_dispatch/0.vmfb",
)
FOREIGN = (
    "thesis.txt",
    "other.mlir",
    "notes/thesis.txt",
    "candidates/thesis.txt",
    "benchmarks/mine/a.mlir",
    "bundle/results.jsonl",
    "iree-tuner-x",
    ".thesis.txt.0123abcd",
    "spec.mlir.bak",
    "sub/command.json",
)


def made(path: Path, *names: str) -> Path:
    """The folder of a run of net.onnx with these files in it."""
    with RunFolder.create(path, Path("net.onnx")):
        pass
    for name in names:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(name)
    return path


def test_runs_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folders = []
    for _ in range(2):
        with RunFolder.create(None, Path("model.mlir")) as folder:
            folders.append(folder)
    (folders[0].path / "candidates").mkdir()
    (folders[0].path / "candidates" / "0.vmfb").write_bytes(bytes(2_000_000))
    result = CliRunner().invoke(app, ["clean", "--yes"], catch_exceptions=False)
    assert result.exit_code == 0
    assert "2.0 MB removed" in result.output
    assert not any(folder.path.exists() for folder in folders)
    assert CliRunner().invoke(app, ["clean"]).output == "There are no runs here.\n"


def test_the_machines_peaks_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are no run's, and no reason for a word."""
    monkeypatch.chdir(tmp_path)
    keep_peaks(RUNS / PEAKS_FILE, Peaks("a processor", "local-sync", 1, 1e11, 1e10))
    result = CliRunner().invoke(app, ["clean", "--yes"])
    assert result.output == "There are no runs here.\n"
    assert (RUNS / PEAKS_FILE).exists()


def test_another_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("three years of work")
    for content in (None, "{}", "[5]", "[" * 100_000, '{"command": [5], "folder": "", "began": ""}', "\0"):
        if content is not None:
            (tmp_path / "command.json").write_text(content)
        with pytest.raises(InputError, match=r"no folder of a run|is not what a run"):
            clean(tmp_path)
        assert (tmp_path / "thesis.txt").exists()


def test_all_that_a_run_wrote_is_removed(tmp_path: Path) -> None:
    run = made(tmp_path / "run", *WRITTEN)
    assert look(run).kept == ()
    assert look(run).removed_bytes >= sum(map(len, WRITTEN))
    assert all((run / name).exists() for name in WRITTEN)
    clean(run)
    assert not run.exists()


def test_whatever_else_is_there_is_kept_and_named(tmp_path: Path) -> None:
    run = made(tmp_path / "run", *WRITTEN, *FOREIGN)
    (run / "empty").mkdir()
    os.mkfifo(run / "candidates" / "1.vmfb")
    told = clean(run)
    kept = {str(path.relative_to(run)) for path in told.kept}
    assert kept == {*FOREIGN, "empty", "candidates/1.vmfb"}
    left = {str(path.relative_to(run)) for path in run.rglob("*") if not path.is_dir() or path.name == "empty"}
    assert left == kept
    assert "kept, as no run's: " in told.line("removed")


def test_a_model_beside_the_runs_files_is_the_users(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path / "run", Path("net.mlir")):
        (tmp_path / "run" / "net.mlir").write_text("a model")
    clean(tmp_path / "run")
    assert (tmp_path / "run" / "net.mlir").read_text() == "a model"


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "0.vmfb").write_text("precious")
    run = made(tmp_path / "run", "log.jsonl")
    (run / "candidates").symlink_to(outside)
    (run / "iree-tuner-abcd_123").symlink_to(outside)
    (run / "spec.mlir").symlink_to(outside / "0.vmfb")
    assert len(clean(run).kept) == 3
    assert (outside / "0.vmfb").read_text() == "precious"
    link = tmp_path / "link"
    link.symlink_to(made(tmp_path / "other"))
    with pytest.raises(InputError, match="link is a link; name the folder"):
        clean(link)
    assert (tmp_path / "other" / "command.json").exists()


def test_a_run_that_has_not_ended_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with RunFolder.create(None, Path("model.mlir")) as living:
        with RunFolder.create(None, Path("model.mlir")) as ended:
            pass
        with pytest.raises(InputError, match="another process works in"):
            clean(living.path)
        (living.path.parent / "thesis").mkdir()
        result = CliRunner().invoke(app, ["clean", "--yes"], catch_exceptions=False)
        assert result.exit_code == 0
        assert not ended.path.exists()
        assert living.command.exists()
        assert (living.path.parent / "thesis").exists()
        assert f"left alone: another process works in .iree-tuner/{living.path.name}" in result.output
    clean(living.path)
    assert not living.path.exists()


def test_an_earlier_versions_run_is_removed(tmp_path: Path) -> None:
    run = made(tmp_path / "run", "log.jsonl")
    (run / "command.json").write_text(
        '{"command": ["iree-tune", "run"], "folder": "/", "began": "2026-01-01T00:00:00Z"}'
    )
    (run / "run.lock").unlink()
    clean(run)
    assert not run.exists()


def test_nothing_is_removed_unasked(tmp_path: Path) -> None:
    run = made(tmp_path / "run", "log.jsonl")
    result = CliRunner().invoke(app, ["clean", str(run)])
    assert isinstance(result.exception, InputError)
    assert "give --yes" in str(result.exception)
    told = CliRunner().invoke(app, ["clean", "--dry-run", str(run)], catch_exceptions=False)
    assert "kB to remove" in told.output
    assert (run / "log.jsonl").exists()


@pytest.mark.parametrize(("answer", "is_removed"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_on_a_terminal_it_asks(answer: str, is_removed: bool, tmp_path: Path) -> None:
    run = made(tmp_path / "run", "log.jsonl")
    ours, theirs = pty.openpty()
    os.write(ours, answer.encode())
    command = [sys.executable, "-m", "tuner", "clean", str(run)]
    done = subprocess.run(command, stdin=theirs, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert re.search(r"Remove 1 run \(\d+ kB\)\? \[y/N\]", done.stdout)
    assert run.exists() is not is_removed


def test_the_latest_and_young_runs_can_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".iree-tuner").mkdir()
    for age_h in (1, 30, 200):
        began = (datetime.now(UTC) - timedelta(hours=age_h)).strftime("%Y-%m-%dT%H:%M:%SZ")
        # The oldest has the last name: the record's time counts.
        run = made(tmp_path / ".iree-tuner" / f"run-{age_h}", "log.jsonl")
        record = json.loads((run / "command.json").read_text())
        (run / "command.json").write_text(json.dumps({**record, "began": began}))
    undated = made(tmp_path / ".iree-tuner" / "undated", "log.jsonl")
    (undated / "command.json").write_text('{"command": [], "folder": "", "began": "once"}')

    def would_go(*options: str) -> list[str]:
        shown = CliRunner().invoke(app, ["clean", "--dry-run", *options], catch_exceptions=False).output
        return re.findall(r"^\.iree-tuner/([\w-]+): ", shown, re.MULTILINE)

    assert would_go("--older-than", "1d") == ["run-200", "run-30"]
    assert would_go("--older-than", "7d") == ["run-200"]
    assert would_go("--older-than", "1d", "--keep-last", "3") == ["run-200"]
    assert would_go("--keep-last", "1", ".iree-tuner/run-1", ".iree-tuner/run-200") == ["run-200"]
    assert "runs that are kept: 4" in CliRunner().invoke(app, ["clean", "--keep-last", "4"]).output


def test_clean_of_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made(tmp_path / "run", "log.jsonl", "thesis.txt"))
    result = CliRunner().invoke(app, ["clean", "--yes", "."], catch_exceptions=False)
    assert "kept, as no run's: thesis.txt" in result.output
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["thesis.txt"]
