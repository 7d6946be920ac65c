# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Specs that are checked: fresh ones hold, spoiled ones are named for what is wrong with them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import sabotage
import samples
import tuner
from commands import here
from foreign_spec import FOREIGN
from places import DATA
from tuner.check.check import check_specs
from tuner.check.entries import Case, Compiled, measure, speed_verdict
from tuner.check.options import CheckOptions
from tuner.check.recorded import flags_of
from tuner.check.verdicts import CheckReport, EntryVerdict, Verdict
from tuner.dispatch import BenchmarkProgram, Dispatch
from tuner.dispatches.extract import read_model_configurations
from tuner.errors import DeviceLostError, InputError
from tuner.events import Event, Note, PhaseStarted, nobody
from tuner.measuring import Runner
from tuner.model.model import PREPROCESSING_MARK, Model, preprocessing_flag
from tuner.outcome import Candidate, Compilation, Fate
from tuner.specs.certificate import Certificate
from tuner.specs.read import read_spec
from tuner.specs.write import late_path, problem_spec
from tuner.speedup import Ratio
from tuner.targets import Target
from tuner.targets.cpu import CpuTarget
from tuner.targets.cuda import CudaTarget
from tuner.targets.rocm import RocmTarget
from tuner.targets.target import tuning_spec_flags

pytestmark = pytest.mark.runs

# What the specs here are made with is no choice of flags, so it is given again when they are checked.
FLAGS = (samples.NO_PEELING,)
NETWORK = DATA / "prime_network.mlir"
LOWERING = re.compile(r"#iree_cpu\.lowering_config<.*?\]>")
POOR_MATMUL = (
    "#iree_cpu.lowering_config<distribution = [8, 8, 0], vector_common_parallel = [1, 1, 0],"
    " vector_reduction = [0, 0, 1]>"
)
# A reduction loop in a level of parallel ones: IREE's verifier refuses it.
REFUSED_MATMUL = "#iree_cpu.lowering_config<distribution = [32, 64, 0], vector_common_parallel = [4, 32, 4]>"


@pytest.fixture(name="spec", scope="module")
def make_spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An early entry for the product, late ones for the convolution and the softmax."""
    folder = tmp_path_factory.mktemp("run")
    result = tuner.tune(
        NETWORK,
        keep_flags=True,
        allocator="default",
        flags=(samples.NO_PEELING,),
        trials=10,
        output=folder / "spec.mlir",
        run_dir=folder / "run",
    )
    assert [each.winner is not None for each in result.dispatches] == [True, True, True]
    return folder / "spec.mlir"


@pytest.fixture(name="golden")
def name_golden() -> Path:
    """An earlier run's spec for a like model, for what does not depend on what holds here."""
    return DATA / "cpu_network" / "spec.mlir"


@pytest.fixture(name="checked")
def make_checked(tmp_path: Path) -> Callable[..., CheckReport]:
    """Checks specs on the network, or on another model, in a folder of its own."""

    def checked(*specs: Path, model: Path = NETWORK, listen: Callable[[Event], None] = nobody) -> CheckReport:
        options = CheckOptions(flags=FLAGS, run_dir=tmp_path / "check", output=tmp_path / "refreshed.mlir")
        return check_specs(model, specs, options, listen)

    return checked


@pytest.fixture(name="other_model")
def write_other_model(tmp_path: Path) -> Path:
    """A model that no entry is for, and that is soon checked."""
    path = tmp_path / "model.mlir"
    path.write_text(samples.matmul(32, 32, 32))
    return path


def by_kind(report: CheckReport) -> dict[str, EntryVerdict]:
    return {each.entry.problem.kind: each for each in report.entries}


def edited(path: Path, folder: Path, edit: Callable[[str], str]) -> Path:
    """A spec with a text edited, which must change something."""
    text = edit(path.read_text())
    assert text != path.read_text()
    (folder / path.name).write_text(text)
    return folder / path.name


def test_a_spec_holds_where_it_was_made_and_is_refreshed(
    spec: Path, tmp_path: Path, checked: Callable[..., CheckReport], target: CpuTarget
) -> None:
    report = checked(spec, late_path(spec))
    assert [(each.verdict, each.moment) for each in report.entries] == [
        (Verdict.HOLDS, "early"),
        (Verdict.HOLDS, "late"),
        (Verdict.HOLDS, "late"),
    ]
    assert report.passed
    assert report.notes == ()
    assert report.model is not None
    assert report.model.verdict is Verdict.HOLDS
    assert report.refreshed == tmp_path / "refreshed.mlir"
    for before, after in ((spec, report.refreshed), (late_path(spec), late_path(report.refreshed))):
        old, new = read_spec(before), read_spec(after)
        assert [each.annotations for each in new.entries] == [each.annotations for each in old.entries]
        for one, other in zip(old.entries, new.entries, strict=True):
            assert one.certificate.candidate_s != other.certificate.candidate_s
            assert one.certificate.configuration == other.certificate.configuration
            assert other.certificate.accepted
        assert new.certificate is not None
        assert new.certificate.ratio.low > 1.0
    written = json.loads((tmp_path / "check" / "check.json").read_text())
    assert written["passed"]
    assert Certificate.from_json(written["entries"][0]["certificate"]) == report.entries[0].certificate
    flags = (*tuning_spec_flags(report.refreshed), "--compile-to=executable-configurations")
    Model.open(NETWORK, target.compile_flags).compile_or_reject(tmp_path / "configured.mlir", *flags)
    held = read_model_configurations(tmp_path / "configured.mlir")
    assert any(
        LOWERING.findall(each.annotations.root["compilation_info"])[0] in config.lowering_configs
        for each in read_spec(report.refreshed).entries
        for config in held.values()
    )


def test_stale_and_slow_entries_are_named_and_not_refreshed(
    spec: Path, tmp_path: Path, checked: Callable[..., CheckReport]
) -> None:
    """The model got another number of classes, and the convolution's entry a poor configuration."""
    model = tmp_path / "model.mlir"
    model.write_text(NETWORK.read_text().replace("199xf32", "208xf32"))
    poor = (
        "#iree_cpu.lowering_config<distribution = [1, 1, 1, 8, 0, 0, 0],"
        " vector_common_parallel = [1, 1, 1, 1, 0, 0, 0], vector_reduction = [0, 0, 0, 0, 1, 1, 1]>"
    )
    late = edited(late_path(spec), tmp_path, lambda text: LOWERING.sub(poor, text, count=1))
    report = checked(spec, late, model=model)
    found = by_kind(report)
    assert {kind: each.verdict for kind, each in found.items()} == {
        "contraction": Verdict.STALE,
        "convolution": Verdict.SLOW,
        "reduction": Verdict.STALE,
    }
    slow = found["convolution"].certificate
    assert slow is not None
    assert slow.ratio.high < 1.0
    assert not slow.accepted
    assert not report.passed
    assert report.refreshed is None
    assert not (tmp_path / "refreshed.mlir").exists()


def test_entries_that_do_not_apply_compute_something_else_or_crash_are_named(
    spec: Path, tmp_path: Path, checked: Callable[..., CheckReport]
) -> None:
    """The product's matcher asks for another size than its certificate; the machine code of the others is spoiled."""
    early = edited(spec, tmp_path, lambda text: text.replace("dims_equal %m, [769]", "dims_equal %m, [770]"))

    def spoil(event: Event) -> None:
        if isinstance(event, PhaseStarted) and event.text.startswith("entry 2 "):
            candidates = tmp_path / "check" / "candidates"
            sabotage.spoil(candidates / "late-entry_0-entry.vmfb", "write nothing")
            sabotage.spoil(candidates / "late-entry_1-entry.vmfb", "segfault")

    found = by_kind(checked(early, late_path(spec), listen=spoil))
    assert {kind: each.verdict for kind, each in found.items()} == {
        "contraction": Verdict.NOT_APPLIED,
        "convolution": Verdict.WRONG,
        "reduction": Verdict.NOT_RUNNING,
    }
    assert "holds the compiler's default" in found["contraction"].detail
    assert "elements differ" in found["convolution"].detail
    assert "SIGSEGV" in found["reduction"].detail


def test_a_lost_device_leaves_the_verdicts_so_far(
    spec: Path, tmp_path: Path, checked: Callable[..., CheckReport]
) -> None:
    def lose(event: Event) -> None:
        if isinstance(event, PhaseStarted) and event.text.startswith("entry 2 "):
            raise DeviceLostError("the device local-sync is lost")

    report = checked(spec, late_path(spec), listen=lose)
    assert [entry.verdict for entry in report.entries] == [Verdict.HOLDS]
    assert [path for path, _ in report.unjudged] == [late_path(spec)] * 2
    assert (report.lost, report.passed) == ("the device local-sync is lost", False)
    assert report.model is None
    assert report.refreshed is None
    assert [line.partition(":")[0] for line in report.lines()] == ["holds", "not judged", "not judged"]
    written = json.loads((tmp_path / "check" / "check.json").read_text())
    assert (len(written["entries"]), len(written["unjudged"])) == (1, 2)


def test_a_refused_entry_is_told_from_the_others_and_a_refreshed_spec_leaves_it_out(
    spec: Path, tmp_path: Path, checked: Callable[..., CheckReport]
) -> None:
    early = edited(spec, tmp_path, lambda text: LOWERING.sub(REFUSED_MATMUL, text, count=1))
    report = checked(early, late_path(spec))
    found = by_kind(report)
    assert {kind: each.verdict for kind, each in found.items()} == {
        "contraction": Verdict.REFUSED,
        "convolution": Verdict.HOLDS,
        "reduction": Verdict.HOLDS,
    }
    assert "parallel dims" in found["contraction"].detail
    assert report.model is not None
    assert report.model.verdict is Verdict.REFUSED
    assert report.refreshed is not None
    assert read_spec(report.refreshed).entries == ()
    assert len(read_spec(late_path(report.refreshed)).entries) == 2


def test_a_spec_that_does_not_parse_fails_alone(
    spec: Path, tmp_path: Path, checked: Callable[..., CheckReport]
) -> None:
    early = edited(spec, tmp_path, lambda text: text.replace("#iree_cpu.pipeline", "#iree_cpu.road"))
    report = checked(early, late_path(spec))
    ((path, reason),) = report.unreadable
    assert path == early
    assert reason.startswith("error:")
    assert [each.verdict for each in report.entries] == [Verdict.HOLDS, Verdict.HOLDS]
    assert report.model is None
    assert not report.passed
    assert report.refreshed is None


@pytest.mark.measures
@pytest.mark.skipif(
    "avx512f" not in Path("/proc/cpuinfo").read_text(),
    reason="without AVX-512 the default's choice for the fill makes other code, and the entry has none for it",
)
def test_a_default_that_caught_up_is_no_failure(
    golden: Path, tmp_path: Path, checked: Callable[..., CheckReport], target: CpuTarget
) -> None:
    model, configured = DATA / "network.mlir", tmp_path / "configured.mlir"
    flags = (*target.compile_flags, samples.NO_PEELING)
    Model.open(model, flags).compile_or_reject(configured, "--compile-to=executable-configurations")
    (name,) = (each.certificate.name for each in read_spec(golden).entries)
    *_, default = read_model_configurations(configured)[name].lowering_configs
    report = checked(edited(golden, tmp_path, lambda text: LOWERING.sub(default, text, count=1)), model=model)
    assert [each.verdict for each in report.entries] == [Verdict.UNDECIDED]
    # On some of these processors the fill's choice makes other code that is as fast: that is measured, and may be kept.
    is_same_code = "by default now" in report.entries[0].detail
    assert is_same_code or report.entries[0].certificate is not None
    assert (report.refreshed is None) == is_same_code


def test_an_entry_that_makes_the_defaults_code_is_not_measured(tmp_path: Path, target: CpuTarget) -> None:
    read = read_spec(DATA / "cpu_network" / "spec.mlir")
    entry = read.entries[0]
    dispatch = Dispatch("d", entry.problem, BenchmarkProgram("", "", "run", "set", 64, ()))
    compiled = []
    for number, name in enumerate(("default", "entry")):
        binary = tmp_path / f"{name}.vmfb"
        binary.write_bytes(b"the same code")
        compiled.append(Compilation(Candidate(number), Fate.COMPILED, "", 0.1, tmp_path / "log", binary))
    with Runner(target.device) as runner:
        case = Compiled(Case(0, read, entry, (dispatch,)), *compiled)
        ended = measure(case, runner, target, entry.certificate.circumstances, 0, nobody)
        assert runner.generation == 0
    assert ended.verdict is Verdict.UNDECIDED
    assert ended.detail == "it is what the compiler does by default now"


def test_what_is_otherwise_here_is_said(golden: Path, other_model: Path, tmp_path: Path) -> None:
    entry = read_spec(golden).entries[0]
    then = entry.certificate.circumstances
    # Only the first few in the order of their names are told, and a processor may lack many.
    features = ("+0-of-another-processor", *then.features[1:])
    other = replace(then, compiler_version="3.12.9", processor="another", features=features)
    certificate = replace(entry.certificate, circumstances=other)
    old = tmp_path / "old.mlir"
    old.write_text(problem_spec([entry.rewritten(certificate)]))
    options = CheckOptions(threads=2, flags=(samples.NO_PEELING, "--iree-opt-level=O1"), run_dir=tmp_path / "check")
    report = check_specs(other_model, [old], options, nobody)
    said = " | ".join(report.notes)
    assert "the number of threads was 1, here it is 2" in said
    assert "the device was local-sync, here it is local-task" in said
    assert "iree-compile was 3.12.9, here it is 3." in said
    assert "the flags were others; here they are with --iree-opt-level=O1" in said
    assert re.search(rf"without \+0-of-another-processor[^;|]*; with {re.escape(then.features[0])}\b", said)


def test_bad_input_is_refused_before_any_work(golden: Path, other_model: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.mlir"
    foreign.write_text(FOREIGN)
    beside = tmp_path / "out.late.mlir"
    beside.write_text("a user's")
    for specs, output, says in (
        ([golden, foreign], None, "both early specs; merge them first"),
        ([tmp_path / "missing.mlir"], None, "cannot be read"),
        ([other_model], None, "is no tuning spec"),
        ([foreign], tmp_path / "new.mlir", "entries without a certificate .any_matmul., which would be lost"),
        ([late_path(golden)], late_path(golden), "is a late spec; name the file of the early entries"),
        ([golden], tmp_path / "out.mlir", "out.late.mlir would be replaced, and is not among the given specs"),
        ([golden], NETWORK, "is the model itself"),
    ):
        options = CheckOptions(flags=FLAGS, output=output, run_dir=tmp_path / "check")
        with pytest.raises(InputError, match=says):
            check_specs(NETWORK, specs, options, nobody)
        assert not (tmp_path / "check").exists()
    assert beside.read_text() == "a user's"
    with pytest.raises(InputError, match="--threads must be at least 1, not 0"):
        check_specs(NETWORK, [golden], CheckOptions(threads=0), nobody)


def test_flags_that_replace_the_preprocessing_spec_are_named(tmp_path: Path) -> None:
    """Before any work: the folder of the check cannot be made here."""
    made, spec, theirs = (tmp_path / f"{name}.mlir" for name in ("spec.preprocessing", "spec", "theirs"))
    made.write_text(f"{PREPROCESSING_MARK} {{\n}}\n")
    theirs.write_text("module {}")
    spec.write_text(problem_spec([], flags=(preprocessing_flag(made),)))
    (tmp_path / "file").write_text("")
    for given, notes in (((preprocessing_flag(theirs),), 1), ((preprocessing_flag(made),), 0)):
        heard: list[Event] = []
        options = CheckOptions(flags=given, run_dir=tmp_path / "file")
        with pytest.raises(InputError):
            check_specs(NETWORK, [spec], options, heard.append)
        said = [event.text for event in heard if isinstance(event, Note)]
        assert len(said) == notes
        assert all(text.startswith(f"{spec} goes with {made}, which the flags leave out") for text in said)


def test_entries_of_others_are_listed_and_judged_in_the_whole_model(other_model: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.mlir"
    foreign.write_text(FOREIGN)
    report = check_specs(other_model, [foreign], CheckOptions(run_dir=tmp_path / "check"), nobody)
    assert (report.entries, report.foreign) == ((), ((foreign, "any_matmul"),))
    assert report.model is not None
    assert report.model.verdict is Verdict.UNDECIDED
    assert report.model.detail == "it is the plain model"
    assert report.passed


@pytest.mark.measures
def test_flags_that_were_chosen_with_a_spec_are_checked_with_it(tmp_path: Path) -> None:
    model, spec = tmp_path / "model.mlir", tmp_path / "spec.mlir"
    model.write_text(samples.matmul(101, 211, 103))
    flags = ("--iree-opt-level=O2",)
    pins = {"opt-level": "O2"}
    result = tuner.tune(
        model,
        keep_flags=True,
        flags=(samples.NO_PEELING,),
        pins=pins,
        allocator="caching",
        trials=3,
        output=spec,
        run_dir=tmp_path / "run",
    )
    assert result.flags == flags
    assert read_spec(spec).flags == flags
    options = CheckOptions(flags=FLAGS, run_dir=tmp_path / "check", output=tmp_path / "refreshed.mlir")
    report = check_specs(model, [spec], options, nobody)
    assert [each.verdict for each in report.entries] == [Verdict.HOLDS]
    assert report.flags == flags
    assert report.flags_verdict is not None
    said = "over the plain model, both with the caching allocator, its outputs within tolerance"
    assert said in report.flags_verdict.detail
    assert report.passed
    assert report.model is not None
    assert report.model.verdict is Verdict.HOLDS
    assert report.notes == ()
    assert report.refreshed is not None
    assert read_spec(report.refreshed).flags == flags


def with_flags(spec: Path, path: Path, *recorded: str, chosen: tuple[str, ...] = ()) -> Path:
    """A spec whose certificate says that it was made with these flags beside the target's."""
    (entry,) = read_spec(spec).entries
    circumstances = entry.certificate.circumstances
    flags = (*(each for each in circumstances.flags if each not in FLAGS), *recorded, *chosen)
    certificate = replace(entry.certificate, circumstances=replace(circumstances, flags=flags))
    path.write_text(problem_spec([entry.rewritten(certificate)], flags=chosen))
    return path


def test_chosen_flags_that_the_compiler_no_longer_knows_are_refused(
    golden: Path, other_model: Path, tmp_path: Path
) -> None:
    """As when a release of the compiler takes away what may be chosen: a package registers such a choice."""
    choice = 'FlagKnob("gone", {"on": ("--iree-gone",)})'
    (tmp_path / "choices.py").write_text(
        f"from tuner.model_flags import FlagKnob, ModelFlags\nFLAGS = ModelFlags(({choice},))\n"
    )
    package = tmp_path / "choices-1.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: choices\nVersion: 1\n")
    (package / "entry_points.txt").write_text("[tuner.model_flags]\ncpu = choices:FLAGS\n")
    old = with_flags(golden, tmp_path / "old.mlir", chosen=("--iree-gone",))
    path = os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", "")))
    command = [sys.executable, "-m", "tuner", "check", str(other_model), str(old), "--run-dir", str(tmp_path / "check")]
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, env=environment)
    assert done.returncode == 1, done.stderr
    assert re.search(r"^refused: old\.mlir: match_0 ", done.stdout, re.MULTILINE), done.stdout
    refused = r"^refused: flags --iree-gone: .*Unknown command line argument '--iree-gone'"
    assert re.search(refused, done.stdout, re.MULTILINE), done.stdout


@pytest.mark.parametrize("is_chosen", [False, True])
def test_flags_are_not_used_on_a_certificates_word(
    is_chosen: bool, golden: Path, other_model: Path, tmp_path: Path
) -> None:
    """A flag can name a program that iree-compile runs."""
    program, ran = tmp_path / "linker.sh", tmp_path / "ran"
    program.write_text(f"#!/bin/sh\ntouch {ran}\nexit 1\n")
    program.chmod(0o755)
    flag = f"--iree-llvmcpu-embedded-linker-path={program}"
    old = with_flags(
        golden, tmp_path / "old.mlir", *(() if is_chosen else (flag,)), chosen=(flag,) if is_chosen else ()
    )
    with pytest.raises(InputError, match=r"which is no choice of flags for cpu .* give it after --, as in") as raised:
        check_specs(other_model, [old], CheckOptions(run_dir=tmp_path / "check"), nobody)
    assert flag in str(raised.value)
    options = CheckOptions(flags=("--iree-opt-level=O1",), run_dir=tmp_path / "c")
    report = check_specs(other_model, [old], options, nobody)
    assert report.flags == ()
    assert not ran.exists()


def recorded_flags(spec: Path, path: Path, target: Target, *recorded: str, options: CheckOptions) -> Any:
    """The given and the chosen flags of a check."""
    (entry,) = read_spec(spec).entries
    flags = (*target.compile_flags, *recorded)
    circumstances = replace(entry.certificate.circumstances, target=target.name, flags=flags)
    certificate = replace(entry.certificate, circumstances=circumstances)
    chosen = tuple(flag for flag in recorded if flag == "--iree-opt-data-tiling")
    path.write_text(problem_spec([entry.rewritten(certificate)], flags=chosen))
    return flags_of([read_spec(path)], target.name, target, options.flags)


def test_flags_that_may_be_chosen_need_not_be_given_again(golden: Path, tmp_path: Path) -> None:
    path, plain = tmp_path / "old.mlir", CheckOptions()
    for target in (CpuTarget(), CudaTarget("sm_80"), RocmTarget("gfx942")):
        assert recorded_flags(golden, path, target, options=plain) == ((), ())
        with pytest.raises(InputError, match=f"--iree-other, which is no choice of flags for {target.name}"):
            recorded_flags(golden, path, target, "--iree-other", options=plain)
    cpu, choices = CpuTarget(), ("--iree-opt-level=O2", "--iree-opt-data-tiling")
    given, chosen = (choices[0],), (choices[1],)
    assert recorded_flags(golden, path, cpu, *choices, options=plain) == (given, chosen)
    other = CheckOptions(flags=("--iree-other",))
    assert recorded_flags(golden, path, cpu, *choices, options=other) == (("--iree-other",), chosen)
    none = CheckOptions(flags=("--iree-opt-data-tiling=false",))
    assert recorded_flags(golden, path, cpu, *choices, options=none) == ((none.flags or ()), ())


@pytest.mark.parametrize(
    ("ratio", "verdict"),
    [
        (Ratio(1.05, 1.04, 1.06), Verdict.HOLDS),
        (Ratio(1.01, 1.005, 1.02), Verdict.UNDECIDED),
        (Ratio(0.985, 0.983, 0.987), Verdict.UNDECIDED),
        (Ratio(0.97, 0.94, 1.0), Verdict.UNDECIDED),
        (Ratio(0.97, 0.96, 0.98), Verdict.SLOW),
    ],
)
def test_speed_is_told_beyond_what_equal_programs_differ_by(ratio: Ratio, verdict: Verdict) -> None:
    assert speed_verdict(ratio) is verdict


def test_the_command_tells_by_line_and_exit_code(
    spec: Path, other_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """0 if all hold, 1 if an entry fails, 2 for bad input."""
    monkeypatch.chdir(tmp_path)
    holds = r"^holds: spec\.mlir: match_0 \(contraction m769 n199 k64 f32\): \d+\.\d+x \["
    stale = r"^stale: spec\.mlir: match_0 .*: no dispatch of the model has its problem$"
    missing = r"^iree-tune: the spec .*missing\.mlir cannot be read: No such file"
    for arguments, code, says in (
        ((NETWORK, spec, "--", *FLAGS), 0, holds),
        ((other_model, spec, "--", *FLAGS), 1, stale),
        ((other_model, tmp_path / "missing.mlir"), 2, missing),
    ):
        done = here("check", "--run-dir", f"check-{code}", *arguments, output=capfd)
        assert done.returncode == code, done.stdout + done.stderr
        assert re.search(says, done.stdout + done.stderr, re.MULTILINE), done.stdout + done.stderr
        assert "Traceback" not in done.stderr
