# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A model with its specs: configured, read back, and compiled as a user compiles it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner.compile.apply import RejectedError
from tuner.compile.late import LateEntry, apply_late, is_late, plugin_flags
from tuner.dispatch import Configured
from tuner.dispatches.extract import check_written, read_model_configurations
from tuner.dispatches.opening import open_model
from tuner.errors import InputError, ToolError
from tuner.events import Listener, Note
from tuner.files import check_writable, place_of
from tuner.model.model import Model
from tuner.options import Options
from tuner.runs.names import check_not_of_a_run
from tuner.specs.certificate import Moment
from tuner.specs.deliver import THE_MODEL
from tuner.specs.read import check_one_of_each, missed_preprocessing
from tuner.stopwatch import Part
from tuner.targets import Target
from tuner.toolchain.tools import ToolResult, run_tool

_ADD_MARKS = "--iree-codegen-add-tuner-attributes"
# Runs of a compiler that dies or hangs: the first time the cause may be something else than what it compiles.
_ATTEMPTS = 2


@dataclass(frozen=True, slots=True)
class SpecifiedModel:
    """A model and the specs that it is compiled with: an early one, a late one, both or none.

    Files between the steps go to `folder`. Each step raises RejectedError with the compiler's reason, or that it died
    or hung in every attempt.
    """

    model: Model
    target: Target
    early: Path | None
    late: Path | None
    folder: Path

    @property
    def configured(self) -> Path:
        """The model when the compiler has configured everything."""
        return self.folder / "configured-with-spec.mlir"

    @property
    def applied(self) -> Path:
        """The same with the late entries."""
        return self.folder / "configured-with-specs.mlirbc"

    def configure(self) -> None:
        """Compiles the model with the early spec until everything is configured. A failure leaves no file."""
        self.configured.unlink(missing_ok=True)
        until = "--compile-to=executable-configurations"
        try:
            _attempt(lambda: self.model.compile(self.configured, *self._early_flags, _ADD_MARKS, until))
        except RejectedError:
            self.configured.unlink(missing_ok=True)
            raise
        check_written(self.configured, self.model)

    def apply_late(self) -> tuple[LateEntry, ...]:
        """Applies the late spec, if there is one, to what `configure` wrote."""
        if self.late is None:
            return ()
        with self.model.watch.of(Part.COMPILING):
            return apply_late(self.configured, self.late, self.target, self.applied)

    def compile_configured(self, binary: Path) -> None:
        """Compiles what the steps before wrote."""
        source = self.configured if self.late is None else self.applied
        flags = (*self.model.flags, *(() if self.late is None else plugin_flags(self.late)))
        arguments = [str(source), *flags, "--compile-from=executable-configurations", "-o", str(binary)]

        def compiled() -> ToolResult:
            return run_tool("iree-compile", arguments, timeout_s=self.model.timeout_s, scratch=binary.parent)

        with self.model.watch.of(Part.COMPILING):
            _attempt(compiled)

    def compile(self, binary: Path) -> None:
        """All steps. Without a late spec plain iree-compile takes them at once, as it does for the user."""
        if self.late is None:
            _attempt(lambda: self.model.compile(binary, *self._early_flags))
            return
        self.configure()
        self.apply_late()
        self.compile_configured(binary)

    def held(self) -> dict[Moment, dict[str, Configured]]:
        """The configuration of each dispatch, by name: with the early spec alone, and with both."""
        self.configure()
        early = read_model_configurations(self.configured)
        if self.late is None:
            return {"early": early, "late": early}
        self.apply_late()
        return {"early": early, "late": read_model_configurations(self.applied)}

    @property
    def _early_flags(self) -> tuple[str, ...]:
        return () if self.early is None else self.target.spec_flags(self.early)


def _attempt(compiler: Callable[[], ToolResult]) -> None:
    """Runs a compiler, again if it dies or hangs. Raises RejectedError."""
    for _ in range(_ATTEMPTS):
        try:
            result = compiler()
        except ToolError as error:
            reason = str(error)
            continue
        if result.exit_code == 0:
            return
        reason = result.first_error
        if result.exit_code > 0:
            break
    raise RejectedError(reason)


def compile_with_specs(
    path: Path, specs: Sequence[Path], output: Path, options: Options, listen: Listener
) -> tuple[LateEntry, ...]:
    """Compiles a model file with at most one spec of each kind; returns the late entries with their dispatches.

    A note says if the specs go with a preprocessing spec that the flags leave out. Raises InputError for unusable
    input; then nothing is written.
    """
    opened = open_model(path, options)
    check_writable(output, kept={**dict.fromkeys(specs, "a spec that is given"), path: THE_MODEL})
    check_not_of_a_run(output)
    moments: list[Moment] = ["late" if is_late(spec) else "early" for spec in specs]
    check_one_of_each(zip(specs, moments, strict=True))
    early, late = (
        next((spec for spec, found in zip(specs, moments, strict=True) if found == moment), None)
        for moment in ("early", "late")
    )
    if missed := missed_preprocessing(specs, options.flags):
        listen(Note(missed))
    place = place_of(output)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{place.name}.") as name:
        folder = Path(name)
        specified = SpecifiedModel(opened.imported(folder, listen), opened.target, early, late, folder)
        binary = folder / "binary"
        try:
            # Without a late spec it makes, byte for byte, what plain iree-compile makes at once.
            if late is None:
                specified.compile(binary)
            else:
                specified.configure()
        except RejectedError as error:
            raise InputError(f"iree-compile cannot compile {path} with these specs ({error})") from error
        if late is None:
            binary.replace(place)
            return ()
        try:
            entries = specified.apply_late()
        except RejectedError as error:
            raise InputError(f"{late} is refused by this compiler ({error}); tune again with it") from error
        try:
            specified.compile_configured(binary)
        except RejectedError as error:
            raise ToolError(f"{path} does not compile with these specs: {error}") from error
        binary.replace(place)
    return entries
