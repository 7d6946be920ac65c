# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the file of what choices of flags gave, which ships with the package, from a measured reference set.

    python benchmarks/flag_gains.py REFERENCE.jsonl [--model FILE]... [--on TEXT] [--write GAINS.json]
    python benchmarks/flag_gains.py REFERENCE.jsonl --target cuda:sm_80 --write GAINS.json [--model FILE]... [--on TEXT]

REFERENCE.jsonl has a line for each model and choice, as benchmarks/flag_reference.py writes it. A model is named after
its file without the ending. Each FILE is read for its op mix, an ONNX model with the sizes of benchmarks/model_zoo.py.
Models that the written file has already keep their mix. It is the file of the target's gains by default.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model_zoo import ZOO
from tuner.dispatches.op_mix import op_mix
from tuner.dispatches.opening import open_model
from tuner.events import nobody
from tuner.foreign import parse_json
from tuner.model.shapes import Shapes
from tuner.model_flags import ModelFlags
from tuner.model_flags.cpu import FLAGS
from tuner.model_flags.gains import MeasuredModel, Outcome, read_gains, written
from tuner.options import Options
from tuner.toolchain.tools import compiler_version
from tuner.tuning.flag_plan import known_flags

# What flag_reference.py writes of a choice whose outputs are the default's.
RIGHT = "right"
# Choices of more values teach little. With those of up to six the best of text detection was the tenth choice that the
# search tried, without them the fourth; with two at most a model ended 1.47 times behind.
MOST_VALUES = 3


@dataclass(frozen=True, slots=True)
class Line:
    """A choice of flags on a model: seconds of a run, the speed-up over the default, and seconds of compiling.

    The first two are None if it failed or computes something else. The speed-up is that of paired rounds. `binary`
    tells its code from other code, "" if there is none.
    """

    values: Mapping[str, str]
    time_s: float | None
    speedup: float | None
    compile_s: float
    binary: str

    @staticmethod
    def of(entry: Mapping[str, Any]) -> Line:
        is_right = entry["verdict"] == RIGHT
        time_s, speedup = (entry["time_s"], entry["ratio"]) if is_right else (None, None)
        return Line(entry["values"], time_s, speedup, entry["compile_s"] or 0.0, entry.get("binary") or "")


def stands(entry: Mapping[str, Any], flags: ModelFlags) -> bool:
    """Whether the choice of a line stands for the same flags today. A value that was renamed stands for none."""
    try:
        return flags.flags(entry["values"]) == tuple(entry["flags"])
    except KeyError:
        return False


def read_reference(path: Path, flags: ModelFlags = FLAGS) -> dict[str, list[Line]]:
    """The choices of each model, the default first. The last line of a choice counts. `flags`: those of the target."""
    found: dict[str, dict[str, Line]] = {}
    for text in path.read_text().splitlines():
        entry = parse_json(text)
        if not stands(entry, flags):
            continue
        lines = found.setdefault(Path(entry["model"]).name.partition(".")[0], {})
        lines[json.dumps(entry["values"], sort_keys=True)] = Line.of(entry)
    for name, lines in found.items():
        if "{}" not in lines or lines["{}"].time_s is None:
            sys.exit(f"{path}: no time of the default of {name}")
    return {name: sorted(lines.values(), key=lambda line: bool(line.values)) for name, lines in found.items()}


def outcomes_of(lines: Sequence[Line]) -> tuple[Outcome, ...]:
    """What each choice of a few values gave, except the default."""
    default, *choices = lines
    least_s = 0.01 * default.compile_s
    return tuple(
        Outcome(
            line.values,
            line.speedup,
            max(line.compile_s, least_s) / default.compile_s if default.compile_s else 1.0,
        )
        for line in choices
        if len(line.values) <= MOST_VALUES
    )


def mix_of(path: Path, target: str) -> dict[str, float]:
    """The op mix of a model file, by its dispatches for the target."""
    known = ZOO.get(path.stem)
    shapes = known.shapes if known is not None and path.suffix == ".onnx" else Shapes()
    with tempfile.TemporaryDirectory() as folder:
        _, extracted = open_model(path, Options(shapes=shapes, target=target)).read(Path(folder), nobody)
    return op_mix(extracted.dispatches)


def models_of(
    reference: Mapping[str, Sequence[Line]], mixes: Mapping[str, Mapping[str, float]]
) -> Iterator[MeasuredModel]:
    for name, lines in reference.items():
        if name not in mixes:
            sys.exit(f"the op mix of {name} is not known; give its file by --model")
        yield MeasuredModel(name, mixes[name], outcomes_of(lines))


def text_of(document: Mapping[str, Any]) -> str:
    """The document as JSON, with a line for each choice."""
    places: dict[str, str] = {}

    def placed(choice: Mapping[str, Any]) -> str:
        place = f"choice {len(places)}"
        places[f'"{place}"'] = json.dumps(choice)
        return place

    models = [{**model, "choices": [placed(choice) for choice in model["choices"]]} for model in document["models"]]
    text = json.dumps({**document, "models": models}, indent=1)
    return re.sub(r'"choice \d+"', lambda match: places[match[0]], text) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference", type=Path)
    parser.add_argument("--model", type=Path, action="append", default=[], metavar="FILE")
    parser.add_argument("--on", default="", help="what the choices were measured on, as in 'EPYC, AVX-512, one thread'")
    parser.add_argument("--target", default="cpu", help="as for iree-tune run")
    parser.add_argument("--write", type=Path, help="by default the file of the target's gains")
    arguments = parser.parse_args()
    flags = known_flags(arguments.target.partition(":")[0])
    file: Path | None = arguments.write or (None if flags is None else flags.gains)
    if flags is None or file is None:
        parser.error(f"{arguments.target} has no file of gains; name one by --write")
    mixes: dict[str, Mapping[str, float]] = {}
    if file.exists():
        mixes.update({model.name: model.mix for model in read_gains(file)})
    for path in arguments.model:
        mixes[path.name.partition(".")[0]] = mix_of(path, arguments.target)
    models = list(models_of(read_reference(arguments.reference, flags), mixes))
    circumstances = {"on": arguments.on, "compiler": compiler_version()}
    file.write_text(text_of(written(models, **circumstances)))
    for model in models:
        parts = ", ".join(f"{name} {part:.0%}" for name, part in model.mix.items() if part >= 0.01)
        print(f"{model.name}: {len(model.outcomes)} choices; {parts}")


if __name__ == "__main__":
    main()
