# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Hands specs over: the early entries in the file that a user named, the late ones beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tuner.errors import InputError
from tuner.files import check_writable, write_atomically
from tuner.model.model import Model, spec_flag
from tuner.model.onnx import Shapes
from tuner.options import Options
from tuner.runs.names import check_not_of_a_run
from tuner.specs.certificate import Circumstances
from tuner.specs.read import ReadSpec
from tuner.specs.write import late_path

# What a model is called that an output would replace.
THE_MODEL = "the model itself"


def header(circumstances: Circumstances) -> list[str]:
    """The first lines of a spec: what made it, for which device, with which flags."""
    return [
        f"A tuning spec made by iree-tuner {circumstances.tuner_version} with iree-compile"
        f" {circumstances.compiler_version}.",
        f"Device: {circumstances.processor}. Elsewhere it may be slower than the default.",
        f"Flags: {' '.join(circumstances.flags)}",
        "A spec is code that the compiler runs: load only those that you trust.",
    ]


def compile_command(
    model: Model,
    spec: Path,
    *,
    has_late: bool,
    reads_specs: bool,
    target: str,
    shapes: Shapes,
    flags: Sequence[str],
) -> tuple[str, ...]:
    """The command that compiles `model` with a spec, and with its late one where it has one.

    `reads_specs`: whether plain iree-compile applies one for this target; else the late one alone is named. `flags` are
    those of iree-compile beside the target's, `target` and `shapes` as the user gave them.
    """
    if not has_late and model.path == model.source:
        return ("iree-compile", str(model.source), *model.flags, spec_flag(spec), "-o", "model.vmfb")
    specs = [str(spec)] if reads_specs or not has_late else []
    specs += [str(late_path(spec))] if has_late else []
    sizes = [f"--dim={name}={size}" for name, size in shapes.dims.items()]
    sizes += [f"--input={shape}" for shape in shapes.inputs]
    after = ("--", *flags) if flags else ()
    return (
        "iree-tune",
        "compile",
        str(model.source),
        *specs,
        "-o",
        "model.vmfb",
        "--target",
        target,
        *sizes,
        *after,
    )


def deliver(path: Path, early: str, late: str) -> None:
    """Writes both specs, each file in one step. Raises OSError where writing fails; nothing is left half-written.

    Without late entries ("") no such file is left: an older one would no longer belong to the spec.
    """
    write_atomically(path, early)
    if late:
        write_atomically(late_path(path), late)
    else:
        late_path(path).unlink(missing_ok=True)


def check_places(model: Path, options: Options) -> None:
    """Raises InputError unless a run can put its spec where the options say, and its store is a file of its own."""
    kept = {model: THE_MODEL} | ({} if options.store is None else {options.store: "the store"})
    check_output(options.output, kept=kept, run_dir=options.run_dir)
    if options.store is not None and options.store.name != "store.sqlite":
        check_not_of_a_run(options.store, options.run_dir, option="--store")


def check_output(path: Path | None, *, kept: Mapping[Path, str], run_dir: Path | None = None) -> None:
    """Raises InputError unless both specs can be put at `path`, if one is given, before any work is done for them.

    `kept` are files that must not be replaced, each with what it is; so must none of those that a run, above all
    that of `run_dir`, writes for itself.
    """
    for output in () if path is None else (path, late_path(path)):
        check_writable(output, kept=kept)
        check_not_of_a_run(output, run_dir)


def check_remaking(path: Path, specs: Sequence[ReadSpec], *, kept: Mapping[Path, str], run_dir: Path | None) -> None:
    """Raises InputError if `specs` cannot be made anew as `path`, before any work is done for it.

    An entry of another's would be lost, and so would a late spec beside `path` that is not among them. `kept` and
    `run_dir` are as for `check_output`.
    """
    check_output(path, kept=kept, run_dir=run_dir)
    for spec in specs:
        if spec.foreign:
            raise InputError(
                f"{spec.path} has entries without a certificate ({', '.join(spec.foreign)}), which would be lost in"
                f" {path}; leave that spec out, or keep it as it is"
            )
        if spec.moment == "late" and path.exists() and path.samefile(spec.path):
            raise InputError(f"{path} is a late spec; name the file of the early entries, late ones are put beside it")
    beside = late_path(path)
    if beside.exists() and not any(beside.samefile(spec.path) for spec in specs):
        raise InputError(
            f"{beside} would be replaced, and is not among the given specs; give it too or choose another -o"
        )
