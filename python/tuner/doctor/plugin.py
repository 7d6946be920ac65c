# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Whether the stock iree-opt loads the pass plugin, and whether its passes work."""

from __future__ import annotations

from pathlib import Path

from tuner.doctor.findings import Finding, wrong
from tuner.errors import ToolError
from tuner.toolchain.tools import run_tool

_TIMEOUT_S = 60.0
# An attribute that older releases know too, so that of an unsupported one only its version is wrong.
_CONFIGURED = """
module {
  func.func @configured() attributes {translation_info = #iree_codegen.export_config<workgroup_size = [1, 1, 1]>} {
    return
  }
}
"""
_MARK = "translation_info"


def check_plugin(plugin: Path, scratch: Path) -> Finding:
    """Runs a pass of the plugin that strips a function's configuration."""
    advice = "reinstall iree-tuner and its compiler: in its repository, pip install --force-reinstall ."
    module = scratch / "configured.mlir"
    module.write_text(_CONFIGURED)
    flags = [f"--load-pass-plugin={plugin}", "--pass-pipeline=builtin.module(iree-tuner-strip-configuration)"]
    try:
        result = run_tool("iree-opt", [str(module), *flags], timeout_s=_TIMEOUT_S, scratch=scratch)
    except ToolError as error:
        return wrong("plugin", f"iree-opt does not run with it ({error})", advice)
    if result.exit_code != 0:
        return wrong("plugin", f"iree-opt does not load {plugin} ({result.first_error})", advice)
    if _MARK in result.output or "@configured" not in result.output:
        return wrong("plugin", f"its passes do nothing in iree-opt ({plugin})", advice)
    return Finding("plugin", f"iree-opt loads it and its passes work ({plugin})")
