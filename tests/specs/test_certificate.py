# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A certificate is one value with one schema: what is written is read back, and nothing else is taken for one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from places import DATA
from tuner.dispatch import Configuration, Loop, Operand, Problem
from tuner.errors import InputError
from tuner.foreign import printable
from tuner.measuring.racecheck import RaceCheck
from tuner.specs.certificate import SCHEMA, Certificate
from tuner.specs.read import read_spec
from tuner.speedup import Ratio
from tuner.tuning.result import TuneResult

TIMES = st.floats(1e-9, 1e6)
PRINTED = st.text().map(printable)
MEASURED = st.lists(st.tuples(TIMES, TIMES), min_size=1, max_size=4)
LOOPS = st.builds(Loop, st.integers(0, 2**62), st.from_regex("[a-z]+", fullmatch=True))
PROBLEMS = st.builds(
    Problem,
    kind=PRINTED.filter(lambda kind: kind != "contraction"),
    loops=st.lists(
        st.builds(Loop, st.integers(0, 2**62), st.from_regex("[a-z]+", fullmatch=True)), min_size=2, max_size=4
    ).map(tuple),
    operands=st.lists(
        st.builds(Operand, st.sampled_from(["f32", "complex<f32>"]), st.just("(d0, d1) -> (d0 * 2 + d1)")),
        min_size=1,
        max_size=3,
    ).map(lambda each: tuple(replace(operand, loops=(0, -1)) for operand in each)),
    computation=PRINTED,
)

# What is sound can only in part be read from the types.
st.register_type_strategy(int, st.integers(-(2**63) + 1, 2**63 - 1))
st.register_type_strategy(float, st.floats(0, 1e300))
st.register_type_strategy(str, PRINTED)
st.register_type_strategy(RaceCheck, st.builds(RaceCheck, *[st.integers(0, 2**63 - 1)] * 2))


@st.composite
def certificates(draw: st.DrawFn) -> Certificate:
    """Any that a run can make: of text that terminals show, of times and ratios that there are."""
    baseline_s, candidate_s = zip(*draw(MEASURED), strict=True)
    ratio = st.floats(1e-15, 1e15)
    certificate = draw(st.from_type(Certificate))
    return replace(
        certificate,
        verified=replace(certificate.verified, runs=draw(st.integers(1, 2**63 - 1))),
        problem=draw(st.none() | PROBLEMS),
        baseline_s=baseline_s,
        candidate_s=candidate_s,
        ratio=Ratio(draw(ratio), draw(ratio), draw(ratio)),
    )


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(certificates())
def test_what_is_written_is_read_back(certificate: Certificate) -> None:
    assert Certificate.from_json(json.loads(json.dumps(certificate.to_json()))) == certificate


def test_a_run_certifies_each_dispatch_and_the_model(delivered: tuple[TuneResult, Path]) -> None:
    result, spec = delivered
    written = json.loads((spec.with_name("run") / "result.json").read_text())
    dispatch = Certificate.from_json(written["dispatches"][0]["certificate"])
    model = Certificate.from_json(written["model"]["certificate"])
    tuned, _ = result.dispatches
    assert tuned.winner is not None
    assert tuned.final is not None
    assert dispatch.problem == tuned.dispatch.problem
    assert isinstance(dispatch.configuration, Configuration)
    assert dispatch.configuration == tuned.winner.candidate.configuration
    assert dispatch.moment == "early"
    assert dispatch.accepted
    assert len(dispatch.baseline_s) == len(dispatch.candidate_s) >= 10
    assert dispatch.ratio == tuned.final.ratio
    assert dispatch.verified.seeds == (0, 2, 3)
    assert 0 <= dispatch.verified.max_error <= dispatch.verified.tolerance.largest
    assert model.problem is None
    assert model.ratio.value == result.speedup
    for certificate in (dispatch, model):
        circumstances = certificate.circumstances
        assert circumstances.target == "cpu"
        assert circumstances.device == "local-sync"
        assert circumstances.threads == 1
        assert circumstances.features
        assert all(feature.startswith("+") for feature in circumstances.features)
        assert circumstances.compiler_version.startswith("3.")
        assert circumstances.runtime_version.startswith("3.")
        assert "--iree-llvmcpu-target-cpu=host" in circumstances.flags


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda data: data.update(schema="another/9"), f"schema another/9; this version reads {SCHEMA}"),
        (lambda data: data.pop("ratio"), "has no 'ratio'"),
        (lambda data: data.update(extra=1), "has an unknown 'extra'"),
        (lambda data: data.update(moment="later"), r"Certificate\.moment is 'later'"),
        (lambda data: data.update(baseline_s=3.0), r"Certificate\.baseline_s is '3\.0', not a list"),
        (lambda data: data["problem"]["loops"][0].update(extent="1"), r"loops\[0\]\.extent is '1', not a value of"),
        (lambda data: data["circumstances"].update(threads=True), r"threads is 'True'"),
    ],
)
def test_a_broken_certificate_is_refused_with_the_place(spoil: Any, says: str) -> None:
    (entry,) = read_spec(DATA / "cpu_network" / "spec.mlir").entries
    data = entry.certificate.to_json()
    spoil(data)
    with pytest.raises(InputError, match=says):
        Certificate.from_json(data)


@pytest.mark.parametrize("data", [None, [], "certificate", 3])
def test_other_json_is_no_certificate(data: Any) -> None:
    with pytest.raises(InputError, match="schema None"):
        Certificate.from_json(data)
