# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ONNX Runtime, on the same inputs and in the same process as IREE: what a user of a model would run instead.

    python benchmarks/onnx_runtime.py MODEL.onnx [--dim NAME=SIZE]... [--input SHAPE]... [--threads N]

`OnnxRuntimeProgram` is a program for `tuner.measuring.Runner`, so it can be compared and interleaved with IREE's
programs. It gets the model with bound sizes, as IREE's importer does, and the runner's random inputs.
"""

from __future__ import annotations

import argparse
import functools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tuner.measuring import Runner
from tuner.measuring.dispatch_data import model_input
from tuner.measuring.sampling import calibrate
from tuner.model.frontends.onnx import bind_model
from tuner.model.shapes import Shapes
from tuner.targets import Device
from tuner.targets.cpu import CpuTarget

_TIMEOUT_S = 120.0
_SAMPLES = 15
_SEED = 5


@dataclass(frozen=True, slots=True)
class OnnxRuntimeProgram:
    """A model in ONNX Runtime's CPU provider, on `threads` threads."""

    model: Path
    shapes: Shapes
    threads: int = 1

    def load(self, device_uri: str) -> _LoadedModel:
        del device_uri
        return _LoadedModel(self)


class _LoadedModel:
    def __init__(self, source: OnnxRuntimeProgram) -> None:
        self._session, self._types = _session(
            source.model, tuple(source.shapes.dims.items()), source.shapes.inputs, source.threads
        )
        self._inputs: dict[str, Any] = {}
        self._results: Sequence[Any] = ()

    def fill(self, seed: int) -> None:
        self._inputs = {
            name: model_input(shape, dtype, np.random.default_rng([seed, index]))
            for index, (name, shape, dtype) in enumerate(self._types)
        }

    def run(self, times: int) -> None:
        for _ in range(times):
            self._results = self._session.run(None, self._inputs)

    def outputs(self) -> list[Any]:
        return [np.array(each) for each in self._results]


@functools.cache
def _session(
    path: Path, dims: tuple[tuple[str, int], ...], inputs: tuple[str, ...], threads: int
) -> tuple[Any, list[tuple[str, tuple[int, ...], np.dtype[Any]]]]:
    """A session, and the name, shape and type of each input. Cached, since the runner reloads its programs."""
    import onnx
    import onnxruntime

    model = bind_model(path, Shapes(dict(dims), inputs))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    kinds = {each.name: each.type.tensor_type for each in model.graph.input}
    types = [
        (each.name, tuple(each.shape), onnx.helper.tensor_dtype_to_np_dtype(kinds[each.name].elem_type))
        for each in session.get_inputs()
    ]
    return session, types


def median_seconds(model: Path, shapes: Shapes, device: Device, *, threads: int = 1, seed: int = _SEED) -> float:
    """The median seconds of one run by the device's clock, with nothing else on the machine."""
    name = "ONNX Runtime"
    with Runner(device) as runner:
        runner.load(name, OnnxRuntimeProgram(model, shapes, threads))
        runner.reference(name, seed, timeout_s=_TIMEOUT_S)
        times = calibrate(runner, name, timeout_s=_TIMEOUT_S)
        return statistics.median(runner.time(name, times, timeout_s=_TIMEOUT_S) for _ in range(_SAMPLES))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--dim", action="append", default=[], metavar="NAME=SIZE")
    parser.add_argument("--input", action="append", default=[], metavar="SHAPE")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    shapes, threads = Shapes.parse(options.dim, options.input), options.threads
    seconds = median_seconds(options.model, shapes, CpuTarget(threads).device, threads=threads)
    print(f"{options.model}: {seconds * 1e3:.3g} ms on {threads} thread{'s' if threads > 1 else ''}")


if __name__ == "__main__":
    main()
