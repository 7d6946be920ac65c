# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The choices for the whole compilation: their space, what pins and given flags leave of it, and a real search."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import samples
import tuner
from pins import all_but
from tuner.constraints import find_pool, violated_rules
from tuner.errors import InputError
from tuner.events import Event, FlagsTried
from tuner.model_flags import parse_pins
from tuner.model_flags.cpu import FLAGS
from tuner.options import Options
from tuner.tuning.flag_plan import check_pins
from tuner.tuning.stages import Known, search_flags, tune
from tuner.tuning.workbench import Workbench


def choices(pins: dict[str, str], given: tuple[str, ...] = ()) -> list[dict[str, str]]:
    """A sample: there are too many to list."""
    pool = find_pool(FLAGS.space(pins, given), samples=40, rng=np.random.default_rng(0), max_rows=1000)
    return [FLAGS.chosen(pool.point(row)) for row in range(len(pool))]


def test_every_choice_keeps_the_rules() -> None:
    every = choices({})
    assert len(every) == 40
    assert all("data-tiling" in values for values in every if "microkernels" in values)
    assert all(values.get("data-tiling") == "on" for values in every if "data-tiled-ops" in values)
    assert violated_rules(FLAGS.space({}, ()), dict.fromkeys((knob.name for knob in FLAGS.knobs), 0)) == ()


def test_a_pin_settles_its_knob() -> None:
    assert {each.get("opt-level") for each in choices({"opt-level": "O3"})} == {"O3"}
    assert all("data-tiling" not in each for each in choices({"data-tiling": "default"}))


def test_a_flag_that_the_user_gave_is_not_searched() -> None:
    every = choices({}, ("--iree-opt-level=O1",))
    assert every
    assert all("opt-level" not in each for each in every)


def test_flags_of_a_choice() -> None:
    assert FLAGS.flags({"opt-level": "O3", "data-tiling": "on"}) == ("--iree-opt-data-tiling", "--iree-opt-level=O3")
    assert FLAGS.flags({}) == ()


@pytest.mark.parametrize("pins", [{"speed": "high"}, {"opt-level": "O9"}])
def test_pins_that_name_nothing_are_refused(pins: dict[str, str]) -> None:
    with pytest.raises(InputError, match=r"choice|choose"):
        FLAGS.space(pins, ())


@pytest.mark.parametrize("text", ["O3", "=O3", "opt-level="])
def test_pins_are_name_and_value(text: str) -> None:
    with pytest.raises(InputError, match="NAME=VALUE"):
        parse_pins([text])


@pytest.mark.measures
def test_the_best_flags_come_with_the_spec_and_are_proved(tmp_path: Path) -> None:
    """On a product of prime sizes data tiling pads, which is several times faster than the default."""
    model = tmp_path / "model.mlir"
    model.write_text(samples.matmul(211, 307, 401))
    heard: list[Event] = []
    result = tuner.tune(
        model,
        budget_s=120.0,
        trials=4,
        pins=all_but("data-tiling", "fuse-padding"),
        flags=(samples.NO_PEELING,),
        run_dir=tmp_path / "run",
        listen=heard.append,
    )
    tried = [event for event in heard if isinstance(event, FlagsTried)]
    assert len(tried) >= 3
    assert any(event.values.get("data-tiling") == "on" and event.time_s for event in tried)
    # Without an op that pads its fusion changes nothing: one binary, measured once, and not among the flags.
    tiled = [event.time_s for event in tried if event.values.get("data-tiling") == "on"]
    assert len(set(tiled)) <= 2 < len(tiled)
    assert not any("fuse-padding" in flag for flag in result.flags)
    (flag,) = {"--iree-opt-data-tiling", "--iree-global-opt-data-tiling"} & set(result.flags)
    assert result.model is not None
    assert result.model.verification.passed
    assert result.model.ratio.low > 1.2
    assert flag in result.compile_command
    assert result.wall_time.total_s < 2 * 120
    written = json.loads((tmp_path / "run" / "result.json").read_text())
    assert written["flags"] == list(result.flags)


@pytest.mark.runs
def test_a_client_composes_stages(tmp_path: Path) -> None:
    model = tmp_path / "model.mlir"
    model.write_text(samples.matmul(96, 128, 64))
    seen = []

    def note(_: Workbench, known: Known) -> Known:
        seen.append(known)
        return known

    result = tuner.tune(model, trials=2, keep_flags=True, stages=(search_flags, tune, note), run_dir=tmp_path / "run")
    assert result.model is None
    assert len(result.dispatches[0].evaluations) == 3
    assert "match" not in result.spec
    assert len(seen) == 1


def test_a_target_without_choices_takes_no_pins() -> None:
    check_pins("vulkan", Options())
    with pytest.raises(InputError, match="no choices of flags for vulkan"):
        check_pins("vulkan", Options(pins={"opt-level": "O3"}))
