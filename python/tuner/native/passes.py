# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Our passes, run in-process."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from tuner.native._host import core
from tuner.native.errors import HostError, PassError

if TYPE_CHECKING:
    from iree.compiler.ir import Module, Operation

_log = logging.getLogger(__name__)


def plugin_path() -> Path:
    """The pass plugin, for `iree-opt --load-pass-plugin=…`."""
    return Path(core.__file__).parent / "libIREETunerPlugin.so"


def register_passes() -> None:
    """Makes our passes known to `iree.compiler.passmanager.PassManager.parse`.

    The functions below do not need it. Once per process is enough; more calls do no harm.

    Raises:
        HostError: the loaded compiler library gives no access to its pass registry.
    """
    try:
        core.register_passes()
    except RuntimeError as error:
        raise HostError(str(error)) from error


def annotate_root_ops(operation: Operation | Module) -> None:
    """Runs `iree-tuner-annotate-root-ops`: marks root ops and names configured ops.

    Annotate the whole module at once: identities are unique within `operation`.
    A dispatch without a root op is left alone, and this module's log says so.

    Raises:
        PassError: a configured op in no function, a foreign `root_op` attribute, or
            two dispatches that nothing tells apart.
    """
    _run("iree-tuner-annotate-root-ops", operation)


def strip_configuration(operation: Operation | Module) -> None:
    """Runs `iree-tuner-strip-configuration`: removes every codegen configuration.

    Root-op marks and identities stay.
    """
    _run("iree-tuner-strip-configuration", operation)


def strip_root_configuration(operation: Operation | Module) -> None:
    """Runs `iree-tuner-strip-root-configuration`: functions and root ops only.

    Raises:
        PassError: a function has configured ops but no root-op mark.
    """
    _run("iree-tuner-strip-root-configuration", operation)


def strip_annotations(operation: Operation | Module) -> None:
    """Runs `iree-tuner-strip-annotations`: configuration, marks and identities go."""
    _run("iree-tuner-strip-annotations", operation)


def _run(name: str, operation: Operation | Module) -> None:
    passed, diagnostics = core.run_pass(name, operation.operation)
    if passed:
        for _, text in diagnostics:
            _log.info("%s", text)
    else:
        errors = [text for severity, text in diagnostics if severity in ("error", "note")]
        raise PassError("\n".join(errors) or f"{name} failed without a diagnostic")
