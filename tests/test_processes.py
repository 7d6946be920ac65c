# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Scripts that call what starts processes: with a guard they may, without one they get one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CALL = "refuse_unguarded('tuner.tune()')"
IMPORT = "from tuner.processes import refuse_unguarded\n"
SENTENCE = (
    "tuner.errors.InputError: tuner.tune() starts processes, which import the script again:"
    " call it under `if __name__ == '__main__':`"
)


def run(*arguments: str, folder: Path, text: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        input=text,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


@pytest.mark.parametrize(
    "script",
    [
        f"{CALL}\n",
        f"def main():\n    {CALL}\n\nmain()\n",
        f"import sys\nif len(sys.argv) < 2:\n    {CALL}\n",
        f"for number in range(1):\n    print({CALL})\n",
        # The guard comes too late.
        f"{CALL}\nif __name__ == '__main__':\n    pass\n",
    ],
)
def test_a_script_without_a_guard_gets_one_sentence(script: str, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(IMPORT + script)
    done = run("script.py", folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == SENTENCE
    assert len(done.stderr.splitlines()) < 14


@pytest.mark.parametrize(
    "script",
    [
        f"if __name__ == '__main__':\n    {CALL}\n",
        f"def main():\n    {CALL}\n\nif '__main__' == __name__:\n    main()\n",
        f"import sys\nif __name__ != '__main__':\n    sys.exit()\n{CALL}\n",
        f"import multiprocessing\nif multiprocessing.parent_process() is None:\n    {CALL}\n",
        "from threading import Thread\nThread(target=refuse_unguarded, args=('tuner.tune()',)).start()\n",
    ],
)
def test_a_script_with_a_guard_may_start_processes(script: str, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(IMPORT + script)
    done = run("script.py", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_no_process_imports_needs_no_guard(tmp_path: Path) -> None:
    assert run("-c", IMPORT + CALL, folder=tmp_path).stderr == ""
    assert run("-", folder=tmp_path, text=IMPORT + CALL).stderr == ""
    package = tmp_path / "package"
    package.mkdir()
    (package / "__main__.py").write_text(IMPORT + CALL)
    assert run("-m", "package", folder=tmp_path).stderr == ""


def test_processes_of_a_script_from_standard_input_look_for_no_file(tmp_path: Path) -> None:
    """Python calls its file `<stdin>`, and a spawned process would import that."""
    script = "import multiprocessing\nmultiprocessing.get_context('spawn').Process(target=print, args=(1,)).start()\n"
    assert "<stdin>" in run("-", folder=tmp_path, text=script).stderr
    done = run("-", folder=tmp_path, text=f"{IMPORT}{CALL}\n{script}")
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_a_module_that_is_run_by_name_needs_one(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(IMPORT + CALL)
    assert run("-m", "script", folder=tmp_path).stderr.splitlines()[-1] == SENTENCE


def test_a_process_that_imports_a_script_that_hid_its_call_ends(tmp_path: Path) -> None:
    """It looks guarded, but the condition holds for whoever imports it."""
    (tmp_path / "script.py").write_text(
        f"import multiprocessing\n{IMPORT}def nothing(): pass\n"
        f"if __name__:\n    {CALL}\n"
        "    process = multiprocessing.get_context('spawn').Process(target=nothing)\n"
        "    process.start()\n    process.join()\n    print(process.exitcode)\n"
    )
    done = run("script.py", folder=tmp_path)
    assert done.stdout == "1\n"
    assert done.stderr.splitlines() == [SENTENCE.removeprefix("tuner.errors.InputError: ")]
