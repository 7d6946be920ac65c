# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The whole road: model, dispatches, search and verdicts, spec, proof."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from tuner import registry
from tuner.certificate import circumstances
from tuner.compiling import CompilePool
from tuner.delivering import header
from tuner.dispatch import Dispatch
from tuner.errors import InputError
from tuner.events import Listener, Note, PhaseStarted
from tuner.extracting import extract
from tuner.measuring import Runner
from tuner.model import Model, spec_flag
from tuner.options import Options
from tuner.proving import prepare_model, prove
from tuner.result import TuneResult
from tuner.run_folder import RunFolder
from tuner.spec import check_writable, late_path, write_atomically
from tuner.targets.choosing import choose_target
from tuner.tuning import DispatchTuner


def tune_model(path: Path, options: Options, listen: Listener) -> TuneResult:
    """Tunes every tunable dispatch of a model and proves the spec on the whole of it.

    Raises InputError for unusable input, ToolError where IREE's own default fails.
    """
    target = choose_target(options.target, options.threads)
    registry.load("tuner.strategies", options.strategy)
    opened = Model.open(path, (*target.compile_flags, *options.flags))
    if options.output is not None:
        for output in (options.output, late_path(options.output)):
            check_writable(output, never=path)
    folder = RunFolder.create(options.run_dir)
    listen(Note(f"This run's folder: {folder.path}"))
    if target.note:
        listen(Note(target.note))

    listen(PhaseStarted(f"reading {path}"))
    model = opened.imported(options.shapes, folder.path)
    extracted = extract(model, target, folder.path)
    dispatches = _chosen(extracted.dispatches, options.dispatches)
    shared = circumstances(
        options.target,
        extracted.device_description,
        extracted.features,
        target.device.uri,
        options.threads,
        model.flags,
    )
    with Runner(target.device, log=folder.path / "measuring.log") as runner:
        plain = prepare_model(model, extracted.functions, options.function, folder, runner)
        with CompilePool(options.compile_workers, options.compile_timeout_s) as pool:
            tuner = DispatchTuner(options, target, extracted.limits, folder, runner, pool, listen)
            results = tuner.tune_all(dispatches)
        proof = prove(plain, target, results, header(shared), shared, folder, runner, listen, options.seed)

    result = TuneResult(
        spec=proof.spec,
        late_spec=proof.late_spec,
        dispatches=proof.dispatches,
        model=proof.model,
        binary=proof.binary,
        run_dir=folder.path,
        device_label=f"{target.device.uri}, {target.device.label}",
        compile_command=_compile_command(model, options, options.output or folder.spec, bool(proof.late_spec)),
        circumstances=shared,
    )
    write_atomically(folder.path / "result.json", json.dumps(result.to_json(), indent=1) + "\n")
    if options.output is not None:
        result.save(options.output)
    return result


def _chosen(dispatches: Sequence[Dispatch], names: Sequence[str]) -> list[Dispatch]:
    known = [dispatch.name for dispatch in dispatches]
    for name in names:
        if name not in known:
            raise InputError(f"the model has no dispatch '{name}'; it has: {', '.join(known) or 'none'}")
    return [dispatch for dispatch in dispatches if not names or dispatch.name in names]


def _compile_command(model: Model, options: Options, spec: Path, has_late: bool) -> tuple[str, ...]:
    if not has_late and model.path == model.source:
        return ("iree-compile", str(model.source), *model.flags, spec_flag(spec), "-o", "model.vmfb")
    specs = (str(spec), str(late_path(spec))) if has_late else (str(spec),)
    shapes = [f"--dim={name}={size}" for name, size in options.shapes.dims.items()]
    shapes += [f"--input={shape}" for shape in options.shapes.inputs]
    flags = ("--", *options.flags) if options.flags else ()
    target = ("--target", options.target)
    return ("iree-tune", "compile", str(model.source), *specs, "-o", "model.vmfb", *target, *shapes, *flags)
