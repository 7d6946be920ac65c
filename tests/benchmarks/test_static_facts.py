# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Facts rank candidates as well as they follow the times; spills of the fastest set the bound."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from places import DATA, ROOT
from static_facts import Timed, ranking, rows_of, spills, summary, timed_in
from tuner.facts import BinaryFacts
from tuner.jsonable import to_plain
from tuner.targets import Limits
from tuner.testing.machines import ReplayMachines, replayed_dispatch, workbench
from tuner.testing.problems import problem
from tuner.testing.recording import MadeUp
from tuner.testing.replay import Behaviour
from tuner.tuning.dispatches import tune_dispatches


def timed(*facts: BinaryFacts) -> list[Timed]:
    """Candidates, the first of which is the fastest."""
    return [Timed(number, 1e-3 * number, one) for number, one in enumerate(facts, 1)]


def loop(shared_loads: int, **numbers: int) -> BinaryFacts:
    return BinaryFacts("sm_90", loop={"mma": 4, "ld.shared": shared_loads}, **numbers)  # type: ignore[arg-type]


def test_a_fact_that_follows_the_times_ranks_them() -> None:
    found = ranking(timed(*(loop(loads, registers=200 - loads) for loads in range(1, 9))))
    assert found["shared loads a matrix instruction"] == {"correlation": 1.0, "place_of_best": 1}
    assert found["registers"] == {"correlation": -1.0, "place_of_best": 8}
    # All have the same, or none is known: they tell nothing.
    assert not {"spilled bytes", "occupancy, inverse", "barriers a matrix instruction"} & found.keys()
    assert found["mean rank"]["place_of_best"] >= 1


def test_what_is_not_known_is_the_worst() -> None:
    found = ranking(timed(BinaryFacts("sm_90"), loop(1), loop(2), loop(3)))
    assert found["shared loads a matrix instruction"]["place_of_best"] == 4


def test_spills_of_the_fastest_set_the_bound() -> None:
    stored = [0, 16, 0, 8, 0, 0, 0, 0, 0, 0, 64, 0, 24]
    found = spills(timed(*(BinaryFacts("sm_90", spill_store_bytes=number) for number in stored)))
    assert found == {"spilling": 4, "spilling_of_best": 2, "most_spilled_of_best": 16, "above_that": 2}


@dataclass(frozen=True)
class Telling:
    """Made up. The slower, the more shared loads."""

    def behaviour(self, dispatch: str, choice: Any) -> Behaviour:
        known = MadeUp().behaviour(dispatch, choice)
        return replace(known, facts=loop(int(1e6 * known.time_s)))


@pytest.fixture(name="run")
def record(tmp_path: Path) -> Path:
    loops = [("m", 64), ("n", 128), ("k", 64)]
    product = replayed_dispatch(problem("contraction", loops, (0, 2), (2, 1), (0, 1)), "product")
    with workbench(tmp_path / "run", ReplayMachines.of(Telling()), trials=12) as bench:
        tune_dispatches(bench, [product], Limits(64, 1), bench.budget)
    return tmp_path / "run"


def test_a_recorded_run_is_summed_up(run: Path) -> None:
    (row,) = rows_of(run)
    assert (row["dispatch"], row["candidates"]) == ("product", 12)
    assert row["ranking"]["shared loads a matrix instruction"] == {"correlation": 1.0, "place_of_best": 1}
    assert summary([row, row])["shared loads a matrix instruction"] == {
        "dispatches": 2,
        "correlation": 1.0,
        "place_of_best": 1,
        "worst_place": 1,
    }
    # Its binaries are none: nothing is known if they are read again.
    assert rows_of(run, "sm_90") == []


def test_a_measured_bundle_is_summed_up_as_a_run_is(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(DATA / "cpu_bundle", tmp_path / "bundle"))
    assert timed_in(folder) == {}
    manifest = json.loads((folder / "manifest.json").read_text())
    for candidate in manifest["dispatches"][0]["candidates"]:
        candidate["facts"] = to_plain(loop(candidate["number"]))
    (folder / "manifest.json").write_text(json.dumps(manifest))
    results = (folder / "results.jsonl").read_text()
    digest = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    (folder / "results.jsonl").write_text(re.sub('"bundle": "[0-9a-f]+"', f'"bundle": "{digest}"', results))
    ((dispatch, found),) = timed_in(folder).items()
    assert dispatch == manifest["dispatches"][0]["name"]
    assert [(one.number, one.facts) for one in found] == [(number, loop(number)) for number in (1, 2, 3)]
    assert rows_of(folder) == []


def test_the_last_line_is_the_summary(run: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "static_facts.py"), str(run)]
    done = subprocess.run([*command, "--json", str(tmp_path / "rows")], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1])["mean rank"]["dispatches"] == 1
    assert json.loads((tmp_path / "rows").read_text())["dispatch"] == "product"
    refused = subprocess.run([*command, "--assemble", "sm_90"], capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert refused.stderr.startswith("no dispatch has 8 timed candidates with facts")
