# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Measures a bundle: checks every candidate against the default, times it beside the default, the best in a final.

The steps are those of a run (`tuner.evaluate.bench`). Each result is kept as it ends, so that an interrupted
measurement continues where it stopped.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import platform
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from tuner.bundle.manifest import FILE, BundledCandidate, BundledDispatch, Manifest, read_manifest
from tuner.bundle.results import DispatchResults, Ended, FinalSamples, Machine, Results
from tuner.errors import InputError, ToolError, TunerError
from tuner.evaluate.bench import DispatchBench
from tuner.evaluate.order import in_order_of_measuring
from tuner.evaluate.programs import runnable
from tuner.events import Disturbance, Event, FinalistChecked, FinalistFailed
from tuner.foreign import reason_of
from tuner.measuring import Runner
from tuner.measuring.preloading import Preloader
from tuner.measuring.presence import check_clock
from tuner.outcome import Compilation, Evaluation, Fate
from tuner.speedup import is_faster_anywhere
from tuner.targets import Device
from tuner.targets.host import processor_name

# Candidates that are loaded ahead at a time, for drivers that compile a program when it is loaded.
_BATCH = 16
_LOG = "measuring.log"


def measure(folder: Path, device_uri: str, log: Callable[[str], None]) -> tuple[Path, list[str]]:
    """Measures what is not measured yet. Returns the file of results, and the dispatches whose default does not run.

    `device_uri`: a device other than the bundle's, or "". Raises InputError for an unusable bundle or a missing device,
    DeviceLostError if the device dies.
    """
    manifest = read_manifest(folder)
    device = manifest.device.device(device_uri)
    check_clock(device)
    runtime = _runtime_version()
    if runtime != manifest.compiler_version:
        log(
            f"The candidates were made by iree-compile {manifest.compiler_version}, this is iree-base-runtime"
            f" {runtime}; should they not load: pip install iree-base-runtime=={manifest.compiler_version}"
        )
    machine = Machine(_device_name(device), device.uri, runtime, platform.python_version())
    workers = len(os.sched_getaffinity(0))
    with _locked(folder):
        results = Results.open(folder, machine)
        log(f"Measuring on {machine.processor} ({device.uri}); results: {results.path}")
        with Runner(device, log=folder / _LOG) as runner, Preloader(device, workers) as preloader:
            for bundled in manifest.dispatches:
                known = results.of(bundled.name)
                if not known.is_complete:
                    _Measuring(folder, manifest, bundled, results, runner, preloader, log).run()
                log(f"{bundled.name}: {summary(known, manifest.min_gain)}")
    names = [bundled.name for bundled in manifest.dispatches]
    return results.path, [name for name in names if not results.of(name).is_complete]


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keeps other processes from measuring the same bundle. Raises InputError if one does already."""
    with (folder / FILE).open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(f"another process measures {folder}; let it end, or measure a copy") from error
        yield


class _Measuring:
    """The measuring of one dispatch."""

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        bundled: BundledDispatch,
        results: Results,
        runner: Runner,
        preloader: Preloader,
        log: Callable[[str], None],
    ) -> None:
        self._folder = folder
        self._manifest = manifest
        self._bundled = bundled
        self._results = results
        self._known = results.of(bundled.name)
        self._runner = runner
        self._preloader = preloader
        self._log = log

    def run(self) -> None:
        bundled, name = self._bundled, self._bundled.name
        candidates = {candidate.number: candidate for candidate in bundled.candidates if candidate.binary is not None}
        self._log(f"{name}: {len(candidates) - 1} candidates and the default")
        default = self._compilation(candidates.pop(0))
        try:
            bench = DispatchBench.start(self._runner, bundled.program, default, dispatch=name, listen=self._log_event)
        except ToolError as error:
            self._results.add_refused(name, str(error))
            return
        self._keep(bench.default_evaluation())
        left = in_order_of_measuring(
            [
                self._compilation(candidate)
                for number, candidate in candidates.items()
                if number not in self._known.ended
            ]
        )
        for start in range(0, len(left), _BATCH):
            batch = left[start : start + _BATCH]
            self._preloader.load([runnable(bundled.program, end.binary) for end in batch if end.binary is not None])
            bench.sample_baseline()
            for compilation in batch:
                self._keep(bench.evaluate(compilation))
            self._log(f"  {len(self._known.ended) - 1} of {len(candidates)}, best {self._best:.2f}x")
        evaluations = [
            self._known.ended[number].evaluation(self._compilation(candidate))
            for number, candidate in candidates.items()
        ]
        rng = np.random.default_rng(self._manifest.seed)
        final = bench.final(evaluations, rng, self._manifest.min_gain)
        bench.rest()
        self._results.add_final(name, None if final is None else FinalSamples.of(final))

    @property
    def _best(self) -> float:
        return max(ended.speedup or 0.0 for ended in self._known.ended.values())

    def _keep(self, ended: Evaluation) -> None:
        self._results.add_ended(self._bundled.name, Ended.of(ended))

    def _compilation(self, candidate: BundledCandidate) -> Compilation:
        binary = self._folder / (candidate.binary or "")
        return replace(candidate.compilation(self._folder / _LOG), detail="", binary=binary)

    def _log_event(self, event: Event) -> None:
        if isinstance(event, Disturbance):
            self._log(f"  {event.text}")
        elif isinstance(event, FinalistFailed):
            self._log(f"  candidate {event.evaluation.candidate.number} is passed over: {event.evaluation.detail}")
            if event.evaluation.fate is Fate.WRONG_RESULT:
                self._keep(event.evaluation)
        elif isinstance(event, FinalistChecked):
            self._log(f"  candidate {event.candidate}: {event.text}")


def main(arguments: Sequence[str]) -> int:
    """The command line; the first argument is the program. Returns the exit code, as `iree-tune` does."""
    program = Path(arguments[0])
    parser = argparse.ArgumentParser(
        prog=program.name,
        description="Measures a bundle's candidates on this machine's device. Interrupted, it goes on where it was.",
    )
    parser.add_argument(
        "bundle", nargs="?", type=Path, default=program.parent, help="the bundle's folder; by default the program's own"
    )
    parser.add_argument("--device", default="", help="another device than the bundle's, as in cuda://1")
    parsed = parser.parse_args(arguments[1:])
    try:
        path, refused = measure(parsed.bundle, parsed.device, _print)
    except TunerError as error:
        sys.stderr.write(f"{program.name}: {error}\n")
        return 2 if isinstance(error, InputError) else 1
    except KeyboardInterrupt:
        sys.stderr.write(f"{program.name}: interrupted; the same command goes on from here\n")
        return 130
    if refused:
        sys.stderr.write(f"{program.name}: {len(refused)} dispatches could not be measured, {refused[0]} among them\n")
        return 1
    _print(
        f"Done. Put {path.name} into the bundle where it was made, then: iree-tune take-back MODEL BUNDLE -o spec.mlir"
    )
    return 0


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def summary(known: DispatchResults, min_gain: float) -> str:
    """How measuring a dispatch ended, in one sentence."""
    if known.refused:
        return known.refused
    fates = Counter(ended.fate for ended in known.ended.values() if ended.number)
    counted = ", ".join(f"{count} {fate}" for fate, count in fates.most_common()) or "no candidates"
    if known.final is None:
        return f"no candidate ran ({counted})"
    ratio = known.final.ratio
    if is_faster_anywhere(ratio, known.ended[known.final.number].edge_slowdown, min_gain):
        return f"candidate {known.final.number} is {ratio} over the default ({counted})"
    return f"the default stays: the best candidate is {ratio} ({counted})"


def _runtime_version() -> str:
    try:
        return version("iree-base-runtime")
    except PackageNotFoundError:
        return "of unknown version"


def _device_name(device: Device) -> str:
    """The name of the GPU or processor. Raises InputError if the device is not on this machine."""
    import iree.runtime as runtime

    if device.in_host_memory:
        return processor_name()
    driver, _, path = device.uri.partition("://")
    try:
        found = runtime.get_driver(driver).query_available_devices()
    except (RuntimeError, ValueError) as error:
        raise InputError(
            f"this machine has no device {device.uri} ({reason_of(error)}); name another by --device"
        ) from error
    if not found:
        raise InputError(f"this machine has no device {device.uri}; name another by --device")
    chosen = [device_info for device_info in found if path in (device_info["path"], "")]
    if path.isdecimal() and int(path) < len(found):
        chosen = [found[int(path)]]
    return str((chosen or found)[0]["name"])
