# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Specs that a project's own tests guard: what a `*.check.toml` may say, and how pytest reports the verdicts."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest

import samples
from places import DATA, ROOT
from tuner.check.pytest_plugin import read_guarded, verdict_in
from tuner.check.verdicts import CheckReport, EntryVerdict, ModelVerdict, Verdict
from tuner.errors import InputError
from tuner.specs.read import read_spec

SPEC = DATA / "cpu_network" / "spec.mlir"
EMPTY = CheckReport((), (), (), (), None, None, (), Path("run"))


def run_pytest(folder: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:
    """Runs pytest as a user would; also how each test ended, by name."""
    results = folder / "results.xml"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", str(folder), "-p", "no:cacheprovider", f"--junitxml={results}", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    cases = ElementTree.parse(results).iter("testcase")
    return done, {
        case.attrib["name"]: next((child.tag for child in case if child.tag != "system-out"), "passed")
        for case in cases
    }


def test_a_file_says_what_the_command_line_does(tmp_path: Path) -> None:
    path = tmp_path / "mine.check.toml"
    path.write_text(
        'model = "m.onnx"\nspecs = ["a.mlir", "sub/b.mlir"]\ntarget = "cuda"\nthreads = 2\nallocator = "caching"\n'
        'function = "main"\ndims = ["batch=4"]\ninputs = ["4x8xf32"]\nflags = ["--iree-opt-level=O2"]\n'
    )
    asked = read_guarded(path)
    assert asked.model == tmp_path / "m.onnx"
    assert asked.specs == (tmp_path / "a.mlir", tmp_path / "sub" / "b.mlir")
    options = asked.options
    assert (options.target, options.threads, options.allocator, options.function) == ("cuda", 2, "caching", "main")
    assert (dict(options.shapes.dims), options.shapes.inputs) == ({"batch": 4}, ("4x8xf32",))
    assert options.flags == ("--iree-opt-level=O2",)


def test_what_is_left_out_is_as_the_specs_were_made(tmp_path: Path) -> None:
    path = tmp_path / "mine.check.toml"
    path.write_text('model = "m.mlir"\nspecs = ["a.mlir"]\n')
    options = read_guarded(path).options
    assert (options.target, options.threads, options.allocator, options.flags) == (None, None, None, None)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("model =", "is no TOML file"),
        ('specs = ["a.mlir"]', "model is missing"),
        ('model = "m.mlir"\nspecs = []', "specs is missing"),
        ('model = "m.mlir"\nspecs = "a.mlir"', "specs is a list of texts, not 'a.mlir'"),
        ('model = "m.mlir"\nspecs = ["a"]\nthreads = true', "threads is a number, not True"),
        ('model = "m.mlir"\nspecs = ["a"]\nspeed = 3', "there is no key 'speed'; there are model, specs, target"),
        ('model = "m.mlir"\nspecs = ["a"]\nallocator = "mine"', "allocator is one of"),
        ('model = "m.mlir"\nspecs = ["a"]\ndims = ["batch"]', "--dim takes NAME=SIZE"),
    ],
)
def test_a_mistake_is_a_sentence(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "mine.check.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=says.replace("'", ".")):
        read_guarded(path)


def test_each_test_gets_its_own_verdict() -> None:
    spec = read_spec(SPEC)
    one, *_ = spec.entries
    slow = EntryVerdict(SPEC, "early", one, Verdict.SLOW, "0.90x")
    report = replace(
        EMPTY,
        entries=(slow,),
        unreadable=((Path("late.mlir"), "an unknown attribute"),),
        flags_verdict=ModelVerdict(Verdict.SLOW, "0.99x"),
        model=ModelVerdict(Verdict.UNDECIDED, "1.00x"),
    )
    assert verdict_in(report, f"{SPEC.name}: {one.label}") == ("slow: 0.90x", True)
    assert verdict_in(report, "late.mlir") == ("does not parse: an unknown attribute", True)
    assert verdict_in(report, "flags") == ("slow: 0.99x", False)
    assert verdict_in(report, "whole model") == ("undecided: 1.00x", False)
    assert verdict_in(EMPTY, "whole model") == ("", False)


def test_what_cannot_be_read_is_an_error_of_the_collection(tmp_path: Path) -> None:
    (tmp_path / "mine.check.toml").write_text('model = "m.mlir"\nspecs = ["none.mlir"]\n')
    done, _ = run_pytest(tmp_path)
    assert done.returncode == 2
    assert "none.mlir" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_the_action_runs_what_the_page_says() -> None:
    action = (ROOT / "action.yml").read_text()
    declared = re.findall(r"^  (\w+):\n    description:", action, re.MULTILINE)
    assert sorted(re.findall(r"\${{ inputs\.(\w+) }}", action)) == sorted(declared)
    assert len(declared) == 4
    page = (ROOT / "docs" / "upgrading.md").read_text()
    for verdict in Verdict:
        assert f"| `{verdict.value}` |" in page


@pytest.mark.runs
def test_a_stale_spec_fails_entry_by_entry(tmp_path: Path) -> None:
    """A model that none of the entries is for: each is stale, and the model with them is the plain one."""
    (tmp_path / "model.mlir").write_text(samples.matmul(32, 32, 32))
    (tmp_path / "spec.mlir").write_text(SPEC.read_text())
    flags = f'flags = ["{samples.NO_PEELING}"]\n'
    (tmp_path / "mine.check.toml").write_text(f'model = "model.mlir"\nspecs = ["spec.mlir"]\n{flags}')
    done, ended = run_pytest(tmp_path)
    labels = [f"spec.mlir: {entry.label}" for entry in read_spec(SPEC).entries]
    assert done.returncode == 1, done.stdout
    assert {name: end for name, end in ended.items() if name in labels} == dict.fromkeys(labels, "failure")
    assert "stale: no dispatch" in done.stdout
    assert ended["whole model"] == "passed"
    assert "Traceback" not in done.stdout
