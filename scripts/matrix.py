# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the lit suite and the native tests under every supported IREE release.

One installed `tuner.native`, built once, serves all of them: the script prints the
digests of its two binaries, and checks that none of the runs changed them. Each release
is installed into a directory of its own, which then stands before everything else on
the import path; a run counts only when the compiler it loaded came from there.

    python scripts/matrix.py [RELEASE …]     default: 3.9.0 3.10.0 3.11.0 3.12.0 3.13.0

`IREE_TUNER_MATRIX_DIR` says where the releases are kept (default: build/matrix).
The exit code is 0 when every file passed under every release it is for.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RELEASES = ("3.9.0", "3.10.0", "3.11.0", "3.12.0", "3.13.0")
INSTALL_TIMEOUT_S = 900
RUN_TIMEOUT_S = 900
# What a lit test says of a release that its `REQUIRES` line rules out (lit_tests/lit.cfg.py).
_NOT_FOR_IT = "not for it"


def main(releases: list[str]) -> int:
    binaries = _binaries()
    digests = _digests(binaries)
    for path, digest in digests.items():
        print(f"{path.name}  sha256 {digest}")
    results: dict[str, dict[str, str]] = {}
    for release in releases:
        site = install(release)
        identity = _loaded_compiler(release, site)
        print(f"{release}: {identity['version']} from {identity['file']}", flush=True)
        results[release] = {
            **_missing_symbols(binaries, Path(identity["file"]).parent),
            **_run_lit(site),
            **_run_pytest(site),
        }
    if _digests(binaries) != digests:
        print("error: the binaries changed during the runs")
        return 1
    return _print_table(results)


def _binaries() -> list[Path]:
    # Found without importing it: that would load this environment's compiler.
    script = "import importlib.util\nprint(importlib.util.find_spec('tuner').submodule_search_locations[0])"
    folder = subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        cwd="/",
    ).stdout.strip()
    found = sorted(Path(folder, "native").glob("*.so"))
    if len(found) != 2:
        sys.exit(f"error: expected the plugin and the extension in {folder}/native: {found}")
    return found


def _digests(paths: list[Path]) -> dict[Path, str]:
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def install(release: str) -> Path:
    """Installs a release of IREE into a directory of its own, unless it is there."""
    base = Path(os.environ.get("IREE_TUNER_MATRIX_DIR", ROOT / "build" / "matrix"))
    site = base / f"iree-{release}"
    if not (site / "iree" / "compiler" / "version.py").exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        command += ["--target", str(site), f"iree-base-compiler=={release}"]
        command += [f"iree-base-runtime=={release}"]
        subprocess.run(command, check=True, timeout=INSTALL_TIMEOUT_S)
    return site


def environment(site: Path) -> dict[str, str]:
    """The variables by which a process loads that release."""
    inherited = os.environ.get("PYTHONPATH")
    path = [str(site), *([inherited] if inherited else [])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path)}


def _loaded_compiler(release: str, site: Path) -> dict[str, str]:
    script = (
        "import json, iree.compiler as c, iree.compiler.version as v\n"
        "print(json.dumps({'file': c.__file__, 'version': v.VERSION}))"
    )
    output = subprocess.run(
        [sys.executable, "-c", script],
        env=environment(site),
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    identity: dict[str, str] = json.loads(output)
    wanted = release.rsplit(".", 1)[0]
    if not identity["file"].startswith(str(site)) or not identity["version"].startswith(wanted + "."):
        sys.exit(f"error: asked for IREE {release} in {site}, got {identity}")
    return identity


def _missing_symbols(binaries: list[Path], compiler: Path) -> dict[str, str]:
    """Every symbol that our binaries leave to the compiler is one that it exports."""
    library = compiler / "_mlir_libs" / "libIREECompiler.so"
    exported = set(_symbols(library, "--defined-only"))
    wanted = {
        name
        for binary in binaries
        for name in _symbols(binary, "--undefined-only")
        if name.startswith(("mlir", "iree")) and not name.startswith("ireeTuner")
    }
    missing = sorted(wanted - exported)
    if missing:
        print(f"error: {library} lacks {', '.join(missing)}")
    return {f"symbols ({len(wanted)} needed)": "FAILED" if missing else "passed"}


def _symbols(library: Path, which: str) -> Iterator[str]:
    output = subprocess.run(
        ["nm", "--dynamic", which, str(library)],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    for line in output.splitlines():
        yield line.split()[-1].split("@")[0]


def _run_lit(site: Path) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch, "lit.json")
        finished = subprocess.run(
            [
                *(sys.executable, "-c", "from lit.main import main; main()", "-q", "-j2"),
                *("--output", str(report), str(ROOT / "lit_tests")),
            ],
            env={**environment(site), "IREE_TUNER_LIT_OUTPUT": scratch},
            capture_output=True,
            text=True,
            timeout=RUN_TIMEOUT_S,
        )
        if finished.returncode:
            print(finished.stdout + finished.stderr)
        if not report.exists():
            return {"lit_tests": "FAILED"}
        tests = json.loads(report.read_text())["tests"]
    cells = {"PASS": "passed", "UNSUPPORTED": _NOT_FOR_IT}
    return {"lit_tests/" + test["name"].split(" :: ")[-1]: cells.get(test["code"], test["code"]) for test in tests}


def _run_pytest(site: Path) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch, "pytest.xml")
        finished = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
                *(f"--junitxml={report}", "--confcutdir=tests/native", "tests/native"),
            ],
            env=environment(site),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=RUN_TIMEOUT_S,
        )
        if finished.returncode:
            print(finished.stdout + finished.stderr)
        if not report.exists():
            return {"tests/native": "FAILED"}
        cases = list(ElementTree.parse(report).iter("testcase"))
    counts: dict[str, dict[str, int]] = {}
    for case in cases:
        name = case.get("classname", "").replace(".", "/") + ".py"
        failed = case.find("failure") is not None or case.find("error") is not None
        skipped = case.find("skipped") is not None
        outcome = "failed" if failed else "skipped" if skipped else "passed"
        counts.setdefault(name, {}).setdefault(outcome, 0)
        counts[name][outcome] += 1
    results = {}
    for name, count in counts.items():
        if "failed" in count:
            results[name] = f"FAILED {count['failed']}"
        else:
            skipped_note = f" ({count['skipped']} skipped)" if "skipped" in count else ""
            results[name] = f"passed {count.get('passed', 0)}{skipped_note}"
    return results


def _print_table(results: dict[str, dict[str, str]]) -> int:
    files = sorted({name for column in results.values() for name in column})
    width = max(map(len, files))
    cells = {(f, r): results[r].get(f, "MISSING") for f in files for r in results}
    column = max(12, *(len(cell) + 2 for cell in cells.values()))
    print("\n" + "test file".ljust(width + 2) + "".join(r.ljust(column) for r in results))
    for name in files:
        print(name.ljust(width + 2) + "".join(cells[name, r].ljust(column) for r in results))
    apart = [cell for cell in cells.values() if cell == _NOT_FOR_IT]
    bad = [cell for cell in cells.values() if not cell.startswith("passed") and cell != _NOT_FOR_IT]
    verdict = f"{len(bad)} FAILED" if bad else "all passed" + (f" but {len(apart)} {_NOT_FOR_IT}" if apart else "")
    print(f"\n{len(files)} files, {len(results)} releases, one binary: {verdict}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or list(RELEASES)))
