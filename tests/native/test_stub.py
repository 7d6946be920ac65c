# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The stub says of the extension module what is so."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tuner import native

STUB = Path(native.__file__).with_name("_core.pyi")


def test_stub_names_every_function_and_its_parameters() -> None:
    tree = ast.parse(STUB.read_text())
    stubbed = {
        node.name: [argument.arg for argument in node.args.args]
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }
    bound = {name: _parameters(function) for name, function in vars(native._core).items() if not name.startswith("__")}
    assert stubbed == bound


def _parameters(function: object) -> list[str]:
    """From the first line of the docstring, `name(first: type, second: type) -> type`."""
    signature = (getattr(function, "__doc__", None) or "").splitlines()[0]
    inside = signature[signature.index("(") + 1 : signature.rindex(") ->")]
    return re.findall(r"(?:^|, )(\w+): ", inside)
