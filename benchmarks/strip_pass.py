# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times our strip pass against IREE's own, in one process, on a large module.

    python benchmarks/strip_pass.py [--ops 10000] [--repetitions 31]

Half of the ops are configured linalg ops, half are others, in functions of 100 ops.
The two passes take turns, always on a fresh copy. The ratio is that of the medians: ours / IREE's.
The verifier that a pass manager runs after each pass costs more than either pass and is off;
`--verifier` leaves it on.
"""

from __future__ import annotations

import argparse
import statistics
import time

import iree.compiler.version
from iree.compiler import ir
from iree.compiler.passmanager import PassManager

from tuner import native

OURS = "builtin.module(iree-tuner-strip-configuration)"
IREES = "builtin.module(iree-codegen-strip-compilation-info)"
OPS_PER_FUNCTION = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--ops", type=int, default=10_000)
    parser.add_argument("--repetitions", type=int, default=31)
    parser.add_argument("--verifier", action="store_true")
    options = parser.parse_args()
    native.register_passes()
    with ir.Context() as context:
        module = ir.Module.parse(_module(options.ops), context)
        configured = len(native.configured_ops(module))
        times: dict[str, list[float]] = {OURS: [], IREES: []}
        managers = {name: PassManager.parse(name, context) for name in times}
        for manager in managers.values():
            manager.enable_verifier(options.verifier)
        for _ in range(options.repetitions + 1):
            for name, manager in managers.items():
                fresh = module.operation.clone()
                start = time.perf_counter()
                manager.run(fresh)
                times[name].append(time.perf_counter() - start)
                left = len(native.configured_ops(fresh))
                assert left == 0, f"{name} left {left} configurations"
    print(f"IREE {iree.compiler.version.VERSION}, {options.ops} ops, {configured} of them configured")
    medians = {}
    for name, samples in times.items():
        samples = samples[1:]  # The first sample includes loading and warming up.
        medians[name] = statistics.median(samples)
        low, high = min(samples) * 1e3, max(samples) * 1e3
        print(f"{name:55} median {medians[name] * 1e3:7.3f} ms  ({low:.3f} to {high:.3f})")
    print(f"ratio ours / IREE's: {medians[OURS] / medians[IREES]:.2f}")


def _module(num_ops: int) -> str:
    configured = (
        "%{n} = linalg.fill {{lowering_config = #iree_cpu.lowering_config<distribution = [{tile}]>}} "
        "ins(%x : f32) outs(%t : tensor<64xf32>) -> tensor<64xf32>"
    )
    other = "%{n} = arith.addf %x, %x : f32"
    functions = []
    for index in range(num_ops // OPS_PER_FUNCTION):
        lines = [(configured if n % 2 else other).format(n=n, tile=n % 7 + 1) for n in range(OPS_PER_FUNCTION)]
        functions.append(f"func.func @f{index}(%x: f32, %t: tensor<64xf32>) {{\n" + "\n".join(lines) + "\nreturn\n}")
    return "\n".join(functions)


if __name__ == "__main__":
    main()
