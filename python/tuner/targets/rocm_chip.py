# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which AMD GPUs this machine has, as the Linux driver lists them."""

from __future__ import annotations

from pathlib import Path

_TOPOLOGY = Path("/sys/class/kfd/kfd/topology/nodes")


def find_chips(topology: Path = _TOPOLOGY) -> tuple[str, ...]:
    """The chips of the GPUs in the driver's order, as in `gfx942`; none without such a driver.

    The driver writes 90402 for gfx942: major, minor and stepping, two digits each. The name has the latter two in
    hexadecimal. CPUs are listed with 0.
    Source: Linux, `gfx_target_version` in drivers/gpu/drivers/amd/amdkfd.
    """
    chips = []
    for node in sorted(topology.glob("*/properties"), key=lambda path: int(path.parent.name)):
        try:
            properties = dict(line.split(maxsplit=1) for line in node.read_text().splitlines() if " " in line)
        except OSError:
            continue
        version = int(properties.get("gfx_target_version", "0"))
        if version:
            chips.append(f"gfx{version // 10000}{version // 100 % 100:x}{version % 100:x}")
    return tuple(chips)
