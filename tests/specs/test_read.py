# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A spec file gives back the entries and certificates that it was made of; what is none is refused with the place."""

from __future__ import annotations

import statistics
from dataclasses import replace
from pathlib import Path

import pytest

from foreign_spec import FOREIGN
from tuner.dispatches.extract import read_model_configurations
from tuner.errors import InputError
from tuner.model.model import Model
from tuner.specs.certificate import Certificate
from tuner.specs.read import UnreadableSpecError, read_spec
from tuner.specs.write import Entry, late_path, late_spec, problem_spec
from tuner.targets.cpu import CpuTarget
from tuner.targets.target import tuning_spec_flags
from tuner.tuning.result import TuneResult

pytestmark = pytest.mark.runs


def reduced(certificate: Certificate | None) -> Certificate:
    assert certificate is not None
    medians = (statistics.median(series) for series in (certificate.baseline_s, certificate.candidate_s))
    baseline_s, candidate_s = ((median,) for median in medians)
    return replace(certificate, baseline_s=baseline_s, candidate_s=candidate_s)


def test_entries_and_certificates_are_read_back_as_they_were_made(delivered: tuple[TuneResult, Path]) -> None:
    result, path = delivered
    assert result.model is not None
    for tuned, file, moment in zip(result.dispatches, (path, late_path(path)), ("early", "late"), strict=True):
        spec = read_spec(file)
        assert spec.moment == moment
        assert spec.foreign == ()
        assert spec.certificate == reduced(result.model.certificate(result.circumstances))
        (entry,) = spec.entries
        assert entry.problem == tuned.dispatch.problem
        assert tuned.winner is not None
        assert entry.annotations == tuned.winner.compilation.annotations
        assert entry.certificate == reduced(tuned.certificate(result.circumstances))


def test_what_is_read_and_written_again_is_the_same(delivered: tuple[TuneResult, Path], tmp_path: Path) -> None:
    _, path = delivered
    for file, write in ((path, problem_spec), (late_path(path), late_spec)):
        spec, again = read_spec(file), tmp_path / file.name
        again.write_text(
            write([entry.rewritten() for entry in spec.entries], (), spec.certificate, ["--a=b", '--c="\\d"'])
        )
        assert read_spec(again) == replace(spec, path=again, flags=("--a=b", '--c="\\d"'))


def test_plain_iree_compile_applies_a_spec_with_certificates(
    delivered: tuple[TuneResult, Path], tmp_path: Path, target: CpuTarget
) -> None:
    result, path = delivered
    tuned = result.dispatches[0]
    model, configured = path.with_name("model.mlir"), tmp_path / "configured.mlir"
    assert "iree_tuner.certificate" in path.read_text()
    flags = (*tuning_spec_flags(path), "--compile-to=executable-configurations")
    Model.open(model, target.compile_flags).compile_or_reject(configured, *flags)
    assert tuned.winner is not None
    assert read_model_configurations(configured)[tuned.dispatch.name] == tuned.winner.compilation.configured


def test_any_text_in_a_certificate_survives(delivered: tuple[TuneResult, Path], tmp_path: Path) -> None:
    result, _ = delivered
    tuned = result.dispatches[0]
    assert tuned.winner is not None
    assert tuned.winner.compilation.annotations is not None
    assert tuned.dispatch.problem is not None
    strange = replace(result.circumstances, processor='a "quoted"\\\\ ü\n\t%name @x }', flags=("--a=\\22b",))
    certificate = tuned.certificate(strange)
    path = tmp_path / "spec.mlir"
    entry = Entry(tuned.dispatch.problem, tuned.winner.compilation.annotations, "", certificate)
    path.write_text(problem_spec([entry]))
    assert read_spec(path).entries[0].certificate == reduced(certificate)


def test_entries_of_others_are_named(tmp_path: Path, delivered: tuple[TuneResult, Path]) -> None:
    path = tmp_path / "foreign.mlir"
    path.write_text(FOREIGN)
    spec = read_spec(path)
    assert (spec.entries, spec.foreign, spec.certificate) == ((), ("any_matmul",), None)
    bare = [replace(entry.rewritten(), certificate=None) for entry in read_spec(late_path(delivered[1])).entries]
    path.write_text(late_spec(bare))
    assert read_spec(path).foreign == ("entry_0",)


@pytest.mark.parametrize(
    ("spoil", "kind", "says"),
    [
        (lambda _: "nonsense", UnreadableSpecError, "no tuning spec that this compiler reads .error:"),
        (lambda text: text.replace("#iree_cpu.pipeline", "#iree_cpu.road"), UnreadableSpecError, "reads .error:"),
        (lambda _: "module {}", InputError, "it has no sequence @__kernel_config"),
        (lambda text: text.replace("certificate/6", "certificate/9"), InputError, "schema iree-tuner-certificate/9"),
        (lambda text: text.replace('{\\"schema', '\\"schema'), InputError, "carries a broken certificate"),
    ],
)
def test_what_is_no_spec_is_refused(
    spoil: object, kind: type[InputError], says: str, delivered: tuple[TuneResult, Path], tmp_path: Path
) -> None:
    path = tmp_path / "spec.mlir"
    assert callable(spoil)
    path.write_text(spoil(delivered[1].read_text()))
    with pytest.raises(kind, match=says) as raised:
        read_spec(path)
    assert str(path) in str(raised.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing\.mlir cannot be read: No such file"):
        read_spec(tmp_path / "missing.mlir")


def test_an_entry_for_another_problem_than_its_certificate_is_refused(
    delivered: tuple[TuneResult, Path], tmp_path: Path
) -> None:
    path = tmp_path / "spec.mlir"
    path.write_text(late_path(delivered[1]).read_text().replace("parallel127 k211", "parallel127 k212"))
    with pytest.raises(InputError, match="entry_0 and its certificate are for two problems"):
        read_spec(path)
