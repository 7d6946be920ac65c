# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How to run the lit suite: stock iree-opt with our plugin, checked by filecheck.

Substitutions:

- `tuner-opt`: iree-opt with the plugin loaded;
- `not COMMAND`: fails if the command succeeds;
- `%for_release FILE`: prints a test with the placeholders `@…@` spelled as the release
  under test spells them, so that one file serves every release.
"""

import os
import shutil
import sys
from pathlib import Path

import iree.compiler
import iree.compiler.version
import lit.formats

config.name = "iree-tuner"
config.test_format = lit.formats.ShTest(False)
config.suffixes = [".mlir", ".test"]
config.test_source_root = str(Path(__file__).parent)
config.test_exec_root = os.environ.get("IREE_TUNER_LIT_OUTPUT", str(Path(__file__).parent / "Output"))


def _tool(name: str) -> str:
    beside_python = Path(sys.executable).parent / name
    found = str(beside_python) if beside_python.exists() else shutil.which(name)
    if not found:
        lit_config.fatal(f"{name} is neither beside {sys.executable} nor on PATH")
    return found


def _iree_opt() -> str:
    # The binary itself: the iree-opt on PATH is a Python script that starts it.
    return str(Path(iree.compiler.__file__).parent / "_mlir_libs" / "iree-opt")


def _plugin() -> str:
    given = os.environ.get("IREE_TUNER_PLUGIN")
    if given:
        return given
    from tuner.native import plugin_path

    return str(plugin_path())


def _spellings() -> dict[str, str]:
    release = tuple(int(part) for part in iree.compiler.version.VERSION.split(".")[:2])
    new_pipelines = release >= (3, 12)
    new_marks = release >= (3, 11)
    return {
        "REMARK": "remark" if release >= (3, 13) else "error",
        "CPU_PIPELINE": "#iree_cpu.pipeline<DoubleTilingExpert>" if new_pipelines else "CPUDoubleTilingExpert",
        "GPU_PIPELINE": "#iree_gpu.pipeline<TileAndFuse>" if new_pipelines else "LLVMGPUTileAndFuse",
        "ROOT_OP": "#iree_codegen.root_op<set = 0>" if new_marks else "unit",
    }


_sed = " ".join(f"-e 's/@{name}@/{text}/g'" for name, text in _spellings().items())
config.substitutions += [
    ("%for_release", f"sed {_sed}"),
    ("tuner-opt", f"{_iree_opt()} --load-pass-plugin={_plugin()}"),
    ("not ", "! "),
    ("filecheck", _tool("filecheck")),
]
for _variable in ("LD_PRELOAD", "ASAN_OPTIONS", "UBSAN_OPTIONS", "PYTHONPATH"):
    if _variable in os.environ:
        config.environment[_variable] = os.environ[_variable]

# Lists of passes, and what ours do in them, are derived for one release at a time.
if tuple(int(part) for part in iree.compiler.version.VERSION.split(".")[:2]) >= (3, 13):
    config.available_features.add("pass-lists")
config.excludes = ["inputs"]
config.maxIndividualTestTime = 60
