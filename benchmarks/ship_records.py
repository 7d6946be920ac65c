# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the records that ship with the package out of recorded pools.

    python benchmarks/ship_records.py

The files of the H200 in `benchmarks/results` are of `gpu_suite.py`, those of CPUs of `record_pools.py`:
`cpu-pools.jsonl` (AVX-512), `cpu-pools-avx2.jsonl`, and `cpu-pools-more.jsonl` of other operations, with both. Run
those to record anew. Knobs of older spaces take the names that they have now. The records go to the source tree;
install the package again for them. The last line is one JSON object: of each file that was written its pools, its rows
and its bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tuner.dispatch import form_of
from tuner.knowledge.records import RecordedPool, write_records
from tuner.knowledge.traits import Machine

RESULTS = Path(__file__).parent / "results"
SHIPPED = Path(__file__).parent.parent / "python" / "tuner" / "knowledge" / "shipped"
FILES = {
    "cpu.jsonl": ("cpu-pools.jsonl", "cpu-pools-avx2.jsonl", "cpu-pools-more.jsonl"),
    "h200.jsonl": ("h200.jsonl", "h200-warpgroups.jsonl", "h200-attention.jsonl"),
}
# The streaming multiprocessors of an H200, and the widest load of a thread: NVIDIA's data sheet of the H200.
H200 = Machine(132, 16)
# The instructions of a CPU whose vectors have so many bytes.
_VECTORS = {32: "AVX2", 64: "AVX-512"}
# Knobs of the space that h200.jsonl is of, which have other names now. `space` was the suite's own.
_RENAMED = {"waves_per_eu": "occupancy", "no_reduce_shared_memory_bank_conflicts": "unpadded"}
_DROPPED = ("space",)


def read_pools(path: Path) -> Iterator[RecordedPool]:
    """The pools of a file of results, rows and times in the order of their knobs. One without a problem is left out."""
    for line in path.read_text().splitlines():
        result = json.loads(line)
        if "problem" in result:
            yield recorded(result)


def recorded(result: Mapping[str, Any]) -> RecordedPool:
    """The pool of a result: the points of the search and the random ones, each once, those that failed too."""
    form_of(result["problem"])
    loops = list(form_of(result["problem"])[1])
    # Older records name the loop of a knob by its number.
    names = [
        re.sub(r"(?<=[a-z])(\d+)$", lambda match: f"[{loops[int(match[1])]}]", _RENAMED.get(name, name))
        for name in result["knobs"]
    ]
    kept = [column for column, name in enumerate(names) if name not in _DROPPED]
    times: dict[tuple[int, ...], float] = {}
    for *point, time_s in (*result["random_points"], *result["tuned_points"]):
        times[tuple(int(point[column]) for column in kept)] = float("nan") if time_s is None else time_s
    rows = sorted(times)
    is_cpu = result.get("target") == "cpu"
    return RecordedPool(
        name=result["name"],
        problem=result["problem"],
        target="cpu" if is_cpu else "cuda",
        device=f"{result['processor']} with {_VECTORS[result['vector_bytes']]}" if is_cpu else "NVIDIA H200",
        compiler=result.get("compiler", "3.13.0"),
        machine=Machine(1, result["vector_bytes"]) if is_cpu else H200,
        knobs=tuple(names[column] for column in kept),
        rows=np.array(rows, dtype=np.int64),
        times_s=np.array([times[row] for row in rows]),
        default_s=result["default_s"],
    )


def main() -> None:
    SHIPPED.mkdir(exist_ok=True)
    written = {}
    for name, sources in FILES.items():
        pools = [pool for source in sources for pool in read_pools(RESULTS / source)]
        write_records(SHIPPED / name, pools)
        size = (SHIPPED / name).stat().st_size
        written[name] = {"pools": len(pools), "rows": sum(len(pool.rows) for pool in pools), "bytes": size}
    print(json.dumps(written))


if __name__ == "__main__":
    main()
