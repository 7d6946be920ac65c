# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Spoils real specs, certificates, manifests, results, logs, runs and stores at random places, and reads them.

    python scripts/fuzz_readers.py [--minutes 10] [--seed N]

Reading, and showing what was read, ends in a value or in an InputError: in no other exception, and nothing that acts on
a terminal is left in what is shown. Each round of examples is a function of its seed alone, which is printed.
"""

from __future__ import annotations

import argparse
import copy
import json
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from places import DATA
from tuner.bundle import manifest as manifests
from tuner.bundle import results
from tuner.bundle.measuring import summary
from tuner.compile.late import is_late
from tuner.errors import InputError
from tuner.foreign import printable
from tuner.outcome import Fate
from tuner.report.formats.html import html_report
from tuner.report.formats.json import json_report
from tuner.report.formats.t4 import t4_metadata, t4_results
from tuner.report.recorded_run import read_run
from tuner.runs.exchange import export_store, import_into, read_records, sum_up
from tuner.runs.store import Store, Stored, records_of
from tuner.specs.merge import merge_specs
from tuner.specs.read import read_spec
from tuner.specs.write import CERTIFICATE, FLAGS, PROBLEM

# Of so few candidates no forest learns, which takes seconds.
CANDIDATES = 12
# What the text has instead of these is no JSON that `json` writes.
DEEP, BYTES = "a place for many brackets", "a place for bytes that are no text"
SPOILED = {DEEP: b"[" * 200_000 + b"]" * 200_000, BYTES: b'"\xff\xfe\x1b"'}
ESCAPE = "\x1b]0;title\x07"
HOSTILE: list[Any] = [
    *(None, True, 0, -1, 2**63, 10**400, -(2**70), 0.0, -1.5, 1e-320, 1e308, float("nan"), float("inf")),
    *("", "x", "../x", "/etc/passwd", "a\0b", ESCAPE, "\ud800", "[" * 3000, "default", DEEP, BYTES),
    *([], [[]], [None], [1, "x"], {}, {"": None}, {ESCAPE: ESCAPE}),
]
VALUES = (
    st.sampled_from(HOSTILE) | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers(), max_size=3)
)
# What is often sound, and is computed with.
ALIKE: dict[type, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    int: st.integers(0, 4) | st.integers(0, 2**40),
    float: st.floats(1e-10, 1e6) | st.floats(0, 1),
    str: st.text(max_size=3) | st.sampled_from(["Measured", "RunFailed", "default", "m", "f32", "contraction", ESCAPE]),
}
Read = Callable[[Path], object]


def places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Each place of a document: what holds it, and the key or the number there."""
    keys = document if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ()
    for key in list(keys):
        yield document, key
        yield from places(document[key])


@st.composite
def spoiled(draw: st.DrawFn, document: Any) -> bytes:
    """A document of JSON with a few of its places dropped, doubled or replaced; also cut off."""
    changed = copy.deepcopy({"": document})
    for _ in range(draw(st.integers(1, 3))):
        holder, key = draw(st.sampled_from(list(places(changed))))
        deed = draw(st.sampled_from(["alike", "alike", "alike", "replace", "replace", "drop", "double"]))
        if deed == "alike" and type(holder[key]) in ALIKE:
            holder[key] = draw(ALIKE[type(holder[key])])
        elif deed == "replace":
            holder[key] = copy.deepcopy(draw(VALUES))
        elif deed == "double" and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        elif holder is not changed:
            del holder[key]
    text = json.dumps(changed[""]).encode()
    for name, spoil in SPOILED.items():
        text = text.replace(json.dumps(name).encode(), spoil)
    end = draw(st.none() | st.integers(0, len(text))) if draw(st.integers(0, 9)) == 0 else None
    return text[:end]


ATTRIBUTE = re.compile(rf'({CERTIFICATE}|{FLAGS}|{PROBLEM}) = "((?:[^"\\]|\\.)*)"')


@st.composite
def spoiled_specs(draw: st.DrawFn, text: str) -> bytes:
    """A spec whose certificates, problems, or lines are spoiled."""
    found = draw(st.sampled_from(list(ATTRIBUTE.finditer(text))))
    before, after = text[: found.start(2) - 1], text[found.end(2) + 1 :]
    said = re.sub(r"\\(.)", r"\1", found[2])
    if draw(st.integers(0, 3)) == 0:
        other = ["3 : i64", "unit", "[]", '"\\FF"', '"\\1B[31m"', '""', "{}", "@x", '["x"]', "1.0 : f32", "f32", "true"]
        return f"{before}{draw(st.sampled_from(other))}{after}".encode()
    if found[1] == PROBLEM:
        key = draw(st.sampled_from(["", "x", " | ", "\\1B", said + "0"]))
        return f'{before}"{key}"{after}'.encode()
    value = draw(spoiled(json.loads(said)))
    escaped = b"".join(
        b"\\%02X" % byte if byte < 32 or byte > 126 or byte in b'"\\' else bytes([byte]) for byte in value
    )
    return before.encode() + b'"' + escaped + b'"' + after.encode()


@st.composite
def spoiled_lines(draw: st.DrawFn, lines: list[str]) -> bytes:
    """A file of one JSON object a line, of which some are spoiled, dropped or doubled."""
    changed = [line.encode() for line in lines]
    for _ in range(draw(st.integers(1, 3))):
        number = draw(st.integers(0, len(lines) - 1))
        changed[number] = draw(st.just(b"") | spoiled(json.loads(lines[number])) | st.just(b"\n".join(changed[:2])))
    return b"\n".join(changed) + b"\n"


def read_a_spec(path: Path) -> None:
    shown = [each.label for each in read_spec(path).entries]
    merged = merge_specs([path], path.with_name("merged.mlir"))
    check_shown(*shown, *merged.lines(), *(file.read_text() for file in merged.files))
    assert isinstance(is_late(path), bool)
    again = [entry for file in merged.files for entry in read_spec(file).entries]
    assert [each.certificate for each in again] == [each.entry.certificate for each in merged.kept]
    for file in merged.files:
        file.unlink()


def read_a_manifest(path: Path) -> None:
    manifest = manifests.read_manifest(path.parent)
    for dispatch in manifest.dispatches:
        check_shown(dispatch.name, dispatch.space, str(dispatch.failures), str(dispatch.program))
    check_shown(manifest.to_text(), str(manifest.device.device()))


def read_results(path: Path) -> None:
    found = results.Results.read(path.parent)
    if found is not None:
        name = json.loads((DATA / "cpu_bundle" / results.FILE).read_text().splitlines()[1])["dispatch"]
        check_shown(summary(found.of(name), 0.02), str(found.machine))


def read_a_run(path: Path) -> None:
    run = read_run(path.parent)
    check_shown(html_report(run), json.dumps(json_report(run)), json.dumps(t4_metadata(run)))
    check_shown(*(json.dumps(t4_results(each)) for each in run.dispatches))


def read_a_store(path: Path) -> None:
    check_shown(*sum_up(path).lines())
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store.sqlite"
        before = import_into(store, path)
        assert import_into(store, path).known == before.new > 0
        assert sorted(records_of(store), key=repr) == sorted(read_records(path), key=repr)


def check_shown(*texts: str) -> None:
    for text in texts:
        assert printable(text) == text
        text.encode()


def cases(folder: Path) -> list[tuple[Path, st.SearchStrategy[bytes], Read]]:
    """Each file in `folder` that is spoiled, how, and what reads it."""
    shutil.copytree(DATA / "cpu_bundle", folder / "cpu_bundle")
    shutil.copytree(DATA / "h200_run", folder / "h200_run")
    bundle, run = folder / "cpu_bundle", folder / "h200_run"
    log = (run / "log.jsonl").read_text().splitlines()
    # One of each kind, and so many of the others.
    events = {json.loads(line)["event"]: line for line in log if "event" in json.loads(line)}
    kept = [*[line for line in log if "candidate" in json.loads(line)][:CANDIDATES], *events.values()]
    (run / "log.jsonl").write_text("\n".join(kept) + "\n")
    specs = [DATA / "cpu_network" / name for name in ("spec.mlir", "spec.late.mlir")]
    (folder / "specs").mkdir()
    return [
        *((folder / "specs" / each.name, spoiled_specs(each.read_text()), read_a_spec) for each in specs),
        (bundle / manifests.FILE, spoiled(json.loads((bundle / manifests.FILE).read_text())), read_a_manifest),
        (bundle / results.FILE, spoiled_lines((bundle / results.FILE).read_text().splitlines()), read_results),
        (run / "log.jsonl", spoiled_lines(kept), read_a_run),
        (exchanged(folder), spoiled_lines(exchanged(folder).read_text().splitlines()), read_a_store),
        (run / "result.json", spoiled(json.loads((run / "result.json").read_text())), read_a_run),
        (run / "command.json", spoiled(json.loads((run / "command.json").read_text())), read_a_run),
    ]


def exchanged(folder: Path) -> Path:
    """A file of three candidates, as stores are exchanged."""
    path, here = folder / "team.jsonl", {"target": "cpu", "processor": "a CPU", "device": "local-sync", "threads": 1}
    with Store(folder / "store.sqlite", here, "3.13.0") as store:
        for tile, fate in enumerate((Fate.MEASURED, Fate.MEASURED, Fate.RUN_FAILED)):
            time_s = 1e-3 if fate is Fate.MEASURED else None
            end = Stored(fate, "", 0.1, time_s, time_s and 1.5, (time_s,) if time_s else ())
            store.add("a program", {"tile": tile}, end, "a problem", {"tile": tile})
    export_store(folder / "store.sqlite", path)
    return path


def fuzz(folder: Path, number: int, examples: int) -> dict[str, int]:
    """Reads so many examples of each kind, drawn by this seed. Returns how many of each kind were refused."""
    refused: dict[str, int] = {}
    for path, strategy, read in cases(folder):
        sound = path.read_bytes() if path.exists() else b""
        read_all(path, strategy, read, number, examples, refused)
        path.write_bytes(sound)
    return refused


def read_all(
    path: Path, texts: st.SearchStrategy[bytes], read: Read, number: int, examples: int, refused: dict[str, int]
) -> None:
    phases = (Phase.generate, Phase.shrink)
    checks = list(HealthCheck)

    @seed(number)
    @settings(max_examples=examples, deadline=None, database=None, phases=phases, suppress_health_check=checks)
    @given(texts)
    def ends_well(text: bytes) -> None:
        path.write_bytes(text)
        try:
            read(path)
        except InputError as error:
            refused[path.name] = refused.get(path.name, 0) + 1
            check_shown(str(error))

    ends_well()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--examples", type=int, default=100, help="of each kind in a round")
    options = parser.parse_args()
    deadline, number = time.monotonic() + 60 * options.minutes, options.seed
    while time.monotonic() < deadline:
        print(f"seed {number}", end=": ", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            refused = fuzz(Path(folder), number, options.examples)
        print(f"{options.examples} of each kind end well; refused:", *(f"{k} {v}" for k, v in refused.items()))
        number += 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
