# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The peaks of this machine's CPU, by two programs that IREE compiles: one computes in registers, one moves memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tuner.doctor.findings import Finding, warning, wrong
from tuner.errors import MeasurementError, ToolError
from tuner.measuring import FunctionProgram, Runner
from tuner.measuring.sampling import calibrate
from tuner.rates.peaks import PEAK_TYPE, Peaks, keep_peaks
from tuner.targets import Device
from tuner.targets.choosing import choose_target
from tuner.targets.host import processor_name
from tuner.toolchain.tools import run_tool

_FUNCTION = "peak"
_COMPILE_TIMEOUT_S, _TIMEOUT_S = 120.0, 60.0
_SAMPLES = 8
# Sums that do not wait for one another, which keep every unit of the processor busy, and the steps of each.
_CHAINS, _STEPS = 12, 16
# Elements of each operand of the program that computes: they stay in the cache, and are enough for many threads.
_COMPUTED = 2**16
# Rows and columns of what the program that moves memory adds up, row by row: at 128 MiB no cache holds them.
_ROWS, _COLUMNS = 32, 2**20


@dataclass(frozen=True, slots=True)
class _Probe:
    """A program, and what one run of it does: operations if it computes, bytes if it moves memory."""

    text: str
    amount: float


def check_peaks(threads: int, keep: Path, scratch: Path) -> Finding:
    """Measures the peaks of the CPU on this number of threads, and keeps them in the file `keep`."""
    target = choose_target("cpu", threads)
    try:
        rates = [_rate(probe, target.device, target.compile_flags, scratch) for probe in (_computing(), _moving())]
    except (MeasurementError, ToolError) as error:
        return wrong("peaks", f"they cannot be measured ({error})", f"repair the device {target.device.uri} first")
    peaks = Peaks(processor_name(), target.device.uri, threads, *rates)
    text = f"{rates[0] / 1e9:.3g} GFLOP/s of {PEAK_TYPE} and {rates[1] / 1e9:.3g} GB/s, on {target.device.label}"
    try:
        keep_peaks(keep, peaks)
    except OSError as error:
        return warning(
            "peaks", f"{text}; not kept in {keep} ({error.strerror})", "make that file writable: reports show them"
        )
    return Finding("peaks", f"{text}; kept in {keep} for the reports of runs from now on")


def _rate(probe: _Probe, device: Device, flags: tuple[str, ...], scratch: Path) -> float:
    """The highest rate of several samples. Raises ToolError or MeasurementError."""
    source, binary = scratch / "peak.mlir", scratch / "peak.vmfb"
    source.write_text(probe.text)
    compiled = run_tool(
        "iree-compile", [str(source), *flags, "-o", str(binary)], timeout_s=_COMPILE_TIMEOUT_S, scratch=scratch
    )
    if compiled.exit_code != 0:
        raise ToolError(f"iree-compile does not compile a small program ({compiled.first_error})")
    with Runner(device, log=scratch / "peak.log") as runner:
        # With it no run asks the system for memory, which would be timed too.
        runner.load(_FUNCTION, FunctionProgram(binary, _FUNCTION, "caching"))
        runner.fill(_FUNCTION, 0, timeout_s=_TIMEOUT_S)
        runs = calibrate(runner, _FUNCTION, timeout_s=_TIMEOUT_S)
        return probe.amount / min(runner.time(_FUNCTION, runs, timeout_s=_TIMEOUT_S) for _ in range(_SAMPLES))


def _computing() -> _Probe:
    """Each element is multiplied and added to in registers, in chains that do not depend on one another."""
    tensor, lines, total = f"tensor<{_COMPUTED}xf32>", [], "%x"
    for chain in range(_CHAINS):
        lines.append(f"    %c{chain}_0 = arith.constant {1 / (chain + 2):f} : f32")
        for step in range(_STEPS):
            lines.append(f"    %c{chain}_{step + 1} = math.fma %c{chain}_{step}, %x, %y : f32")
    for chain in range(_CHAINS):
        lines.append(f"    %sum{chain} = arith.addf {total}, %c{chain}_{_STEPS} : f32")
        total = f"%sum{chain}"
    body = "\n".join(lines)
    element = "affine_map<(d0) -> (d0)>"
    text = f"""\
func.func @{_FUNCTION}(%a: {tensor}, %b: {tensor}) -> {tensor} {{
  %empty = tensor.empty() : {tensor}
  %result = linalg.generic {{
      indexing_maps = [{element}, {element}, {element}], iterator_types = ["parallel"]
    }} ins(%a, %b : {tensor}, {tensor}) outs(%empty : {tensor}) {{
  ^bb0(%x: f32, %y: f32, %old: f32):
{body}
    linalg.yield {total} : f32
  }} -> {tensor}
  return %result : {tensor}
}}
"""
    return _Probe(text, amount=float(_COMPUTED * _CHAINS * (2 * _STEPS + 1)))


def _moving() -> _Probe:
    """The columns of a tensor are summed: it is read once, and a small part of that is written."""
    read, written = f"tensor<{_ROWS}x{_COLUMNS}xf32>", f"tensor<{_COLUMNS}xf32>"
    text = f"""\
func.func @{_FUNCTION}(%a: {read}) -> {written} {{
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : {written}
  %zeros = linalg.fill ins(%zero : f32) outs(%empty : {written}) -> {written}
  %sums = linalg.generic {{
      indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0)>],
      iterator_types = ["parallel", "reduction"]
    }} ins(%a : {read}) outs(%zeros : {written}) {{
  ^bb0(%x: f32, %sum: f32):
    %new = arith.addf %x, %sum : f32
    linalg.yield %new : f32
  }} -> {written}
  return %sums : {written}
}}
"""
    return _Probe(text, amount=float(4 * (_ROWS + 1) * _COLUMNS))
