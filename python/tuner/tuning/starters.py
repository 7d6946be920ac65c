# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Configurations that a search starts from: the entries of specs, ours or somebody else's.

An entry of ours names its problem and its configuration. What any other entry matches shows when the model is compiled
with its spec: the dispatches that then hold something else than the default.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from tuner.compile.apply import RejectedError
from tuner.compile.specified import SpecifiedModel
from tuner.dispatch import Annotations, Configuration, Dispatch
from tuner.dispatches.extract import read_model_annotations
from tuner.errors import InputError, ToolError
from tuner.events import Listener, Note
from tuner.model.model import Model
from tuner.specs.read import ReadSpec, read_spec
from tuner.targets import Target

_PIPELINE = re.compile(r"#iree_\w+\.pipeline<(\w+)>")

# By the key of a problem.
Starters = Mapping[str, tuple[Configuration, ...]]


def read_starters(paths: Sequence[Path]) -> tuple[ReadSpec, ...]:
    """The specs to start from. Raises InputError for one that cannot be read."""
    return tuple(read_spec(path) for path in paths)


def starters_of(
    specs: Sequence[ReadSpec],
    model: Model,
    target: Target,
    dispatches: Sequence[Dispatch],
    folder: Path,
    listen: Listener,
    *,
    plain: bool = False,
) -> Starters:
    """The configurations that the specs' entries stand for in a model, in their order, by the key of the problem.

    `dispatches` are the model's, with their defaults. A note says how many dispatches each spec is for. `plain`: of a
    GPU's, only those that name a pipeline of IREE's.
    """
    found: dict[str, dict[str, Configuration]] = defaultdict(dict)
    keys = {dispatch.problem.key for dispatch in dispatches if dispatch.problem is not None}
    for spec in specs:
        configurations = _read_back(spec, model, target, dispatches, folder) if spec.foreign else {}
        configurations |= {
            entry.problem.key: entry.certificate.configuration or _as_configuration(entry.annotations)
            for entry in spec.entries
            if entry.problem.key in keys
        }
        if plain:
            configurations = {key: asked for key, asked in configurations.items() if not _lists_gpu_passes(asked)}
        for key, configuration in configurations.items():
            found[key].setdefault(str(configuration.to_json()), configuration)
        listen(Note(f"{spec.path} has a configuration to start from for {len(configurations)} of {len(keys)} problems"))
    return {key: tuple(configurations.values()) for key, configurations in found.items()}


def _lists_gpu_passes(configuration: Configuration) -> bool:
    return configuration.gpu is not None and configuration.gpu.feeding is not None


def _as_configuration(annotations: Annotations) -> Configuration:
    """A configuration that is known by its attributes alone."""
    named = _PIPELINE.search(annotations.root["compilation_info"])
    pipeline = named[1] if named else ""
    return Configuration(pipeline, {}, attributes=annotations.root, function_attributes=annotations.function)


def _read_back(
    spec: ReadSpec, model: Model, target: Target, dispatches: Sequence[Dispatch], folder: Path
) -> dict[str, Configuration]:
    """What plain iree-compile makes of the dispatches with a spec of others, unless it is the default.

    Raises InputError if the model does not compile with it.
    """
    specified = SpecifiedModel(model, target, spec.path, None, folder)
    try:
        specified.configure()
    except (RejectedError, ToolError) as error:
        raise InputError(f"the model does not compile with {spec.path} ({error}); leave out --start-from") from error
    held = read_model_annotations(specified.configured)
    specified.configured.unlink()
    found: dict[str, Configuration] = {}
    for dispatch in dispatches:
        configured, annotations = held.get(dispatch.name, (None, None))
        if dispatch.problem is not None and annotations is not None and configured != dispatch.default:
            found.setdefault(dispatch.problem.key, _as_configuration(annotations))
    return found
