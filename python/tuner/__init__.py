# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Finds, for every dispatch that IREE generates, the configuration that makes it fastest, and proves it.

    import tuner

    result = tuner.tune("model.mlir", target="cpu", trials=100)
    print(result.speedup)
    result.save("spec.mlir")

The parts can be used alone: `tuner.constraints` needs no compiler, `tuner.measuring` only a runtime.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from tuner.errors import InputError, MeasurementError, ToolError, TunerError

if TYPE_CHECKING:
    from tuner.events import Listener
    from tuner.options import TuneOptions
    from tuner.tuning.result import TuneResult
    from tuner.tuning.stages import Stage

__all__ = ["InputError", "MeasurementError", "ToolError", "TunerError", "tune"]


def tune(
    model: str | Path,
    *,
    listen: Listener | None = None,
    stages: Sequence[Stage] | None = None,
    **options: Unpack[TuneOptions],
) -> TuneResult:
    """Tunes a model and returns the spec with its proof. Nothing is written but the run's folder.

    `options` are the fields of `tuner.options.Options`, paths also as text; `store` is one path or several. `listen` is
    called with each `tuner.events.Event`. `stages` are those of the run (`tuner.tuning.stages.STAGES` by default).
    Compile and measure processes are spawned: call this under `if __name__ == "__main__":` in a script.
    Raises InputError for an unusable model or option, ToolError if IREE's own default fails.
    """
    # Imported here: `tuner.constraints` must work without IREE.
    from tuner.events import nobody
    from tuner.jsonable import from_given
    from tuner.options import Options
    from tuner.processes import refuse_unguarded
    from tuner.tuning.run import tune_model
    from tuner.tuning.stages import STAGES

    refuse_unguarded("tuner.tune()")
    stores = options.get("store") or ()
    options["store"] = [stores] if isinstance(stores, str | Path) else stores
    try:
        settings = from_given(Options, options)
    except ValueError as error:
        raise InputError(f"tune() got a wrong option: {error}") from error
    return tune_model(Path(model), settings, listen or nobody, STAGES if stages is None else stages)
