# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A Ray cluster of two nodes on this machine, each with one processor and one device.

Prints its address and how many nodes there are, then obeys: a line "kill" kills the second node as a crash would. It
ends with its input.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, cast


class Nodes:
    """The cluster, in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.address = str(json.loads(self._pipe(process.stdout).readline())["address"])

    def kill_second(self) -> None:
        """As if its machine had lost power."""
        stdin = self._pipe(self._process.stdin)
        stdin.write("kill\n")
        stdin.flush()
        assert json.loads(self._pipe(self._process.stdout).readline()) == {"killed": True}

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None
        return pipe


@contextmanager
def two_nodes(resource: str = "iree-tuner-cpu") -> Iterator[Nodes]:
    """Starts the cluster and ends it."""
    process = subprocess.Popen(
        [sys.executable, __file__, resource],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield Nodes(process)
    finally:
        process.communicate(timeout=60)


def main() -> None:
    from ray.cluster_utils import Cluster

    said = cast(IO[str], sys.__stdout__)
    # Ray itself talks on stdout.
    sys.stdout = sys.stderr
    each = {"num_cpus": 1, "resources": {sys.argv[1]: 1}}
    cluster = Cluster(initialize_head=True, head_node_args={**each, "include_dashboard": False})
    second = cluster.add_node(**each)
    said.write(json.dumps({"address": cluster.address}) + "\n")
    said.flush()
    for line in sys.stdin:
        if line.strip() == "kill":
            second.kill_raylet(check_alive=False)
            said.write(json.dumps({"killed": True}) + "\n")
            said.flush()
    cluster.shutdown()


if __name__ == "__main__":
    main()
