# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Files that are not what they should be, and outputs that would replace something: one sentence, and all is kept.

Each command runs in this process, and ends before a model is compiled.
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

import samples
import tuner
from tuner.cli import _run
from tuner.errors import InputError
from tuner.files import write_atomically
from tuner.model.shapes import Shapes
from tuner.options import Options
from tuner.outcome import Fate
from tuner.runs.folder import RunFolder
from tuner.runs.record import RunRecord, asked_of
from tuner.runs.store import Store, Stored, check_store
from tuner.specs.write import problem_spec

HERE = {"target": "cpu", "threads": 1}
# What a resumed run may be told anew.
MAY_CHANGE = {
    "effort",
    "trials",
    "budget_s",
    "workers",
    "facts",
    "compile_timeout_s",
    "output",
    "store",
    "run_dir",
    "resume",
}
OTHERS: dict[str, Any] = {
    "target": "cuda",
    "devices": ("local-sync://1",),
    "ray": "local",
    "threads": 2,
    "clock": "device",
    "seed": 7,
    "strategy": "random",
    "spaces": ("cpu-mmt4d",),
    "fixes": {"peel": (0, 1)},
    "dispatches": ("a", "b"),
    "function": "main",
    "min_gain": 0.5,
    "plain": True,
    "flags": ("--iree-opt-level=O3",),
    "keep_flags": True,
    "allocator": "caching",
    "pins": {"data-tiling": "on"},
    "start_from": (Path("other.mlir"),),
    "records": (Path("records.jsonl"),),
    "shapes": Shapes({"batch": 2}, ("1x3xf32",)),
}


@pytest.fixture(name="place", autouse=True)
def make_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a model, specs, a run's folder and things that are no files."""
    monkeypatch.chdir(tmp_path)
    Path("model.mlir").write_text(samples.matmul(8, 8, 8))
    Path("spec.mlir").write_text(problem_spec([]))
    Path("other.mlir").write_text(problem_spec([]))
    options = Options(keep_flags=True)
    with RunFolder.create(Path("run"), Path("model.mlir"), asked_of(Path("model.mlir"), options)) as run:
        run.append({"event": "disturbance", "dispatch": "d", "detail": "noise"})
        for name in ("model.vmfb", "measuring.log"):
            (run.path / name).write_text(name)
        check_store(run.store)
    check_store(Path("shared.sqlite"))
    Path("foreign").mkdir()
    Path("foreign/thesis.txt").write_text("precious")
    os.mkfifo("pipe")
    Path("link.mlir").symlink_to("model.mlir")
    return tmp_path


@pytest.fixture(name="listening")
def make_socket() -> Iterator[None]:
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind("socket")
        yield


def contents() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(Path().rglob("*")) if path.is_file()}


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command says that is refused; all files are as they were."""
    before = contents()
    capsys.readouterr()
    code = _run(list(arguments))
    said = capsys.readouterr()
    assert code == 2, said.out + said.err
    assert len(said.err.splitlines()) == 1, said.err
    assert "internal error" not in said.err
    assert contents() == before
    return said.err


RUN = ("run", "model.mlir", "--keep-flags")


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("compile model.mlir spec.mlir -o spec.mlir", "spec.mlir is a spec that is given"),
        ("compile model.mlir spec.mlir -o run/../spec.mlir", "is a spec that is given"),
        ("compile model.mlir spec.mlir -o model.mlir", "is the model itself"),
        ("compile model.mlir spec.mlir -o link.mlir", "is the model itself"),
        ("compile model.mlir spec.mlir -o pipe", "pipe is a pipe, a socket or a device"),
        ("compile model.mlir spec.mlir -o /dev/zero", "/dev/zero is a pipe, a socket or a device"),
        ("compile model.mlir spec.mlir -o run/model.vmfb", "run/model.vmfb belongs to the run itself"),
        ("merge spec.mlir other.mlir -o run/log.jsonl", "run/log.jsonl belongs to the run itself"),
        ("report run -o shared.sqlite", "shared.sqlite is a database, as stores are"),
        ("compile model.mlir spec.mlir -o shared.sqlite", "shared.sqlite is a database, as stores are"),
        ("merge spec.mlir other.mlir -o pipe", "pipe is a pipe, a socket or a device"),
        ("merge spec.mlir other.mlir -o /dev/null", "/dev/null is a pipe, a socket or a device"),
        ("check model.mlir spec.mlir -o model.mlir", "is the model itself"),
        ("check model.mlir spec.mlir -o pipe", "pipe is a pipe, a socket or a device"),
        ("check model.mlir spec.mlir -o new/check.json --run-dir new", "there is no folder new"),
        ("check model.mlir spec.mlir -o run/command.json --run-dir run", "run/command.json belongs to the run itself"),
        ("report run -o run/store.sqlite", "belongs to the run itself"),
        ("report run -o run/model.vmfb", "belongs to the run itself"),
        ("report run -o foreign/../run/measuring.log", "belongs to the run itself"),
        ("report run -o run/run.lock", "belongs to the run itself"),
        ("report run --json run/command.json", "belongs to the run itself"),
        ("report run -o page.html --json page.html", "where another part of the report goes"),
        ("report run -o page.html --json ./page.html", "where another part of the report goes"),
        ("report run -o all/metadata.json --t4 all", "where another part of the report goes|there is no folder all"),
        ("report run -o pipe", "pipe is a pipe, a socket or a device"),
        ("report run -o /dev/null", "/dev/null is a pipe, a socket or a device"),
        ("report run --json socket", "socket is a pipe, a socket or a device"),
        ("run model.mlir -o pipe", "pipe is a pipe, a socket or a device"),
        ("run model.mlir -o /dev/null", "/dev/null is a pipe, a socket or a device"),
        ("run model.mlir -o link.mlir", "is the model itself"),
        ("run model.mlir -o new.sqlite --store new.sqlite", "new.sqlite is the store"),
        ("run model.mlir -o new.mlir --store new.late.mlir", "new.late.mlir is the store"),
        ("run model.mlir -o run/log.jsonl --run-dir run", "belongs to the run itself"),
        ("run model.mlir --store run/log.jsonl --run-dir run", "run/log.jsonl belongs to the run itself"),
        (f"run model.mlir -o {'a' * 300}", "File name too long"),
        ("run model.mlir --no-measure --bundle new --run-dir ./new", "new is the run's folder"),
        ("run model.mlir --no-measure --bundle pipe", "pipe is there already"),
    ],
)
@pytest.mark.usefixtures("listening")
def test_no_output_replaces_what_is_needed(
    command: str, says: str, capsys: pytest.CaptureFixture[str], place: Path
) -> None:
    said = refused(capsys, *command.split())
    assert any(each in said for each in says.split("|")), said
    assert not list(place.glob(".iree-tuner/*"))


@pytest.mark.parametrize(
    "name", ["pipe", "/dev/zero", "/dev/null", "socket", "zeros", "short-zeros", "foreign", "none"]
)
@pytest.mark.parametrize(
    "command", ["list {}", "run {}", "space {}", "check {} spec.mlir", "compile {} spec.mlir -o b"]
)
@pytest.mark.usefixtures("listening")
def test_only_a_regular_file_is_a_model(name: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    if name.endswith("zeros"):
        with Path(name).open("wb") as file:
            file.truncate(3 << 30 if name == "zeros" else 5)
    arguments = command.format(name).split()
    if name == "zeros":
        code = _run(arguments)
        assert code == 2
        assert "zeros is empty" in capsys.readouterr().err
        return
    said = refused(capsys, *arguments)
    assert any(each in said for each in ("is a pipe, a socket or", "is empty", "is a folder", "there is no model file"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--run-dir", "."), "holds files that are no run's"),
        (("--run-dir", "foreign"), "foreign holds files that are no run's (thesis.txt)"),
        (("--run-dir", "run"), "run already holds a run"),
        (("--run-dir", "pipe"), "cannot make the run's folder pipe"),
        (("--run-dir", "run", "--resume", "--seed", "7"), "run with --seed 0, not 7; give what it was started with"),
        (("--run-dir", "run", "--resume", "--strategy", "random"), "--strategy portfolio, not random"),
        (("--run-dir", "run", "--resume", "--dispatch", "d"), "--dispatch left out, not d"),
        (("--run-dir", "run", "--resume", "--plain"), "--plain left out, not True"),
        (("--run-dir", "foreign", "--resume"), "foreign holds no run to resume"),
        (("--store", "pipe"), "pipe is a pipe, a socket or a device"),
        (("--store", "/dev/null"), "/dev/null is a pipe, a socket or a device"),
        (("--store", "model.mlir"), "model.mlir cannot be used as a store"),
        (("--store", "foreign"), "foreign cannot be used as a store"),
        (("--store", "nowhere/s.sqlite"), "nowhere/s.sqlite cannot be used as a store"),
    ],
)
def test_a_run_is_refused_before_the_work(
    arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert says in refused(capsys, *RUN, *arguments)


@pytest.mark.parametrize("arguments", [(), ("-o", "spec.mlir"), ("--run-dir", "run"), ("--run-dir", "run", "--resume")])
def test_a_working_folder_that_is_gone_gets_one_sentence(
    arguments: tuple[str, ...], place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "gone").mkdir()
    monkeypatch.chdir(place / "gone")
    (place / "gone").rmdir()
    assert _run(["run", str(place / "model.mlir"), "--keep-flags", *arguments]) == 2
    said = capsys.readouterr().err
    assert said == "iree-tune: the working folder was removed; change to one that exists and start again\n"


def test_tune_resumes_no_other_run_either() -> None:
    with pytest.raises(InputError, match="run with --seed 0, not 7"):
        tuner.tune("model.mlir", keep_flags=True, run_dir="run", resume=True, seed=7)


def test_a_folder_whose_run_came_to_nothing_may_be_taken() -> None:
    """What was imported for it is no user's file; the same name without such a record is."""
    for _ in range(2):
        with RunFolder.create(Path("new"), Path("net.onnx")) as run:
            (run.path / "net.imported.mlir").write_text("imported")
    (Path("new") / "command.json").unlink()
    with (
        pytest.raises(InputError, match=r"holds files that are no run's \(net\.imported\.mlir\)"),
        RunFolder.create(Path("new"), Path("net.onnx")),
    ):
        pass


def test_another_model_of_the_same_name_is_not_resumed(capsys: pytest.CaptureFixture[str]) -> None:
    Path("model.mlir").write_text(samples.matmul(16, 8, 8))
    said = refused(capsys, *RUN, "--run-dir", "run", "--resume")
    assert "holds a run with other content of its model model.mlir" in said


@pytest.mark.parametrize("option", sorted(field.name for field in fields(Options)))
def test_what_is_asked_may_not_change(option: str) -> None:
    """Every option is either one that a resumed run may be told anew, or is refused by its name with both values."""
    model, asked = Path("model.mlir"), asked_of(Path("model.mlir"), Options())
    record = RunRecord.of_this_process(model, asked)
    if option in MAY_CHANGE:
        places = {"output": Path("o"), "store": (Path("s"),), "run_dir": Path("r")}
        values: dict[str, Any] = {**places, "resume": True, "effort": "quick"}
        changed: Options = replace(Options(), **{option: values.get(option, 9)})
        record.check_resumable(Path("run"), model, asked_of(model, changed))
        return
    others = asked_of(model, replace(Options(), **{option: OTHERS[option]}))
    changed_options = [name for name in asked if asked[name] != others[name]]
    assert changed_options, option
    with pytest.raises(InputError, match=f"holds a run with {changed_options[0]}") as refusal:
        record.check_resumable(Path("run"), model, others)
    assert others[changed_options[0]] in str(refusal.value)
    assert (asked[changed_options[0]] or "left out") in str(refusal.value)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda data: {name: data[name] for name in ("command", "folder", "began")}, "another version of iree-tuner"),
        (lambda data: {**data, "version": 99}, "another version of iree-tuner"),
        (lambda data: {**data, "version": 1}, "another version of iree-tuner"),
        (lambda data: {**data, "asked": None}, "holds no tuning run"),
        (lambda data: {**data, "asked": [1]}, "is not what a run of this version writes"),
        (lambda data: {**data, "command": "iree-tune"}, "is not what a run of this version writes"),
        (lambda _: {}, "is not what a run of this version writes"),
        (lambda _: [5], "is not what a run of this version writes"),
    ],
)
def test_a_record_of_another_form_is_not_resumed(
    spoil: Callable[[dict[str, Any]], object], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    record = Path("run/command.json")
    record.write_text(json.dumps(spoil(json.loads(record.read_text()))))
    assert says in refused(capsys, *RUN, "--run-dir", "run", "--resume")


def test_a_broken_store_is_found_when_its_run_is_resumed(capsys: pytest.CaptureFixture[str]) -> None:
    Path("run/store.sqlite").write_text("junk, and much of it" * 100)
    assert _run([*RUN, "--run-dir", "run", "--resume"]) == 2
    assert "run/store.sqlite cannot be used as a store (file is not a database)" in capsys.readouterr().err


def test_a_folder_in_use_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ((*RUN, "--resume"), ("check", "model.mlir", "spec.mlir"), RUN):
        with RunFolder(Path("run")).held():
            if "--resume" not in words:
                Path("run/log.jsonl").unlink(missing_ok=True)
            assert "another process works in" in refused(capsys, *words, "--run-dir", "run")
    with RunFolder(Path("run")).held():
        assert "another process works in" in refused(capsys, "clean", "--yes", "run")


def test_a_lock_that_is_a_link_is_not_followed(capsys: pytest.CaptureFixture[str]) -> None:
    Path("run/run.lock").unlink()
    Path("run/run.lock").symlink_to("../foreign/new")
    assert "cannot write into" in refused(capsys, *RUN, "--run-dir", "run", "--resume")
    assert not Path("foreign/new").exists()


def test_what_a_killed_run_was_writing_is_removed_and_links_stay() -> None:
    (Path("run") / "candidates" / "iree-tuner-abcd_123" / "iree-tuner-abcd_124").mkdir(parents=True)
    (Path("run") / "iree-tuner-x").symlink_to("../foreign")
    (Path("run") / "iree-tuner-abcd_125").symlink_to("../foreign")
    asked = RunRecord.read(Path("run/command.json")).asked
    with RunFolder.create(Path("run"), Path("model.mlir"), asked, resume=True) as run:
        assert not list((run.path / "candidates").iterdir())
        assert not run.log.exists()
    assert Path("foreign/thesis.txt").exists()


def test_a_spec_is_refreshed_in_place_and_the_run_s_own_may_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["merge", "spec.mlir", "other.mlir", "-o", "spec.mlir"]) == 0
    assert "Spec: spec.mlir" in capsys.readouterr().out
    assert "another process" in refusal_of_run("-o", "run/spec.mlir", capsys=capsys)
    Path("run/spec.mlir").write_text(problem_spec([]))
    assert _run(["merge", "run/spec.mlir", "other.mlir", "-o", "run/spec.mlir"]) == 0


def refusal_of_run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What a run says whose folder is in use: all that comes before was taken."""
    with RunFolder(Path("run")).held():
        return refused(capsys, *RUN, "--run-dir", "run", "--resume", *arguments)


def test_a_link_stays_and_its_file_is_written() -> None:
    Path("real.html").write_text("older")
    Path("page.html").symlink_to("real.html")
    assert _run(["report", "run", "-o", "page.html"]) == 0
    assert Path("page.html").is_symlink()
    assert "<html" in Path("real.html").read_text()


def test_writing_never_changes_the_mask_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other threads make files meanwhile."""
    monkeypatch.delattr(os, "umask")
    write_atomically(Path("new.txt"), "new")
    assert Path("new.txt").read_text() == "new"


def database(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)
    return path


@pytest.mark.parametrize(
    "statements",
    [
        ("create table mine (x)",),
        ("pragma user_version = 3",),
        ("create table evaluations (subject text)", "pragma user_version = 3"),
    ],
)
def test_a_foreign_database_stays_as_it_is(statements: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    path = database(Path("mine.sqlite"), *statements)
    assert "it is a database of another version or another program" in refused(capsys, *RUN, "--store", str(path))


@pytest.mark.parametrize(
    "change", ["alter table evaluations add column extra text", "pragma user_version = 2", "pragma user_version = 4"]
)
def test_a_store_of_another_form_is_refused(change: str, capsys: pytest.CaptureFixture[str]) -> None:
    check_store(Path("s.sqlite"))
    database(Path("s.sqlite"), change)
    assert "another version" in refused(capsys, *RUN, "--store", "s.sqlite")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("fate = 'Melted'", "'Melted' is not a valid Fate"),
        ("fate = x'00'", "is not a valid Fate"),
        ("detail = x'00'", "is no text"),
        ("samples_s = 'fast'", "Expecting value"),
        ("samples_s = '5'", "the samples are no list"),
        ("samples_s = '[\"fast\"]'", "the sample is fast"),
        ("samples_s = '[true]'", "the sample is True"),
        ("samples_s = '[NaN]'", "the sample is nan"),
        ("samples_s = '[-1.0]'", "the sample is -1.0"),
        ("samples_s = '[]'", "it has no time|and has no time"),
        (f"samples_s = '{'[' * 100_000}'", "recursion"),
        ("samples_s = x'5b5d'", "is no text"),
        ("time_s = 0", "the time is 0"),
        ("time_s = -1", "the time is -1"),
        ("time_s = 9e999", "the time is inf"),
        ("time_s = 'fast'", "the time is fast"),
        ("time_s = null", "and has no time"),
        ("compile_s = -1", "the time of compiling is -1"),
        ("compile_s = 'long'", "the time of compiling is long"),
        ("speedup = 0", "the speed-up is 0"),
        ("edge_slowdown = 0", "the edge_slowdown is 0"),
        ("edge_slowdown = 0.9", "edge_slowdown: 0.9 is no slowdown"),
        ("edge_slowdown = 'slow'", "the edge_slowdown is slow"),
        ("speedup = 'much'", "the speed-up is much"),
    ],
)
def test_a_row_that_no_run_writes_is_refused(change: str, says: str) -> None:
    with Store(Path("s.sqlite"), HERE, "3.13.0") as store:
        store.add("subject", {"tile": 4}, Stored(Fate.MEASURED, "", 0.1, 2e-3, 1.5, (2e-3,)), "problem", {"tile": 4})
    database(Path("s.sqlite"), f"update evaluations set {change}")
    with Store(Path("s.sqlite"), HERE, "3.13.0") as store, pytest.raises(InputError) as refusal:
        store.find("subject", {"tile": 4})
    assert "holds a row that no run wrote" in str(refusal.value)
    assert any(each in str(refusal.value) for each in says.split("|")), refusal.value


@pytest.mark.parametrize(
    "change",
    ["speedup = 0, time_s = 0", "speedup = -1, time_s = -1", "speedup = 9e999, time_s = 9e999", "point = '[4]'"]
    + [f"point = '{text}'" for text in ("4", "junk", '{"tile": "wide"}', '{"tile": 1.5}', '{"tile": null}')]
    + ["point = x'00'"],
)
def test_a_warm_start_takes_no_such_row(change: str) -> None:
    with Store(Path("s.sqlite"), HERE, "3.12.0") as store:
        store.add("subject", {"tile": 4}, Stored(Fate.MEASURED, "", 0.1, 2e-3, 1.5, (2e-3,)), "problem", {"tile": 4})
    database(Path("s.sqlite"), f"update evaluations set {change}")
    with Store(Path("s.sqlite"), HERE, "3.13.0") as store:
        for ask in (lambda: store.earlier("problem"), lambda: store.measured("9999")):
            with pytest.raises(InputError, match="holds a row that no run wrote"):
                ask()
