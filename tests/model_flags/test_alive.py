# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every value of the CPU's knobs is known to the compiler, compiles, and changes the code of a small model.

Compiled for named processors and not run. A value is compared with the same choice without it.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

import few_ops
from machine_code import elf_images
from tuner.constraints import violated_rules
from tuner.model.model import Model
from tuner.model_flags import DEFAULT, FlagKnob, Host, ModelFlags
from tuner.model_flags.cpu import FLAGS
from tuner.targets.cpu import CpuTarget

pytestmark = pytest.mark.compiler

CPUS = {"skylake-avx512": frozenset({"+avx2", "+avx512f"}), "znver3": frozenset({"+avx2"})}
# Choices that a value is tried beside, the first that the rules allow. One is enough to see it act.
BESIDE: tuple[dict[str, str], ...] = ({}, {"data-tiling": "on"})
# The models that a knob or a value acts on, which are compiled first; others follow only while the code stays the same.
# What is not named here starts with the product.
FIRST = {
    "convolution-layout": "convolution",
    "data-tiled-ops": "convolution",
    "convolution-algorithm": "convolution",
    "data-tiling": "dense",
    "microkernels": "dense",
    "inner-tiled": "dense",
    "fuse-padding": "padded chain",
    "aggressive-fusion": "attention",
    "transposes=through-convolutions": "transposed convolution",
    "transposes": "transposed matmul",
    "outer-concatenation": "concatenation",
    "reassociation": "sum",
    "multi-use-encodings": "residual",
    "vector-width": "padded chain",
    "loop-unrolling": "padded chain",
}
# Images of machine code, or the reason why there are none.
Code = tuple[bytes, ...] | str


@dataclass(frozen=True)
class Tried:
    """A value and the choice that it is tried beside."""

    knob: FlagKnob
    value: str
    without: Mapping[str, str]

    @staticmethod
    def of(known: ModelFlags, knob: FlagKnob, value: str) -> Tried:
        return Tried(knob, value, next(beside for beside in BESIDE if is_allowed(known, {**beside, knob.name: value})))


class Compiler:
    """Compiles the small models for one processor, each choice once."""

    def __init__(self, known: ModelFlags, cpu: str, folder: Path, models: Mapping[str, str] = few_ops.MODELS) -> None:
        flags = (*CpuTarget().compile_flags[:-1], f"--iree-llvmcpu-target-cpu={cpu}")
        self._known = known
        self._folder = folder
        self._models = {name: Model.open(folder / f"{name}.mlir", flags) for name in self._written(models)}
        self._code: dict[tuple[str, tuple[str, ...]], Code] = {}

    def complaint(self, tried: Tried) -> str:
        """Why a value is dead, or nothing."""
        name = tried.knob.name
        without, flags = (self._known.flags(values) for values in (tried.without, {**tried.without, name: tried.value}))
        first = FIRST.get(f"{name}={tried.value}", FIRST.get(name, "matmul"))
        failures = []
        for model in sorted(self._models, key=lambda model: model != first):
            code = self._compiled(model, flags)
            if isinstance(code, str):
                failures.append(code)
            elif code != self._compiled(model, without):
                return ""
        if len(failures) == len(self._models):
            return f"{name}={tried.value} compiles nothing: {failures[0]}"
        return f"{name}={tried.value} changes no code"

    def _written(self, models: Mapping[str, str]) -> Mapping[str, str]:
        for name, text in models.items():
            (self._folder / f"{name}.mlir").write_text(text)
        return models

    def _compiled(self, model: str, flags: tuple[str, ...]) -> Code:
        """The model's machine code, or the compiler's reason why there is none."""
        if (model, flags) not in self._code:
            with tempfile.TemporaryDirectory(dir=self._folder) as folder:
                output = Path(folder) / "model.vmfb"
                result = self._models[model].compile(output, *flags)
                code = result.first_error if result.exit_code else elf_images(output.read_bytes())
            self._code[model, flags] = code
        return self._code[model, flags]


def is_allowed(known: ModelFlags, values: Mapping[str, str]) -> bool:
    point = {knob.name: knob.values.index(values.get(knob.name, DEFAULT)) for knob in known.knobs}
    return not violated_rules(known.space({}, ()), point)


@pytest.mark.parametrize("cpu", CPUS)
def test_every_value_changes_the_code_of_a_small_model(cpu: str, tmp_path: Path) -> None:
    compiler, host = Compiler(FLAGS, cpu, tmp_path), Host(4, CPUS[cpu])
    tried = [Tried.of(FLAGS, knob, knob.values[n]) for knob in FLAGS.knobs for n in knob.suited(host) if n]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        complaints = list(threads.map(compiler.complaint, tried))
    assert [complaint for complaint in complaints if complaint] == []


@pytest.mark.parametrize(
    ("part", "complaint"),
    [
        ("--iree-llvmcpu-enable-ukernels=mmt4d", "knob=dead changes no code"),
        ("--iree-no-such-flag", "knob=dead compiles nothing: .*iree-no-such-flag"),
        ("iree-no-such-pass", "knob=dead compiles nothing: .*iree-no-such-pass"),
    ],
)
def test_a_dead_value_is_named(part: str, complaint: str, tmp_path: Path) -> None:
    knob = FlagKnob("knob", {"dead": (part,)})
    known = ModelFlags((*FLAGS.knobs, knob), FLAGS.rules)
    models = {name: few_ops.MODELS[name] for name in ("dense", "sum")}
    found = Compiler(known, "znver3", tmp_path, models).complaint(Tried.of(known, knob, "dead"))
    assert re.match(complaint, found), found
