# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What spills is measured last, nothing is left out, and what a binary says is kept wherever its candidate is."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tuner.evaluate.order import in_order_of_measuring
from tuner.facts import BinaryFacts
from tuner.measuring.calls import Call, Load
from tuner.measuring.programs import DispatchProgram
from tuner.outcome import Candidate, Compilation, Fate
from tuner.report.formats.html import html_report
from tuner.report.formats.json import json_report
from tuner.report.recorded_run import read_run
from tuner.runs.store import records_of
from tuner.targets import Limits
from tuner.testing.machines import ReplayMachines, replayed_dispatch, workbench
from tuner.testing.problems import problem
from tuner.testing.recording import MadeUp
from tuner.testing.replay import Behaviour
from tuner.tuning.dispatches import tune_dispatches

TRIALS = 12
# Seconds of a candidate above which it spills, here.
SPILLS_ABOVE_S = 3e-3
PRODUCT = replayed_dispatch(
    problem("contraction", [("m", 64), ("n", 128), ("k", 64)], (0, 2), (2, 1), (0, 1)), "product"
)


def compiled(number: int, facts: BinaryFacts | None) -> Compilation:
    return Compilation(Candidate(number), Fate.COMPILED, "", 0.1, Path("log"), facts=facts)


def nvidia(stored: int) -> BinaryFacts:
    return BinaryFacts("sm_90", registers=255, spill_store_bytes=stored, spill_load_bytes=2 * stored)


def test_what_spills_comes_last_and_equals_keep_their_order() -> None:
    amd = BinaryFacts("gfx942", spilled_registers=3, spilled_scalars=9)
    ends = [
        compiled(1, nvidia(40)),
        compiled(2, None),
        compiled(3, nvidia(0)),
        compiled(4, amd),
        compiled(5, BinaryFacts("sm_90", note="there is no ptxas")),
    ]
    assert [end.candidate.number for end in in_order_of_measuring(ends)] == [2, 3, 5, 4, 1]


@dataclass(frozen=True)
class Spilling:
    """Made up. What is slow spills, the slower the more."""

    def behaviour(self, dispatch: str, choice: Any) -> Behaviour:
        known = MadeUp().behaviour(dispatch, choice)
        stored = max(0, int(1e6 * (known.time_s - SPILLS_ABOVE_S))) if choice != "default" else 0
        return replace(known, facts=nvidia(stored))


def test_a_search_measures_what_spills_last_and_keeps_what_binaries_say(tmp_path: Path) -> None:
    machines = ReplayMachines.of(Spilling())
    (replay,) = machines.replays
    loaded: list[str] = []
    ask = replay.ask

    def listening(call: Call[Any], *, timeout_s: float) -> Any:
        if isinstance(call, Load) and isinstance(call.source, DispatchProgram) and call.key == "candidate":
            loaded.append(call.source.binary.stem)
        return ask(call, timeout_s=timeout_s)

    replay.ask = listening  # type: ignore[method-assign]
    with workbench(tmp_path / "run", machines, trials=TRIALS) as bench:
        batch = bench.batch
        (result,) = tune_dispatches(bench, [PRODUCT], Limits(64, 1), bench.budget)
    facts = {
        end.candidate.number: end.compilation.facts.spilled_bytes
        for end in result.evaluations
        if end.compilation.facts is not None
    }
    assert len(facts) == TRIALS + 1
    assert any(facts.values())
    order = [int(number) for number in dict.fromkeys(loaded)]
    assert sorted(order[:TRIALS]) == list(range(1, TRIALS + 1))
    for start in range(0, TRIALS, batch):
        spilled = [facts[number] for number in order[start : start + batch]]
        assert spilled == sorted(spilled)
    # The order of the search is another: what is reported, kept and learnt does not depend on spills.
    assert [end.candidate.number for end in result.evaluations] == list(range(TRIALS + 1))
    stored = [record.stored for record in records_of(tmp_path / "run" / "store.sqlite")]
    assert sorted(end.facts.spilled_bytes for end in stored if end.facts) == sorted(list(facts.values())[1:])
    assert result.to_json()["facts"]["default"]["registers"] == 255
    (tmp_path / "run" / "result.json").unlink(missing_ok=True)
    (dispatch,) = read_run(tmp_path / "run").dispatches
    assert [candidate.facts for candidate in dispatch.candidates] == [
        end.compilation.facts for end in result.evaluations
    ]


def test_a_report_shows_what_the_binaries_of_default_and_winner_say(tmp_path: Path) -> None:
    with workbench(tmp_path / "run", ReplayMachines.of(Spilling()), trials=TRIALS) as bench:
        tune_dispatches(bench, [PRODUCT], Limits(64, 1), bench.budget)
    run = read_run(tmp_path / "run")
    (dispatch,) = run.dispatches
    of_default, of_winner = nvidia(0), replace(nvidia(8), occupancy=4, loop={"mma": 32, "ld.shared": 64})
    shown = replace(run, dispatches=(replace(dispatch, default_facts=of_default, winner_facts=of_winner),))
    page = html_report(shown)
    for expected in ("What the binaries say", "8 bytes stored, 16 loaded", "4 at most", "64 ld.shared, 32 mma"):
        assert expected in page
    assert "What the binaries say" not in html_report(run)
    (written,) = json.loads(json.dumps(json_report(shown)))["dispatches"]
    assert written["facts"]["winner"]["loop"] == {"mma": 32, "ld.shared": 64}
    assert written["candidates"][1]["facts"]["registers"] == 255
