# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The demo's models, its folder, its times and its page; no compiler runs and nothing is measured."""

from __future__ import annotations

import io
import json
import shlex
from pathlib import Path

import pytest
from rich.console import Console

from places import EXAMPLES
from tuner.demo import models
from tuner.demo.benchmarking import Benchmark, in_rounds, read_time_s
from tuner.demo.page import bar, folded, print_demonstration, print_title
from tuner.demo.running import Demonstration, Gain, Timed
from tuner.demo.settings import Demo, make_folder
from tuner.errors import InputError, ToolError
from tuner.events import Event, PhaseStarted
from tuner.speedup import Ratio
from tuner.targets import Device

DEVICE = Device("local-sync", (), "cpu", "1 thread")
FOLDER = Path("iree-tuner-demo")
COMMAND = (
    "iree-compile",
    "iree-tuner-demo/matvec_4096.mlir",
    "--iree-hal-target-device=local",
    "--iree-hal-local-target-device-backends=llvm-cpu",
    "--iree-llvmcpu-target-cpu=host",
    "--iree-codegen-tuning-spec-path=iree-tuner-demo/spec.mlir",
    "--mlir-disable-threading",
    "-o",
    "iree-tuner-demo/tuned.vmfb",
)
PRINTED = {
    "context": {"num_cpus": 2},
    "benchmarks": [{"name": "BM_matvec", "real_time": 54.4, "cpu_time": 19.5, "time_unit": "ms"}],
}


def benchmark(name: str) -> Benchmark:
    size = 4096
    return Benchmark(
        FOLDER / f"{name}.vmfb", models.PRODUCT, models.product_inputs(size), DEVICE, models.product_bytes(size)
    )


def timed(name: str, *rounds_s: float) -> Timed:
    return Timed(benchmark(name), rounds_s)


DEFAULT, PROBE, TUNED = timed("default", 19e-3, 20e-3, 21e-3), timed("probe", 2.6e-3), timed("tuned", 5e-3)
GAIN = Gain(Ratio(4.1, 4.0, 4.2), Ratio(3.9, 3.8, 4.0), 3, COMMAND, "it makes the binary that was proved")


def page(shown: Demonstration, *, encoding: str = "utf-8") -> str:
    """What a terminal of 80 columns shows, with its own line breaks."""
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding)
    console = Console(file=stream, width=80)
    print_title(shown.demo, console)
    print_demonstration(shown, console)
    stream.flush()
    return written.getvalue().decode(encoding)


def test_the_package_carries_the_example() -> None:
    assert models.product(models.SIZE) == (EXAMPLES / "matvec_4096.mlir").read_text()


def test_the_probe_reads_as_much_as_the_product() -> None:
    assert models.probe_bytes(models.SIZE) == models.product_bytes(models.SIZE) == 64 * 2**20


def test_a_new_or_an_empty_folder_is_taken(tmp_path: Path) -> None:
    for _ in range(2):
        assert make_folder(tmp_path / "demo") == tmp_path / "demo"
        assert list((tmp_path / "demo").iterdir()) == []


def test_a_demo_without_a_name_for_its_folder_takes_the_next_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert make_folder(None) == Path("iree-tuner-demo")
    Path("iree-tuner-demo", "notes.txt").write_text("mine")
    Path("iree-tuner-demo-2").write_text("a file")
    Path("iree-tuner-demo-3").symlink_to("nowhere")
    assert make_folder(None) == Path("iree-tuner-demo-4")
    assert make_folder(None) == Path("iree-tuner-demo-5")
    assert Path("iree-tuner-demo", "notes.txt").read_text() == "mine"


def test_a_folder_with_files_a_file_and_no_place_are_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    kept = tmp_path / "mine" / "spec.mlir"
    kept.write_text("my own spec")
    for folder, says in (
        (tmp_path / "mine", "has files in it, and a demo replaces none"),
        (kept, "is no folder"),
        (tmp_path / "missing" / "demo", "cannot make the folder .*No such file"),
    ):
        with pytest.raises(InputError, match=says):
            make_folder(folder)
    assert kept.read_text() == "my own spec"
    assert not (tmp_path / "missing").exists()


def test_the_processor_time_is_read_beside_warnings() -> None:
    assert read_time_s(json.dumps(PRINTED)) == pytest.approx(19.5e-3)
    assert read_time_s(f"***WARNING*** scaling\n{json.dumps(PRINTED)}\n") == pytest.approx(19.5e-3)


@pytest.mark.parametrize("output", ["", "no JSON", "{}", '{"benchmarks": []}', '{"benchmarks": [{"cpu_time": 1}]}'])
def test_what_has_no_time_is_an_error(output: str) -> None:
    with pytest.raises(ToolError, match="prints no time"):
        read_time_s(output)


def test_in_each_round_every_model_has_its_turn() -> None:
    asked: list[str] = []
    events: list[Event] = []

    def time_s(model: Benchmark) -> float:
        asked.append(model.binary.stem)
        return float(len(asked))

    found = in_rounds([benchmark("a"), benchmark("b")], 3, time_s, events.append)
    assert asked == ["a", "b", "b", "a", "a", "b"]
    assert found == ((1.0, 4.0, 5.0), (2.0, 3.0, 6.0))
    assert [event.text[-12:] for event in events if isinstance(event, PhaseStarted)] == [
        "round 1 of 3",
        "round 2 of 3",
        "round 3 of 3",
    ]


@pytest.mark.parametrize(("encoding", "letter"), [("utf-8", "█"), ("ascii", "#")])
def test_the_page_shows_times_rates_and_commands_in_80_columns(encoding: str, letter: str) -> None:
    text = page(Demonstration(Demo(FOLDER), "tuned", DEFAULT, PROBE, TUNED, GAIN), encoding=encoding)
    lines = text.splitlines()
    # The first lines name the processor, whose name is as long as it is.
    assert [line for line in lines[3:] if len(line.rstrip()) > 79] == []
    bars = {line.split()[0]: line.count(letter) for line in lines if line.count(letter) > 1}
    assert bars == {"memory": 26, "default": 3, "tuned": 13 if letter == "█" else 14}
    assert "4.00x by iree-benchmark-module: CPU time, medians of 1 interleaved rounds." in text
    sentences = " ".join(text.split())
    assert "4.10x [4.00, 4.20] by the tuner for the dispatch, 3.90x [3.80, 4.00] for the whole model." in sentences
    assert "match the default's on 3 sets" in text
    assert "13% of that" in text
    assert "52% of that" in text
    joined = [shlex.split(line) for line in text.replace("\\\n", " ").splitlines() if line.startswith("  iree-")]
    assert joined[:3] == [list(command) for command in (COMMAND, DEFAULT.benchmark.command, TUNED.benchmark.command)]


def test_a_model_may_read_faster_than_one_stream() -> None:
    text = page(Demonstration(Demo(FOLDER), "tuned", DEFAULT, PROBE, timed("tuned", 2e-3), GAIN))
    assert "13% of that" in text
    assert "more than one stream" in text
    assert "130% of that" not in text


def test_the_page_says_why_the_default_stays() -> None:
    text = page(Demonstration(Demo(FOLDER), "the default is best", DEFAULT, PROBE))
    assert "No gain this time: the default is best." in text
    assert "iree-tune demo --trials 40" in text
    assert "Compile it" not in text


def test_a_bar_is_as_long_as_its_part() -> None:
    assert [len(bar(part, ascii_only=True)) for part in (0.0, 0.5, 1.0)] == [1, 13, 26]
    assert bar(0.25, ascii_only=False) == "██████▌"
    assert bar(0.0, ascii_only=False) == "▏"


def test_a_folded_command_is_the_same_for_a_shell() -> None:
    flags = tuple(f"--flag-{number}=a value" for number in range(9))
    for length in range(1, 40):
        command = ("iree-compile", "my folder/a model.mlir", *flags, "-o", length * "b")
        text = folded(command)
        assert max(map(len, text.splitlines())) < 79
        assert tuple(shlex.split(text.replace("\\\n", " "))) == command
        assert f"-o {length * 'b'}" in text
