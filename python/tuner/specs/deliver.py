# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Delivers specs: the early entries in the file that a user named, the late ones beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tuner.errors import InputError
from tuner.files import check_writable, write_atomically
from tuner.model.model import Model
from tuner.options import Options
from tuner.runs.names import check_not_of_a_run
from tuner.specs.allocator import AllocatorChoice
from tuner.specs.certificate import Circumstances
from tuner.specs.preprocessing import naming, preprocessing_path, text_in
from tuner.specs.read import ReadSpec
from tuner.specs.write import late_path
from tuner.targets import Target

# How a message describes the model that an output would replace.
THE_MODEL = "the model itself"


def header(circumstances: Circumstances) -> list[str]:
    """The first lines of a spec: the versions that made it, its device and its flags."""
    advice = AllocatorChoice(circumstances.allocator).advice
    return [
        f"A tuning spec made by iree-tuner {circumstances.tuner_version} with iree-compile"
        f" {circumstances.compiler_version}.",
        f"Device: {circumstances.processor}. Elsewhere it may be slower than the default.",
        f"Flags: {' '.join(circumstances.flags)}",
        *([advice] if advice else []),
        "A spec is code that the compiler runs: load only those that you trust.",
    ]


def compile_command(model: Model, spec: Path, options: Options, target: Target, *, has_late: bool) -> tuple[str, ...]:
    """The command that compiles `model` with a spec, and with its late spec if it has one.

    It is enough by itself. Without late entries it is one of plain iree-compile. A model that had to be imported needs
    `iree-tune compile`, unless the run was to hand over only what plain iree-compile applies: then the command names
    the imported file, in the run's folder. `options`: the target, the shapes and the flags, those that were chosen
    included. If nothing is early for the target, only the late spec is named. The preprocessing spec that the flags
    name is taken from beside `spec`.
    """
    beside = preprocessing_path(spec)
    if not has_late and (options.plain or model.path == model.source):
        early = target.spec_flags(spec) if target.reads_specs else ()
        return ("iree-compile", str(model.path), *naming(model.flags, beside), *early, "-o", "model.vmfb")
    specs = [str(spec)] if target.reads_specs or not has_late else []
    specs += [str(late_path(spec))] if has_late else []
    sizes = [f"--dim={name}={size}" for name, size in options.shapes.dims.items()]
    sizes += [f"--input={shape}" for shape in options.shapes.inputs]
    after = ("--", *naming(options.flags, beside)) if options.flags else ()
    given = ("-o", "model.vmfb", "--target", options.target, *sizes, *after)
    return ("iree-tune", "compile", str(model.source), *specs, *given)


def deliver(path: Path, early: str, late: str, preprocessing: str) -> None:
    """Writes the specs, each file in one step. Raises OSError if writing fails; no file is left half-written.

    Without late entries ("") an older late spec is removed: it would no longer belong to the early one. The same holds
    for a preprocessing spec.
    """
    # First, since a spec that goes with it cannot be read without it.
    for beside, text in ((preprocessing_path(path), preprocessing), (late_path(path), late)):
        if text:
            write_atomically(beside, text)
        else:
            beside.unlink(missing_ok=True)
    write_atomically(path, early)


def check_places(model: Path, options: Options) -> None:
    """Raises InputError unless a run can write its spec to the place that the options name, and its store too."""
    kept = {model: THE_MODEL} | dict.fromkeys(options.store, "the store")
    check_output(options.output, kept=kept, run_dir=options.run_dir)
    for written in options.store[:1]:
        if written.name != "store.sqlite":
            check_not_of_a_run(written, options.run_dir, option="--store")


def check_output(path: Path | None, *, kept: Mapping[Path, str], run_dir: Path | None = None) -> None:
    """Raises InputError unless both specs can be written to `path`, if one is given: called before the work for them.

    `kept` are files that must not be replaced, with a description. Files that a run writes for itself, above all the
    run of `run_dir`, must not be replaced either.
    """
    for output in () if path is None else (path, late_path(path), preprocessing_path(path)):
        check_writable(output, kept=kept)
        check_not_of_a_run(output, run_dir)


def check_remaking(path: Path, specs: Sequence[ReadSpec], *, kept: Mapping[Path, str], run_dir: Path | None) -> None:
    """Raises InputError if `path` cannot become the new version of `specs`: called before the work for it.

    Entries without a certificate would be lost, and so would a late spec beside `path` that is not among `specs`.
    `kept` and `run_dir` are as for `check_output`.
    """
    check_output(path, kept=kept, run_dir=run_dir)
    for spec in specs:
        if uncertified := (*spec.foreign, *spec.stand_ins):
            raise InputError(
                f"{spec.path} has entries without a certificate ({', '.join(uncertified)}), which would be lost in"
                f" {path}; leave that spec out, or keep it as it is"
            )
        if spec.moment == "late" and path.exists() and path.samefile(spec.path):
            raise InputError(f"{path} is a late spec; name the file of the early entries, late ones are put beside it")
    given = {spec.path.resolve() for spec in specs}
    given |= {preprocessing_path(spec.path).resolve() for spec in specs if text_in(spec.flags)}
    for beside in (late_path(path), preprocessing_path(path)):
        if beside.exists() and beside.resolve() not in given:
            raise InputError(
                f"{beside} would be replaced, and is not among the given specs; give it too or choose another -o"
            )
