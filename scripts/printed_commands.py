# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the commands of docs/commands.md and tutorial that take too long for `test_docs.py`, as they are printed.

    make test-printed

Ten to fifteen minutes on 2 cores. `make demo` runs in a fresh clone of what is committed. The files that the others
name are made before: small models, and specs of runs of them; HOST is this machine, with a Ray cluster that ends with
its command.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import samples
from places import ROOT
from printed import blocks

PAGES = ("docs/commands.md", "docs/tutorial.md")
TIMEOUT_S = 3600
# The first command of README, which leaves nothing that git sees; what it says to do next; the demo's own commands.
DEMO = (
    "make demo",
    'test -z "$(git status --porcelain)"',
    ". .venv/bin/activate && iree-tune doctor",
    ". .venv/bin/activate && iree-tune report iree-tuner-demo/run -o iree-tuner-demo/report.html",
)
# What stands before the commands of a page: files as the text around the commands has them.
BEFORE = {
    "docs/commands.md": (
        "iree-tune run examples/small_network.mlir -o small.mlir --trials 4 --keep-flags",
        "iree-tune run model.mlir -o a.mlir --trials 8 --keep-flags",
        "iree-tune run other.mlir -o b.mlir --trials 8 --keep-flags",
        "cp b.mlir others.mlir",
    ),
    "docs/tutorial.md": ("iree-tune run examples/small_network.mlir -o network-spec.mlir --trials 20 --keep-flags",),
}
# What `iree-tune compile` of the commands is given: a spec with a late part.
LATE = "iree-tune run model.mlir -o spec.mlir --trials 4 --keep-flags && cp small.late.mlir spec.late.mlir"
HOST = "127.0.0.1"
PORT = 6379
RESOURCE = "iree-tuner-cpu"
CLUSTER_STARTS_S = 60
# `iree-tune check` says by exit code 1 that an entry does not hold, which can be so on a busy machine.
MAY_SAY = {"check": (0, 1)}
# What a machine without an NVIDIA GPU says to a line that measures on one, with exit code 2.
NO_GPU = "this machine has no NVIDIA driver"
# Lines for other shells set them up with what this prints, which is all of them that bash can run.
OTHER_SHELLS = re.compile(r"_IREE_TUNE_COMPLETE=(?:zsh|fish)_source iree-tune")
# Commands are found as in an activated environment; a cluster of this machine alone asks for no token.
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    "RAY_AUTH_MODE": "disabled",
}


def write_onnx(path: Path) -> None:
    """A product with open sizes `batch` and `tokens`."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = numpy_helper.from_array(np.ones((64, 96), dtype=np.float32), "weights")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "weights"], ["y"])],
        "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", "tokens", 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", "tokens", 96])],
        [weights],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))


def run(line: str, folder: Path) -> None:
    """Raises SystemExit where a command fails."""
    started = time.monotonic()
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", line],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=ENVIRONMENT,
        timeout=TIMEOUT_S,
    )
    print(f"{done.returncode}  {time.monotonic() - started:6.1f} s  {line}", flush=True)
    has_no_gpu = done.returncode == 2 and NO_GPU in done.stderr
    if done.returncode not in MAY_SAY.get(line.split()[1], (0,)) and not has_no_gpu:
        raise SystemExit(f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}")


@contextmanager
def cluster() -> Iterator[None]:
    """A Ray cluster of this machine, started as docs/machines.md does; it ends with the block, and no other cluster."""
    head = subprocess.Popen(
        [
            *(
                "ray",
                "start",
                "--head",
                "--block",
                f"--port={PORT}",
                "--include-dashboard=false",
                "--disable-usage-stats",
            ),
            f'--resources={{"{RESOURCE}": 1}}',
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=ENVIRONMENT,
    )
    try:
        status = ["ray", "status", f"--address={HOST}:{PORT}"]
        until = time.monotonic() + CLUSTER_STARTS_S
        while (
            RESOURCE not in subprocess.run(status, capture_output=True, text=True, check=False, env=ENVIRONMENT).stdout
        ):
            if head.poll() is not None or time.monotonic() > until:
                raise SystemExit(
                    f"ray start: no cluster at {HOST}:{PORT} after {CLUSTER_STARTS_S} s; is the port in use?"
                )
            time.sleep(1)
        yield
    finally:
        head.terminate()
        head.wait()


def demo() -> None:
    with tempfile.TemporaryDirectory(prefix="printed-") as name:
        clone = Path(name) / "clone"
        run(f"git clone --quiet '{ROOT}' '{clone}'", Path(name))
        for line in DEMO:
            run(line, clone)


def page_commands(page: str) -> None:
    """In one folder, which has the examples."""
    with tempfile.TemporaryDirectory(prefix="printed-") as name:
        folder = Path(name)
        shutil.copytree(ROOT / "examples", folder / "examples")
        (folder / "model.mlir").write_text(samples.matmul(48, 64, 32))
        (folder / "other.mlir").write_text(samples.matmul(101, 211, 103))
        write_onnx(folder / "model.onnx")
        for line in BEFORE[page]:
            run(line, folder)
        for block in blocks(page):
            for line in block.text.replace("\\\n", " ").splitlines() if block.not_run else ():
                if line.startswith("iree-tune compile"):
                    run(LATE, folder)
                if prints := OTHER_SHELLS.search(line):
                    line = prints[0]
                with cluster() if "--ray" in line else nullcontext():
                    run(line.replace("HOST", HOST), folder)


def main() -> None:
    demo()
    for page in PAGES:
        page_commands(page)
    print("Every printed command ended as it may.")


if __name__ == "__main__":
    main()
