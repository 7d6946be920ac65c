# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes a spec under an older release of IREE and checks it under the installed one: a verdict for every entry.

    python scripts/upgrade.py [RELEASE]     default: 3.12.0

The release is kept where `scripts/matrix.py` keeps its own. The exit code is 0 when every entry has a verdict and the
exit code of the check agrees with them. Prints what `iree-tune check` says.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import matrix

NETWORK = matrix.ROOT / "examples" / "small_network.mlir"


def main(release: str) -> int:
    site = matrix.install(release)
    with tempfile.TemporaryDirectory() as folder:
        spec, run, check = (Path(folder, name) for name in ("spec.mlir", "run", "check"))
        made = ["run", str(NETWORK), "-o", str(spec), "--trials", "20", "--run-dir", str(run)]
        subprocess.run([sys.executable, "-m", "tuner", *made], env=matrix.environment(site), check=True, timeout=900)
        late = spec.with_name("spec.late.mlir")
        specs = [str(each) for each in (spec, late) if each.exists()]
        checked = ["check", str(NETWORK), *specs, "--run-dir", str(check)]
        code = subprocess.run([sys.executable, "-m", "tuner", *checked], check=False, timeout=900).returncode
        report = json.loads((check / "check.json").read_text())
        tuned = json.loads((run / "result.json").read_text())["dispatches"]
    print(f"made under {release}: {len(report['entries'])} entries, exit code {code}")
    said = any(f"iree-compile was {release}" in note for note in report["notes"])
    judged = all(entry["verdict"] and entry["detail"] for entry in report["entries"])
    all_there = len(report["entries"]) == sum(dispatch["winner"] is not None for dispatch in tuned) > 0
    return 0 if said and judged and all_there and report["passed"] == (code == 0) else 1


if __name__ == "__main__":
    sys.exit(main(*(sys.argv[1:] or ["3.12.0"])))
