# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A short round of `fault_matrix.py`, and ends of a run that has winners to keep."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

import faults
import samples
import tuner
from fault_matrix import (
    CANNOT_OCCUR,
    ENTRY,
    FAULTS,
    SECOND,
    STATIONS,
    TWO,
    Cell,
    Prepared,
    cells,
    command,
    compilers,
    meet,
    run_words,
)
from tuner.events import Event, Note
from tuner.model.model import Model
from tuner.runs.folder import RunFolder
from tuner.targets.cpu import CpuTarget
from tuner.tuning.prove import prove_unrun
from tuner.tuning.result import TuneResult


@pytest.fixture(name="tuned", scope="module")
def make_tuned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Prepared, TuneResult]:
    """Both products tuned."""
    folder = tmp_path_factory.mktemp("tuned")
    (folder / "model.mlir").write_text(TWO)
    spec, store = folder / "spec.mlir", folder / "store.sqlite"
    result = tuner.tune(
        folder / "model.mlir",
        keep_flags=True,
        allocator="default",
        flags=(samples.NO_PEELING,),
        trials=3,
        workers=1,
        store=store,
        output=spec,
        run_dir=folder / "run",
    )
    assert spec.read_text().count(ENTRY) == 2
    return Prepared(store, spec), result


def test_every_fault_has_a_cell_or_a_reason() -> None:
    found = {(cell.station, cell.fault) for cell in cells()}
    assert found.isdisjoint(CANNOT_OCCUR)
    assert found | CANNOT_OCCUR.keys() == {(station, fault) for station in STATIONS for fault in FAULTS}


@pytest.mark.runs
@pytest.mark.slow
def test_a_device_that_goes_in_the_proof_leaves_the_winners(tmp_path: Path, tuned: tuple[Prepared, TuneResult]) -> None:
    said = meet(Cell("proof", "device gone"), tmp_path, tuned[0])
    assert said.startswith("exit code 1, 2 winners in spec.unproved.mlir")


@pytest.mark.runs
def test_an_interrupted_run_says_where_its_winners_are(tmp_path: Path, tuned: tuple[Prepared, TuneResult]) -> None:
    """Ctrl-C while the whole model is compiled with them."""
    (tmp_path / "model.mlir").write_text(TWO)
    cell = Cell("proof", "interrupt")
    words = [str(tuned[0].store) if word == "store.sqlite" else word for word in run_words(cell)]

    def interrupt(process: subprocess.Popen[bytes]) -> None:
        if any(output.name == "model-tuned.vmfb" for _, output in compilers(process.pid)):
            os.killpg(process.pid, signal.SIGINT)

    ended = command(*words, "--", samples.NO_PEELING, cwd=tmp_path, watching=interrupt)
    unproved = tmp_path / "run" / "spec.unproved.mlir"
    assert ended.exit_code == 130, ended.error
    assert ended.error.splitlines()[-1].startswith("iree-tune: interrupted")
    assert "Traceback" not in ended.error
    assert unproved.read_text().count(ENTRY) == 2
    assert f"2 verified winners so far, which the whole model was not run with: {unproved}" in ended.output
    assert not (tmp_path / "spec.mlir").exists()


@pytest.mark.runs
def test_entries_that_a_bundles_model_does_not_compile_with_are_dropped(
    tmp_path: Path, tuned: tuple[Prepared, TuneResult], target: CpuTarget
) -> None:
    """The compiler crashes as long as one of two entries is in the spec."""
    prepared, result = tuned
    model = Model.open(prepared.spec.with_name("model.mlir"), (*target.compile_flags, samples.NO_PEELING))
    written = tmp_path / "run" / "spec.mlir"
    heard: list[Event] = []

    def crash() -> None:
        for pid, output in compilers(os.getpid()):
            if output.name == "model-tuned.vmfb" and SECOND in written.read_text():
                os.kill(pid, signal.SIGSEGV)

    with RunFolder.create(tmp_path / "run", model.path) as folder, faults.meanwhile(crash):
        proof = prove_unrun(model, target, folder, result.dispatches, result.circumstances, heard.append)
    assert proof.spec.count(ENTRY) == 1
    assert SECOND not in proof.spec
    assert proof.binary.exists()
    assert any(isinstance(event, Note) and SECOND in event.text for event in heard)


@pytest.mark.runs
@pytest.mark.slow
def test_a_device_that_is_gone_from_the_start_is_no_fault_of_the_model(tmp_path: Path) -> None:
    (tmp_path / "model.mlir").write_text(samples.matmul(101, 211, 103))
    words = ("run", "model.mlir", "-o", "spec.mlir", "--run-dir", "run", "--keep-flags", "--trials", 2)
    ended = command(*words, cwd=tmp_path, watching=lambda process: faults.kill(faults.measuring(process.pid)))
    assert ended.exit_code == 1
    assert len(ended.error.splitlines()) == 1, ended.error
    # Its process is killed while it starts, or when it opens the device.
    assert re.search(r"the device local-sync cannot be opened: .*process died.*\(SIGKILL\)", ended.error), ended.error
    assert not (tmp_path / "spec.mlir").exists()
