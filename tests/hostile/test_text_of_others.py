# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What others wrote, of whatever form, ends in a value or a sentence: specs, bundles, results, runs, options."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fuzz_readers
import samples
from extraction import extract_text
from fuzz_readers import ESCAPE
from places import DATA
from tuner.bundle.manifest import read_manifest
from tuner.bundle.measuring import main as measure
from tuner.bundle.results import Results
from tuner.bundle.taking_back import _configuration
from tuner.check.check import check_specs
from tuner.check.options import CheckOptions
from tuner.check.verdicts import Verdict
from tuner.compile.late import is_late
from tuner.errors import InputError
from tuner.events import nobody
from tuner.foreign import parse_json, printable
from tuner.jsonable import from_given
from tuner.model.shapes import Shapes
from tuner.options import Options
from tuner.report.formats.html import html_report
from tuner.report.recorded_run import read_run
from tuner.specs.merge import merge_specs
from tuner.specs.read import read_spec
from tuner.targets.choosing import choose_target
from tuner.targets.cpu import CpuTarget
from tuner.tuning.plan import plan

SPEC, LATE = DATA / "cpu_network" / "spec.mlir", DATA / "cpu_network" / "spec.late.mlir"
DEEP = "[" * 200_000
Spoil = Callable[[str], str]


def said(error: InputError, *paths: Path) -> str:
    """The sentence: no escape codes, and it names a file."""
    text = str(error)
    assert printable(text) == text
    assert not paths or any(str(path) in text for path in paths)
    return text


def entry_attribute(value: str, name: str = "certificate") -> Spoil:
    """Puts another attribute in place of that of the last entry."""

    def spoil(text: str) -> str:
        before, _, after = text.rpartition(f'iree_tuner.{name} = "')
        end = next(i for i, letter in enumerate(after) if letter == '"' and after[i - 1] != "\\")
        return f"{before}iree_tuner.{name} = {value}{after[end + 1 :]}"

    return spoil


def of_entry(name: str, value: str) -> Spoil:
    """Puts another value into the last entry's certificate."""

    def spoil(text: str) -> str:
        before, _, after = text.rpartition(f'\\"{name}\\":')
        opened = 0
        for end, letter in enumerate(after):
            opened += (letter in "[{") - (letter in "]}")
            if opened < 0 or (opened == 0 and letter == ","):
                return f'{before}\\"{name}\\":{value}{after[end:]}'
        raise ValueError(name)

    return spoil


SPECS: dict[str, tuple[Path, Spoil, str]] = {
    "an integer as certificate": (SPEC, entry_attribute("3 : i64"), "carries no text as iree_tuner.certificate"),
    "a unit as certificate": (SPEC, entry_attribute("unit"), "carries no text as iree_tuner.certificate"),
    "bytes that are no text": (SPEC, entry_attribute('"\\FF"'), "carries no text as iree_tuner.certificate"),
    "an integer as problem": (LATE, entry_attribute("3 : i64", "problem"), "carries no text as iree_tuner.problem"),
    "many brackets": (SPEC, entry_attribute(f'"{DEEP}"'), "carries a broken certificate: it is nested too deeply"),
    "no time": (SPEC, of_entry("candidate_s", "[]"), "1 times of the default and 0 of the candidate"),
    "unequal rounds": (SPEC, of_entry("candidate_s", "[0.1,0.2]"), "1 times of the default and 2 of the candidate"),
    "NaN": (SPEC, of_entry("candidate_s", "[NaN]"), "it holds NaN, which is no number"),
    "infinity": (SPEC, of_entry("baseline_s", "[-Infinity]"), "it holds -Infinity, which is no number"),
    "a number too large": (SPEC, of_entry("baseline_s", "[1e999]"), r"baseline_s\[0\] is 'inf', not a finite number"),
    "a negative time": (SPEC, of_entry("candidate_s", "[-1.0]"), "candidate_s: -1 s is no time that a program takes"),
    "a zero time": (SPEC, of_entry("candidate_s", "[0]"), "candidate_s: 0 s is no time that a program takes"),
    "a zero ratio": (SPEC, of_entry("ratio", '{\\"value\\":0,\\"low\\":0,\\"high\\":0}'), "ratio: 0 is no ratio"),
    "a list as name": (SPEC, of_entry("name", "[[]]"), "Certificate.name is .*, not a value of type str"),
    "no operands": (SPEC, of_entry("operands", "[]"), "its problem 'contraction' has 0 operands"),
    "another kind": (SPEC, of_entry("kind", '\\"reduction\\"'), "a spec for plain iree-compile cannot reach"),
    "IR as a type": (
        SPEC,
        lambda text: text.replace('_type\\":\\"f32', '_type\\":\\"f32 } {', 1),
        "no valid type or indexing map",
    ),
    "a list as flags": (
        SPEC,
        lambda text: text.replace("module @iree_tuner_spec attributes {", "module attributes { iree_tuner.flags = [],"),
        "carries no text as iree_tuner.flags",
    ),
    "flags that are no list": (
        SPEC,
        lambda text: text.replace(
            "module @iree_tuner_spec attributes {", 'module attributes { iree_tuner.flags = "3",'
        ),
        "carries broken flags: .* is '3', not a list",
    ),
    "nested modules": (SPEC, lambda text: "module {" * 5000 + text + "}" * 5000, "nested more than 200 levels deep"),
    "nested attributes": (SPEC, entry_attribute("[" * 5000 + "]" * 5000), "nested more than 200 levels deep"),
}


@pytest.mark.parametrize("case", SPECS)
def test_a_spec_of_another_form_gets_one_sentence(case: str, tmp_path: Path) -> None:
    source, spoil, says = SPECS[case]
    path = tmp_path / "spoiled.mlir"
    path.write_text(spoil(source.read_text()))
    assert path.read_text() != source.read_text()
    for reads in (
        lambda: read_spec(path),
        lambda: merge_specs([SPEC, path], tmp_path / "merged.mlir"),
        lambda: check_specs(models_file(tmp_path), [path], CheckOptions(run_dir=tmp_path / "check"), nobody),
    ):
        with pytest.raises(InputError, match=says) as raised:
            reads()
        said(raised.value, path)
    assert not (tmp_path / "merged.mlir").exists()
    assert not (tmp_path / "check").exists()


def models_file(folder: Path) -> Path:
    path = folder / "model.mlir"
    path.write_text(samples.matmul(32, 32, 32))
    return path


def test_a_spec_whose_ir_is_anothers_is_foreign(tmp_path: Path) -> None:
    """An entry that carries a certificate, and does something else than ours do."""
    for source, old, new in (
        (SPEC, 'transform.annotate %op "compilation_info"', 'transform.annotate %op "x\\" = 3"'),
        (LATE, 'transform.annotate %root0 "compilation_info"', 'transform.annotate %root0 "a b"'),
    ):
        path = tmp_path / source.name
        path.write_text(source.read_text().replace(old, new))
        assert path.read_text() != source.read_text()
        spec = read_spec(path)
        assert all("compilation_info" in each.annotations.root for each in spec.entries)
        assert len(spec.entries) + len(spec.foreign) == len(read_spec(source).entries)


def test_an_entrys_name_is_no_place_for_files(tmp_path: Path) -> None:
    """Escape codes of its name are shown as such, and files are not named after it."""
    path = tmp_path / "spec.mlir"
    path.write_text(SPEC.read_text().replace("@match_0", '@"../../x\\1B]0;title\\07"'))
    (entry,) = read_spec(path).entries
    assert entry.label.startswith("../../x\\x1b]0;title\\x07 (contraction")
    report = check_specs(
        models_file(tmp_path),
        [path],
        CheckOptions(flags=(samples.NO_PEELING,), run_dir=tmp_path / "deep" / "er" / "check"),
        nobody,
    )
    assert [each.verdict for each in report.entries] == [Verdict.STALE]
    assert all(printable(line) == line for line in report.lines())
    assert is_late(path) is False


@pytest.fixture(name="bundle")
def copy_bundle(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA / "cpu_bundle", tmp_path / "bundle"))


def of_dispatch(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda manifest: manifest["dispatches"][0].update({name: value})


MANIFESTS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a negative seed": (lambda data: data.update(seed=-5), "seed and min_gain must not be negative"),
    "NaN as gain": (lambda data: data.update(min_gain=float("nan")), "it holds NaN"),
    "a boolean as threads": (lambda data: data.update(threads=True), "threads is 'True', not a value of type int"),
    "a huge number": (lambda data: data.update(seed=10**400), "not a number of 64 bits"),
    "another clock": (lambda data: data["device"].update(clock="sun"), "its clock is 'sun', not one of cpu, wall"),
    "a list as schema": (lambda data: data.update(schema=[[1]]), r"its schema is \[\[1\]\], not iree-tuner-bundle/3"),
    "a path as name": (of_dispatch("name", "../x"), "'../x' is no dispatch's name"),
    "a negative number": (lambda data: data["dispatches"][0]["candidates"][1].update(number=-1), "or one is negative"),
    "a negative offset": (lambda data: data["dispatches"][0]["regions"][0].update(offset_bytes=-1), "outside of its"),
    "a negative buffer": (of_dispatch("buffer_bytes", -1), "outside of its buffer"),
    "no operands": (lambda data: data["dispatches"][0]["problem"].update(operands=[]), "has 0 operands"),
}


@pytest.mark.parametrize("case", MANIFESTS)
def test_a_manifest_of_another_form_gets_one_sentence(
    case: str, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil, says = MANIFESTS[case]
    path = bundle / "manifest.json"
    data = json.loads(path.read_text())
    spoil(data)
    path.write_text(json.dumps(data))
    with pytest.raises(InputError, match=says) as raised:
        read_manifest(bundle)
    sentence = said(raised.value, path)
    # So says the program that travels in a bundle.
    assert measure(["measure.pyz", str(bundle)]) == 2
    assert capsys.readouterr().err == f"measure.pyz: {sentence}\n"


@pytest.mark.parametrize("content", [DEEP.encode(), b"\xff\xfe\x00", b"3", b"", b'{"schema": 3}'])
def test_a_file_that_is_no_manifest_gets_one_sentence(content: bytes, bundle: Path) -> None:
    (bundle / "manifest.json").write_bytes(content)
    with pytest.raises(InputError, match=r"is broken|is no bundle's manifest") as raised:
        read_manifest(bundle)
    said(raised.value, bundle)


def test_knobs_of_another_space_are_refused(tmp_path: Path, target: CpuTarget) -> None:
    (task,) = plan(extract_text(samples.matmul(32, 32, 32), tmp_path, target).dispatches, target, Options()).tasks
    candidate = replace(read_manifest(DATA / "cpu_bundle").dispatches[0].candidates[1], point={"other": 3})
    with pytest.raises(InputError, match="candidate 1 of d has knobs that its space has not"):
        _configuration(task, candidate, "d")


def final(**changes: Any) -> Callable[[list[Any]], None]:
    return lambda records: records[-1]["final"].update(changes)


RESULTS: dict[str, tuple[Callable[[list[Any]], Any], str]] = {
    "no rounds": (final(paired={"baseline_s": [], "candidate_s": []}), "0 times of the default and 0"),
    "unequal rounds": (final(paired={"baseline_s": [1, 2], "candidate_s": [1]}), "2 times of the default and 1"),
    "NaN": (final(paired={"baseline_s": [float("nan")], "candidate_s": [1.0]}), "it holds NaN"),
    "a negative round": (final(paired={"baseline_s": [-1.0], "candidate_s": [1.0]}), "-1 s is no time"),
    "the default's final": (final(number=0), "the final's candidate 0 was not measured"),
    "a final without verification": (
        lambda records: records[-1]["final"]["verification"].update(passed=False),
        "did not pass its verification",
    ),
    "another fate": (lambda records: records[1]["ended"].update(fate="Bored"), "'Bored' is not a valid Fate"),
    "measured without a time": (
        lambda records: records[1]["ended"].update(time_s=None),
        "was measured and has no time",
    ),
    "a slowdown below 1": (
        lambda records: records[1]["ended"].update(edge_slowdown=0.5),
        "edge_slowdown: 0.5 is no slowdown",
    ),
    "an earlier version": (
        lambda records: records[0].update(schema="iree-tuner-results/3"),
        "has the schema iree-tuner-results/3, this version reads iree-tuner-results/4",
    ),
    "a zero speed-up": (lambda records: records[1]["ended"].update(speedup=0), "speedup: 0 is no ratio"),
    "a list as dispatch": (lambda records: records[1].update(dispatch=[]), "dispatch is '\\[\\]', not a value of"),
    "a number as reason": (lambda records: records.append({"dispatch": "d", "refused": 3}), "refused is '3'"),
    "numbers": (lambda records: records.append(3), "is '3', not an object"),
}


@pytest.mark.parametrize("case", RESULTS)
def test_results_of_another_form_get_one_sentence(case: str, bundle: Path) -> None:
    spoil, says = RESULTS[case]
    path = bundle / "results.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    spoil(records)
    path.write_text("".join(json.dumps(each) + "\n" for each in records))
    with pytest.raises(InputError, match=says) as raised:
        Results.read(bundle)
    said(raised.value, path)


def test_escape_codes_of_results_are_shown_as_text(bundle: Path) -> None:
    path = bundle / "results.jsonl"
    with path.open("a") as file:
        file.write(json.dumps({"dispatch": "d", "refused": f"{ESCAPE}{ESCAPE}\ud800 é\n\t\u202e"}) + "\n")
    found = Results.read(bundle)
    assert found is not None
    assert found.of("d").refused == r"\x1b]0;title\x07" * 2 + "\\ud800 é\n\t\\u202e"


RUNS: dict[str, tuple[str, Callable[[str], str], str]] = {
    "a list as configuration": ("log.jsonl", lambda text: text.replace('"default"', "[1]", 1), "not an object"),
    "levels that are none": ("log.jsonl", lambda text: text.replace('"levels": {', '"levels": 3, "x": {', 1), "'x'"),
    "a negative time": ("log.jsonl", lambda text: text.replace('"time_s": 0', '"time_s": -0', 1), "is no time"),
    "an earlier version": (
        "log.jsonl",
        lambda text: text.replace(', "edge_slowdown": 1.0', "", 1),
        "was not written by this version of iree-tuner .there is no 'edge_slowdown'",
    ),
    "a slowdown below 1": (
        "log.jsonl",
        lambda text: text.replace('"edge_slowdown": 1.0', '"edge_slowdown": 0.5', 1),
        "edge_slowdown: 0.5 is no slowdown",
    ),
    "NaN": ("log.jsonl", lambda text: text.replace('"speedup": 1.0', '"speedup": NaN', 1), "is damaged in line 1"),
    "deep": ("log.jsonl", lambda text: DEEP + "\n" + text, "is damaged in line 1"),
    "a list as dispatch": (
        "log.jsonl",
        lambda text: text.replace('"dispatch": "', '"dispatch": [], "x": "', 1),
        "not a",
    ),
    "an empty certificate": (
        "result.json",
        lambda text: text.replace('"certificate": {', '"certificate": 3, "x": {'),
        "schema None",
    ),
    "no rounds": (
        "result.json",
        lambda text: text.replace('"candidate_s": [', '"candidate_s": [], "x": ['),
        "an unknown 'x'",
    ),
    "no list of dispatches": (
        "result.json",
        lambda text: text.replace('"dispatches"', '"dispatch"'),
        "no list of objects",
    ),
    "a number as command": (
        "command.json",
        lambda _: '{"command": [5]}',
        r"command\[0\] is '5', not a value of type str",
    ),
    "a deep command": ("command.json", lambda _: DEEP, "it is nested too deeply"),
    "bytes": ("result.json", lambda text: text.replace("{", "\udcff", 1), "result.json is damaged"),
}


@pytest.fixture(name="run")
def copy_run(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA / "h200_run", tmp_path / "run"))


@pytest.mark.parametrize("case", RUNS)
def test_a_run_of_another_form_gets_one_sentence(case: str, run: Path) -> None:
    name, spoil, says = RUNS[case]
    text = (run / name).read_text()
    (run / name).write_text(spoil(text), errors="surrogateescape")
    with pytest.raises(InputError, match=says) as raised:
        read_run(run)
    said(raised.value, run)


def test_folders_in_place_of_files_get_one_sentence(run: Path) -> None:
    (run / "result.json").unlink()
    (run / "result.json").mkdir()
    with pytest.raises(InputError, match=r"result\.json cannot be read: Is a directory"):
        read_run(run)


def test_a_report_tells_of_no_files_but_logs(run: Path) -> None:
    """Also a candidate that failed shows what it logged, and only that; escape codes are text."""
    secret = run.parent / "secret.txt"
    secret.write_text("a secret")
    record = json.loads((run / "log.jsonl").read_text().splitlines()[1])
    record |= {"dispatch": "d", "fate": "RunFailed", "detail": ESCAPE, "log": str(secret)}
    (run / "log.jsonl").write_text(json.dumps(record) + "\n")
    (run / "result.json").unlink()
    text = html_report(read_run(run))
    assert "a secret" not in text
    assert r"\x1b]0;title\x07" in text
    assert printable(text) == text


def test_text_of_ones_own_stays_as_it_is() -> None:
    options = from_given(Options, {"function": ESCAPE, "flags": [ESCAPE], "trials": 3})
    assert (options.function, options.flags, options.trials) == (ESCAPE, (ESCAPE,), 3)


@given(st.text())
def test_what_is_printable_stays_so(text: str) -> None:
    shown = printable(text)
    assert printable(shown) == shown
    assert all(letter.isprintable() or not letter.isascii() or letter in "\n\t" for letter in shown)
    assert shown == text or not text.isprintable()


@pytest.mark.parametrize("text", [DEEP, "{" * 3, "NaN", "[Infinity]", "1" * 5000, b"\xff"])
def test_what_is_no_json_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse_json(text)


OPTIONS = {
    "--workers must not be negative, not -3": {"workers": -3},
    "--workers must be 1024 at most": {"workers": 5000},
    "--min-gain must not be negative, not nan": {"min_gain": float("nan")},
    "--min-gain must be .* at most, not inf": {"min_gain": float("inf")},
    "--compile-timeout must be positive, and a year at most, not inf s": {"compile_timeout_s": float("inf")},
    "--compile-timeout must be positive, and a year at most, not nan s": {"compile_timeout_s": float("nan")},
    "--budget must be positive, and a year at most, not inf s": {"budget_s": float("inf")},
    "--budget must be positive, and a year at most, not nan s": {"budget_s": float("nan")},
}


@pytest.mark.parametrize("says", OPTIONS)
def test_options_out_of_bounds_get_one_sentence(says: str) -> None:
    with pytest.raises(InputError, match=says):
        Options(**OPTIONS[says])  # type: ignore[arg-type]


def test_more_threads_than_any_machine_has_are_refused() -> None:
    with pytest.raises(InputError, match="--threads must be 1024 at most, not 100000"):
        choose_target("cpu", 100_000)


@pytest.mark.parametrize("size", ["99999999999999999999999", "9" * 5000, "0", "00", "-1", "x"])
def test_sizes_that_no_dimension_has_are_refused(size: str) -> None:
    with pytest.raises(InputError, match="positive size"):
        Shapes.parse([f"batch={size}"], [])
    with pytest.raises(InputError, match="takes a shape"):
        Shapes.parse([], [f"{size}x3xf32"])
    assert Shapes.parse(["batch=007"], []).dims == {"batch": 7}


@pytest.mark.parametrize("flag", ["--help", "--version", "--iree-hal-list-target-backends"])
def test_flags_that_make_the_compiler_print_are_named(flag: str, tmp_path: Path, target: CpuTarget) -> None:
    with pytest.raises(InputError, match=f"wrote nothing of .* with the flags .*{flag}; leave out those that make it"):
        extract_text(samples.matmul(32, 32, 32), tmp_path, target, flag)


def test_readers_hold_on_in_a_short_round_of_the_fuzzer(tmp_path: Path) -> None:
    refused = fuzz_readers.fuzz(tmp_path, number=1, examples=6)
    assert sum(refused.values()) > 6
