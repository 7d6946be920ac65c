# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The judge of the order of flags, on a made-up reference set; the shipped file is made from such a set."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from flag_gains import models_of, outcomes_of, read_reference, text_of
from flag_search import Row, judged
from tuner.model_flags import FlagKnob, ModelFlags
from tuner.model_flags.expectation import items_of
from tuner.model_flags.gains import read_gains, written

FLAGS = ModelFlags(tuple(FlagKnob(f"knob-{letter}", {"on": (f"--{letter}",)}) for letter in "abcdefghijkl"))
NAMES = [knob.name for knob in FLAGS.knobs]
MIXES = {
    "net-1": {"convolution": 0.9, "elementwise": 0.1},
    "net-2": {"convolution": 0.8, "elementwise": 0.2},
    "language": {"large product": 1.0},
}
GAINS = {
    "net-1": {"knob-k": 1.5, "knob-l": 1.3, "knob-j": 1.2, "knob-a": 0.7, "knob-b": 0.8},
    "net-2": {"knob-k": 1.4, "knob-l": 1.25, "knob-j": 1.3, "knob-a": 0.8, "knob-c": 0.8},
    "language": {"knob-a": 2.0, "knob-k": 0.9},
}


def choices() -> list[dict[str, str]]:
    """The default, every single choice, every pair, and every three of the last six."""
    combinations = [(), *itertools.combinations(NAMES, 1), *itertools.combinations(NAMES, 2)]
    combinations += itertools.combinations(NAMES[6:], 3)
    return [dict.fromkeys(names, "on") for names in combinations]


def line(model: str, values: Mapping[str, str]) -> dict[str, object]:
    time_s = 0.1
    for name in values:
        time_s /= GAINS[model].get(name, 1.0)
    fails = {"knob-d", "knob-k"} <= values.keys()
    return {
        "model": model,
        "values": values,
        "flags": [],
        "compile_s": 2.0 + len(values),
        "time_s": None if fails else time_s,
        "ratio": None if fails else 0.1 / time_s,
        "verdict": "does not compile" if fails else "right",
    }


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    path = tmp_path / "reference.jsonl"
    path.write_text("".join(json.dumps(line(model, values)) + "\n" for model in GAINS for values in choices()))
    return path


def test_a_reference_set_becomes_outcomes(reference: Path) -> None:
    read = read_reference(reference)
    assert read.keys() == GAINS.keys()
    outcomes = {items_of(outcome.values): outcome for outcome in outcomes_of(read["net-1"])}
    assert len(outcomes) == len(choices()) - 1
    single = outcomes[items_of({"knob-k": "on"})]
    assert single.speedup == pytest.approx(1.5)
    assert single.compile_factor == 1.5
    assert outcomes[items_of({"knob-d": "on", "knob-k": "on"})].speedup is None


def test_the_written_file_has_a_line_for_each_choice(reference: Path, tmp_path: Path) -> None:
    models = tuple(models_of(read_reference(reference), MIXES))
    path = tmp_path / "gains.json"
    path.write_text(text_of(written(models, on="a machine")))
    assert [model.outcomes[0].values for model in read_gains(path)] == [{"knob-a": "on"}] * 3
    lines = [line for line in path.read_text().splitlines() if '"compile_factor"' in line]
    assert len(lines) == sum(len(model.outcomes) for model in models)


def test_what_other_models_gave_leads_to_the_best_within_ten_compilations(reference: Path) -> None:
    read = read_reference(reference)
    rows: dict[str, Row] = {row.case.name: row for row in judged(FLAGS, read, list(models_of(read, MIXES)), 10, 10)}
    for name in ("net-1", "net-2"):
        row = rows[name]
        assert dict(row.case.best) == {"knob-j": "on", "knob-k": "on", "knob-l": "on"}
        assert row.curve[0] > 2.0
        assert row.curve[-1] <= 1.05 < row.random
        assert row.curve[-1] <= row.alone
        assert list(row.curve) == sorted(row.curve, reverse=True)
        assert str(row).startswith(f"| {name} | 100 | ")
    # No model is like it: its singles come in turn.
    assert rows["language"].curve[-1] <= 1.05


def test_a_model_without_the_defaults_time_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "reference.jsonl"
    path.write_text(json.dumps(line("net-1", {"knob-a": "on"})) + "\n")
    with pytest.raises(SystemExit, match="no time of the default of net-1"):
        read_reference(path)
