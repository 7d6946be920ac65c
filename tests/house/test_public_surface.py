# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What other packages import of ours: exactly these names. `tuner.tune()` takes exactly the fields of its options."""

from __future__ import annotations

import importlib
import inspect
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

import tuner
from tuner.options import Options, SpaceOption, TuneOptions

SURFACE = {
    "tuner": "DeviceLostError InputError MeasurementError ToolError TunerError tune tune_callable",
    "tuner.callables": "Build CallableResult Check Functions Inputs Run Timer",
    "tuner.constraints": """
        ABSENT ConstraintError Knob Pool Rule Space SpaceTooLargeError enumerate_space explain_empty find_pool
        read_smtlib sample_by_solver sample_space_filling sample_uniform united violated_rules write_smtlib
    """,
    "tuner.measuring": """
        DispatchProgram FunctionProgram ProgramCrashedError ProgramKilledError ProgramSource ProgramTimedOutError Runner
        Tolerance Transport Verification compare
    """,
    "tuner.model_flags": "DEFAULT FlagKnob Host ModelFlags parse_pins",
    "tuner.model.frontends": "GROUP FrontEnd ProgramFrontEnd check_installed front_end_of write_program",
    "tuner.op_choices": """
        GROUP InputOp OpChoice OpChoiceKind Rewriting flags_of is_needed_flag kinds
    """,
    "tuner.problems": "SUFFIX is_list module_of write_list",
    "tuner.search": "NO_PRIOR Prior Strategy best_before unasked",
    "tuner.spaces": "GROUP SpaceBuilder find",
    "tuner.kinds": "GROUP Kind find matcher",
    "tuner.report.formats": "ComparingFormat File Format",
    "tuner.targets": """
        Allocator Attributes Compilation Device DeviceFacts GpuLimits Limits MatrixIntrinsic Place Target
        allocator_flags
    """,
    "tuner.testing": """
        DEVICE Behaviour Course MadeUp RecordedRun RecordedStore Recording Replay ReplayedProgram Slip
    """,
    "tuner.testing.contracts": "FormatContract KindContract SpaceContract StrategyContract TargetContract",
}


@pytest.mark.parametrize("package", SURFACE)
def test_a_package_exports_exactly_these_names(package: str) -> None:
    module = importlib.import_module(package)
    assert sorted(module.__all__) == sorted(SURFACE[package].split())


@pytest.mark.parametrize("package", SURFACE)
def test_what_is_exported_is_there_and_says_what_it_is(package: str) -> None:
    module = importlib.import_module(package)
    for name in module.__all__:
        exported = getattr(module, name)
        if inspect.isclass(exported) or inspect.isfunction(exported):
            assert exported.__doc__, f"{package}.{name}"


def test_the_keywords_of_tune_are_the_options() -> None:
    """Each takes the values of its field; text also stands for a path, and a list for a tuple.

    Several paths may be any sequence, one path, or none; several values of a knob any sequence, or one value.
    """
    declared, keywords = get_type_hints(Options), get_type_hints(TuneOptions)
    assert list(keywords) == [field.name for field in fields(Options)]
    more: dict[object, set[object]] = {
        Path: {str},
        tuple[str, ...]: {list[str]},
        tuple[SpaceOption, ...]: {list[SpaceOption]},
    }
    assert declared.pop("store") == declared.pop("start_from") == tuple[Path, ...]
    assert keywords["start_from"] == Sequence[str | Path]
    assert declared.pop("records") == tuple[Path, ...] | None
    assert keywords["records"] == Sequence[str | Path] | None
    assert declared.pop("fixes") == Mapping[str, int | tuple[int, ...]]
    assert keywords["fixes"] == Mapping[str, int | Sequence[int]]
    assert set(get_args(keywords["store"])) == {str, Path, Sequence[str | Path], type(None)}
    for name, kind in declared.items():
        kinds: set[object] = set(get_args(kind)) if Path in get_args(kind) else {kind}
        wanted = kinds.union(*(more.get(one, set()) for one in kinds))
        found: set[object] = set(get_args(keywords[name])) if len(wanted) > 1 else {keywords[name]}
        assert found == wanted, name


def test_a_misspelt_keyword_is_an_error_for_mypy(tmp_path: Path) -> None:
    code = "import tuner\ntuner.tune('model.mlir', trials=3, run_dir='run')\ntuner.tune('model.mlir', trails=3)\n"
    (tmp_path / "script.py").write_text(code)
    # Only the signature counts: of our modules these two alone are read, beside the script.
    (tmp_path / "tuner").mkdir()
    for name in ("__init__.py", "options.py"):
        shutil.copy(Path(tuner.__file__).with_name(name), tmp_path / "tuner")
    command = [sys.executable, "-m", "mypy", "--follow-imports=skip", "script.py", "tuner"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert 'script.py:3: error: Unexpected keyword argument "trails" for "tune"' in done.stdout, done.stdout
    assert "script.py:2" not in done.stdout
