# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Ranges of sizes of convolutions and attention: plain iree-compile applies an entry there, and outputs stay right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from iree import runtime

import problem_sizes as sizes
from pretended import proof_with_winners
from tuner.dispatches.extract import read_model_configurations
from tuner.errors import InputError
from tuner.model.model import Model
from tuner.specs.ranges import widen_spec
from tuner.specs.read import read_spec
from tuner.targets.choosing import choose_target
from tuner.targets.target import tuning_spec_flags

pytestmark = pytest.mark.compiler


def convolution(batch: int, rows: int, channels: int) -> str:
    """A 3x3 convolution of stride 2, onto an argument: a fill beside it would need a configuration too."""
    x, y = f"tensor<{batch}x{2 * rows + 1}x17x16xf32>", f"tensor<{batch}x{rows}x8x{channels}xf32>"
    w = f"tensor<3x3x16x{channels}xf32>"
    return f"""
func.func @main(%x: {x}, %w: {w}, %y: {y}) -> {y} {{
  %c = linalg.conv_2d_nhwc_hwcf {{strides = dense<2> : vector<2xi64>}} ins(%x, %w : {x}, {w}) outs(%y : {y}) -> {y}
  return %c : {y}
}}
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """A model by the sizes of the loops that are widened, the measured ones by their names."""

    target: str
    text: Callable[..., str]
    measured: dict[str, int]

    def at(self, loop: str, size: int) -> str:
        return self.text(*{**self.measured, loop: size}.values())


CPU_CONVOLUTION = Kind("cpu", convolution, {"batch": 4, "image0": 8, "channel": 64})
KINDS = {
    "cpu convolution": CPU_CONVOLUTION,
    "gfx942 convolution": Kind(
        "rocm:gfx942",
        lambda batch, rows: sizes.convolution((batch, rows, 16, 64, 128, 3, 1, 1), "f16"),
        {"batch": 4, "image0": 16},
    ),
    "gfx942 attention": Kind(
        "rocm:gfx942",
        lambda batch, rows: sizes.attention((batch, rows, 256, 64, 64), "f16"),
        {"parallel0": 4, "parallel1": 256},
    ),
}


@pytest.fixture(name="exact", scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The spec of the measured sizes, by the name of the kind."""
    made: dict[str, Path] = {}

    def spec(name: str) -> Path:
        if name not in made:
            folder = tmp_path_factory.mktemp("measured")
            kind = KINDS[name]
            _, proof = proof_with_winners(kind.text(*kind.measured.values()), kind.target, folder)
            made[name] = folder / "spec.mlir"
            made[name].write_text(proof.spec)
        return made[name]

    return spec


def held(text: str, target: str, folder: Path, *flags: str) -> dict[str, str]:
    """What each dispatch of a model holds after plain iree-compile."""
    source, out = folder / "model.mlir", folder / "out.mlir"
    source.write_text(text)
    compiled = Model.open(source, choose_target(target).compile_flags)
    compiled.compile_or_reject(out, *flags, "--compile-to=executable-configurations")
    return {name: str(configured) for name, configured in read_model_configurations(out).items()}


@pytest.mark.gpu
@pytest.mark.parametrize(("name", "loop"), [(name, loop) for name, kind in KINDS.items() for loop in kind.measured])
def test_plain_iree_compile_applies_an_entry_to_the_sizes_of_its_range_alone(
    name: str, loop: str, exact: Callable[[str], Path], tmp_path: Path
) -> None:
    kind, wide = KINDS[name], tmp_path / "wide.mlir"
    size = kind.measured[loop]
    widen_spec(exact(name), wide, loop, 2 * size)
    (entry,) = read_spec(wide).entries
    assert entry.sizes is not None
    flags = tuning_spec_flags(wide)
    (wanted,) = held(kind.at(loop, size), kind.target, tmp_path, *tuning_spec_flags(exact(name))).values()
    assert list(held(kind.at(loop, 2 * size), kind.target, tmp_path, *flags).values()) == [wanted]
    assert list(held(kind.at(loop, 2 * size), kind.target, tmp_path).values()) != [wanted]
    for other in (2 * size + entry.sizes.step, 1):
        text = kind.at(loop, other)
        assert held(text, kind.target, tmp_path, *flags) == held(text, kind.target, tmp_path)


@pytest.mark.parametrize("loop", CPU_CONVOLUTION.measured)
def test_outputs_at_another_size_are_those_without_the_spec(
    loop: str, exact: Callable[[str], Path], tmp_path: Path
) -> None:
    kind, source = CPU_CONVOLUTION, tmp_path / "model.mlir"
    size = 2 * kind.measured[loop]
    widen_spec(exact("cpu convolution"), tmp_path / "wide.mlir", loop, size)
    source.write_text(kind.at(loop, size))
    model, rng = Model.open(source, choose_target(kind.target).compile_flags), np.random.default_rng(0)
    batch, rows, channels = {**kind.measured, loop: size}.values()
    shapes = ((batch, 2 * rows + 1, 17, 16), (3, 3, 16, channels), (batch, rows, 8, channels))
    operands = [rng.integers(-4, 5, size=shape).astype(np.float32) for shape in shapes]
    outputs = []
    for flags in ((), tuning_spec_flags(tmp_path / "wide.mlir")):
        model.compile_or_reject(tmp_path / "model.vmfb", *flags)
        program = runtime.load_vm_flatbuffer_file(str(tmp_path / "model.vmfb"), driver="local-sync")
        outputs.append(program.main(*operands).to_host())
    np.testing.assert_array_equal(outputs[0], outputs[1])
    assert outputs[0].any()


def test_a_loop_of_the_window_cannot_be_widened(exact: Callable[[str], Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="window0 is summed, so its size is part of the code"):
        widen_spec(exact("cpu convolution"), tmp_path / "wide.mlir", "window0", 9)
