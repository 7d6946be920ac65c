# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Opens a user's model for a target, as every command does that compiles one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from tuner.dispatches.extract import Extracted, extract
from tuner.events import Listener, Note, PhaseStarted
from tuner.measuring.presence import check_present
from tuner.model.model import Model
from tuner.options import Options
from tuner.problems import is_list
from tuner.stopwatch import Stopwatch
from tuner.targets import Target
from tuner.targets.choosing import choose_target


@dataclass(frozen=True, slots=True)
class OpenedModel:
    """A model file that can be read, and the target that it is compiled for. Nothing is compiled yet."""

    model: Model
    target: Target
    options: Options

    def check_devices(self) -> None:
        """Raises InputError unless every device that the options name is on this machine."""
        for device in self.target.devices:
            check_present(device)

    def imported(self, folder: Path, listen: Listener) -> Model:
        """The model in a form that iree-compile reads. Files go to `folder`. Raises InputError."""
        if self.target.note:
            listen(Note(self.target.note))
        listen(PhaseStarted(f"reading {self.model.source}"))
        return self.model.imported(self.options.shapes, folder)

    def read(self, folder: Path, listen: Listener) -> tuple[Model, Extracted]:
        """The imported model and its dispatches. Files go to `folder`. Raises InputError."""
        model = self.imported(folder, listen)
        return model, extract(model, self.target, folder)


def open_model(path: Path, options: Options, watch: Stopwatch | None = None) -> OpenedModel:
    """Opens the model at `path` for the target, threads, devices and flags of the options.

    A list of problems keeps the flags: those that suit a single op need not suit the models that it is part of.
    `watch` counts the time that compilations of the model take. Raises InputError if there is no such file or target.
    """
    if is_list(path):
        options = replace(options, keep_flags=True)
    target = choose_target(options.target, options.threads, options.devices)
    if options.plain:
        target = target.for_plain_compilation()
    if options.clock == "device":
        target = target.by_device_clock()
    return OpenedModel(Model.open(path, (*target.compile_flags, *options.flags), watch), target, options)
