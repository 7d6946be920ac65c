# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Imports a model in a process of its own: frameworks are large, start threads, and may crash on a file.

    python -m tuner.model.frontends.apart MODULE MODEL OUTPUT SHAPES

MODULE is a front end's, with a function `convert(path, shapes, output)`.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

from tuner.errors import InputError
from tuner.foreign import printable, reason_of
from tuner.model.shapes import Shapes

_IMPORT_TIMEOUT_S = 600.0
_REFUSED = 2
# Frameworks must not ask the network for what a folder lacks.
_OFFLINE = {"HF_HUB_OFFLINE": "1"}
_EXPORT = "export the model yourself, and give the MLIR"


def import_apart(module: str, path: Path, shapes: Shapes, output: Path, timeout_s: float = _IMPORT_TIMEOUT_S) -> None:
    """Runs `convert` of a front end's module in another process, for at most `timeout_s`. Raises InputError."""
    given = json.dumps({"dims": dict(shapes.dims), "inputs": list(shapes.inputs)})
    # -P: a file of the user's, such as torch.py in this folder, is no framework.
    command = [sys.executable, "-P", "-m", __name__, module, str(path), str(output), given]
    environment = {**os.environ, **_OFFLINE}
    try:
        done = subprocess.run(command, capture_output=True, timeout=timeout_s, check=False, env=environment)
    except subprocess.TimeoutExpired as error:
        raise InputError(f"importing {path} did not end within {timeout_s:.0f} s; {_EXPORT}") from error
    if done.returncode == 0:
        return
    lines = [line.strip() for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
    said = printable(lines[-1]) if lines else f"its process ended with exit code {done.returncode}"
    if done.returncode == _REFUSED:
        raise InputError(said)
    raise InputError(f"{path} cannot be imported ({said}); {_EXPORT}")


def main() -> int:
    """Converts a model as the arguments say. The last line on stderr is the reason if that fails."""
    module, path, output, given = sys.argv[1:]
    shapes = json.loads(given)
    try:
        importlib.import_module(module).convert(
            Path(path), Shapes(shapes["dims"], tuple(shapes["inputs"])), Path(output)
        )
    except InputError as error:
        print(printable(str(error)), file=sys.stderr)  # noqa: T201
        return _REFUSED
    except Exception as error:  # noqa: BLE001 (of any framework)
        print(f"{type(error).__name__}: {reason_of(error)}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
