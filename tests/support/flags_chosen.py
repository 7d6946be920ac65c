# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A run whose flags were chosen, on machines that replay: nothing is compiled or measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dumped import benchmark_of_product, configured_products
from tuner.dispatch import Dispatch
from tuner.dispatches.extract import Extracted
from tuner.events import Event, Listener, nobody
from tuner.model.model import PREPROCESSING_FLAG
from tuner.op_choices import OpChoice
from tuner.op_choices.reading import read_ops
from tuner.speedup import Ratio
from tuner.targets import Limits
from tuner.testing.machines import ReplayMachines, replayed_dispatch, workbench
from tuner.testing.model import MODEL, replayed_plain_model
from tuner.testing.problems import problem
from tuner.testing.recording import MadeUp
from tuner.testing.replay import Behaviour, Clock, Replay
from tuner.tuning.flag_search import FlagChoice
from tuner.tuning.op_search import ChosenOps
from tuner.tuning.stages import Known
from tuner.tuning.workbench import Workbench

PLAIN_S = 10e-3
TILING, LAYOUT = "--iree-opt-data-tiling", "--layout"
# A convolution of few channels and a product, as the compiler's preprocessing leaves them.
PREPROCESSED = """
func.func @main(%x: tensor<1x3x98x98xf32>, %w: tensor<32x3x3x3xf32>, %y: tensor<1x32x96x96xf32>,
    %a: tensor<64x64xf32>, %b: tensor<64x64xf32>, %c: tensor<64x64xf32>)
    -> (tensor<1x32x96x96xf32>, tensor<64x64xf32>) {
  %0 = linalg.conv_2d_nchw_fchw ins(%x, %w : tensor<1x3x98x98xf32>, tensor<32x3x3x3xf32>)
    outs(%y : tensor<1x32x96x96xf32>) -> tensor<1x32x96x96xf32>
  %1 = linalg.matmul ins(%a, %b : tensor<64x64xf32>, tensor<64x64xf32>)
    outs(%c : tensor<64x64xf32>) -> tensor<64x64xf32>
  return %0, %1 : tensor<1x32x96x96xf32>, tensor<64x64xf32>
}
"""
# m, n and k of a product.
Size = tuple[int, int, int]
SIZE = (64, 128, 64)
# The dispatches that other flags make.
RIVALS = {"theirs": SIZE}


@dataclass(frozen=True)
class Timed:
    """A model of 10 ms that data tiling makes twice as fast, and choices for ops `ops` times as long.

    The default of a dispatch takes 4 ms unless `default_s` says otherwise. Candidates of `ours` take as long, those of
    others from a tenth.
    """

    ops: float = 0.8
    default_s: Mapping[str, float] = field(default_factory=dict)

    def behaviour(self, dispatch: str, choice: Any) -> Behaviour:
        if dispatch == MODEL:
            flags = [] if choice == "default" else choice
            factor = 0.5 if TILING in flags else 1.0
            factor *= self.ops if any(flag.startswith(PREPROCESSING_FLAG) for flag in flags) else 1.0
            return Behaviour(PLAIN_S * factor)
        is_default = choice == "default" or dispatch == "ours"
        part = 1.0 if is_default else 0.1 * MadeUp(1.0).behaviour(dispatch, choice).time_s
        return Behaviour(self.default_s.get(dispatch, 4e-3) * part, compile_s=0.1)


def product(name: str) -> Dispatch:
    m, n, k = SIZE
    return replayed_dispatch(problem("contraction", [("m", m), ("n", n), ("k", k)], (0, 2), (2, 1), (0, 1)), name)


def extracted(*dispatches: Dispatch) -> Extracted:
    return Extracted(dispatches, ("main",), Limits(vector_bytes=64, threads=1), "a recording", (), 0.0)


@dataclass
class Chosen:
    """A bench and its device, what it reported, and what is known: data tiling was chosen, which remakes products."""

    bench: Workbench
    device: Replay
    events: list[Event]
    known: Known

    def with_flags(self, **fields: Any) -> Known:
        return replace(self.known, flags=replace(self.known.flags, **fields))


@contextmanager
def after_flags(
    folder: Path,
    recording: Timed,
    *dispatches: Dispatch,
    rivals: Mapping[str, Size] = RIVALS,
    listen: Listener = nobody,
    **options: Any,
) -> Iterator[Chosen]:
    """A run of a model with these dispatches after its search of flags. `listen` also receives what is reported.

    `rivals`: the products that are read of the model compiled with anything else.
    """
    machines = ReplayMachines.of(recording, noise=0.001, pause_s=0.01, clock=Clock())
    events: list[Event] = []

    def heard(event: Event) -> None:
        events.append(event)
        listen(event)

    with workbench(folder / "run", machines, listen=heard, keep_flags=False, **options) as bench:
        phases = {"preprocessing": PREPROCESSED, "executable-configurations": configured_products(rivals)}
        benchmarks = {name: benchmark_of_product(name, size) for name, size in rivals.items()}
        plain = replayed_plain_model(bench, recording, phases=phases, benchmarks=benchmarks)
        binary = bench.folder.path / "flagged.vmfb"
        plain.model.with_flags(TILING).compile(binary)
        flags = FlagChoice({"data-tiling": "on"}, (TILING,), Ratio(2.0, 1.95, 2.05), 3, PLAIN_S / 2, binary)
        yield Chosen(bench, machines.replays[0], events, Known(plain, extracted(*dispatches), flags))


def with_rival(run: Chosen, beside_flags: bool) -> Known:
    """What is known with a choice for an op, and with a rival of the flags that is 10 % slower."""
    (op, _) = read_ops(run.known.plain.model, run.bench.folder.path)
    ops = ChosenOps((OpChoice("winograd", "on", op),), (), Path("ops.vmfb"), Ratio(1.2, 1.1, 1.3), beside_flags)
    rival = FlagChoice({"convolution-layout": "channels-last"}, (LAYOUT,), Ratio(1.8, 1.7, 1.9), 0, PLAIN_S / 1.8)
    return replace(run.with_flags(rival=rival), ops=ops)
