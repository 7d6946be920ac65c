# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""GPU targets, and the matrix-multiply intrinsics that they offer."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuner.native._host import core, ir

if TYPE_CHECKING:
    from iree.compiler.ir import Attribute, Context, Type


@dataclass(frozen=True, slots=True)
class LaneLayout:
    """How the lanes of a subgroup hold one operand of an intrinsic.

    Along dimension d the operand has `outer[d] * thread[d] * element[d]` elements: `outer`
    repetitions of `thread` lanes that hold `element` neighbours each. The lane at position
    (i, j, …) of the lanes' grid has the number `i * strides[0] + j * strides[1] + …`.
    Dimensions are those of the operand, lhs [M, K], rhs [K, N], accumulator [M, N];
    intrinsics of several blocks have the block in front.

    If the grid has fewer positions than the subgroup has lanes, several lanes have the same
    position. They hold the same elements (RDNA3's WMMA), or share them evenly (VDMFMA).
    """

    outer: tuple[int, ...]
    thread: tuple[int, ...]
    strides: tuple[int, ...]
    element: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MMAIntrinsic:
    """A matrix-multiply instruction of a GPU, lhs `[m, k]`, rhs `[k, n]`, accumulator `[m, n]`.

    Attributes:
        name: IREE's name, such as `MFMA_F32_16x16x16_F16`.
        number: IREE's number of it, which no other intrinsic has, virtual or not.
        virtual: whether IREE composes it of several instructions.
        m, n, k: its shape in elements, as IREE reports it. Of an intrinsic of several
            blocks IREE reports the number of blocks as m; its layouts give the true shape.
        lhs_type, rhs_type, acc_type: element types.
        subgroup_size: the lanes that execute it together.
        lhs_layout, rhs_layout, acc_layout: None if IREE keeps them opaque (NVIDIA WMMA).
        mma_kind: the attribute that a lowering configuration holds as `mma_kind`.
    """

    name: str
    number: int
    virtual: bool
    m: int
    n: int
    k: int
    lhs_type: Type
    rhs_type: Type
    acc_type: Type
    subgroup_size: int
    lhs_layout: LaneLayout | None
    rhs_layout: LaneLayout | None
    acc_layout: LaneLayout | None
    mma_kind: Attribute

    @property
    def blocks(self) -> int:
        """How many products it computes side by side."""
        layout = self.lhs_layout
        if layout is None or len(layout.thread) == 2:
            return 1
        return layout.outer[0] * layout.thread[0] * layout.element[0]


def mma_intrinsic(name: str | int, context: Context) -> MMAIntrinsic:
    """The intrinsic of that name or number, virtual ones included.

    Raises:
        ValueError: this IREE release knows no such intrinsic.
    """
    if isinstance(name, int):
        name = next((each for each, (number, _) in _intrinsic_names().items() if number == name), str(name))
    if name not in _intrinsic_names():
        raise ValueError(f"this IREE release knows no intrinsic {name!r}")
    kind = "virtual_mma_intrinsic" if _intrinsic_names()[name][1] else "mma_intrinsic"
    return _read_intrinsic(core.parse_attribute(f"#iree_gpu<{kind} {name}>", context))


def mma_intrinsics(context: Context) -> tuple[MMAIntrinsic, ...]:
    """Every intrinsic that this IREE release knows; a target offers some of them."""
    return tuple(mma_intrinsic(name, context) for name in _intrinsic_names())


@functools.cache
def _intrinsic_names() -> Mapping[str, tuple[int, bool]]:
    """Each intrinsic's name, its number and whether it is virtual, in the order of IREE's values."""
    # Not from IREE's Python enumerations: before 3.12 `iree_gpu` and `linalg` register a
    # builder of the same name. A RuntimeError follows if both are imported, or one of them
    # and ops of the other are walked.
    return {name: (number, virtual) for name, number, virtual in core.mma_names(ir.Context())}


def _read_intrinsic(attribute: Attribute) -> MMAIntrinsic:
    name, virtual = core.mma_name(attribute)
    layouts = []
    for operand in range(3):
        layout = core.mma_layout(attribute, operand)
        layouts.append(None if layout is None else LaneLayout(*map(tuple, layout)))
    m, n, k = core.mma_shape(attribute)
    lhs_type, rhs_type, acc_type = core.mma_element_types(attribute)
    return MMAIntrinsic(
        name=name,
        number=_intrinsic_names()[name][0],
        virtual=virtual,
        m=m,
        n=n,
        k=k,
        lhs_type=lhs_type,
        rhs_type=rhs_type,
        acc_type=acc_type,
        # No function of IREE returns it. Source: IREE, getIntrinsicSubgroupSize in IREEGPUAttrs.cpp.
        subgroup_size=64 if "MFMA" in name else 32,
        lhs_layout=layouts[0],
        rhs_layout=layouts[1],
        acc_layout=layouts[2],
        mma_kind=core.mma_attr(attribute),
    )


@dataclass(frozen=True, slots=True)
class GPUTarget:
    """What a `#hal.executable.target` says of its GPU.

    Attributes:
        arch: such as `gfx942` or `sm_80`.
        subgroup_sizes: the lanes a subgroup may have.
        max_workgroup_sizes: the most threads along x, y and z.
        max_threads_per_workgroup: the most threads in all.
        max_shared_memory_bytes: the most shared memory of one workgroup.
        workgroup_processors: compute units or multiprocessors; None if not given.
        simds_per_workgroup_processor: None if not given.
        mma_intrinsics: those that it offers, virtual ones included.
    """

    arch: str
    subgroup_sizes: tuple[int, ...]
    max_workgroup_sizes: tuple[int, ...]
    max_threads_per_workgroup: int
    max_shared_memory_bytes: int
    workgroup_processors: int | None
    simds_per_workgroup_processor: int | None
    mma_intrinsics: tuple[MMAIntrinsic, ...]


def gpu_target(target: Attribute) -> GPUTarget | None:
    """The GPU of a `#hal.executable.target`; None if there is none (llvm-cpu).

    Raises:
        ValueError: another kind of attribute.
    """
    info = core.gpu_target_info(target)
    if info is None:
        return None
    arch, subgroups, workgroup, threads, memory, intrinsics, processors, simds = info
    return GPUTarget(
        arch=arch,
        subgroup_sizes=tuple(subgroups),
        max_workgroup_sizes=tuple(workgroup),
        max_threads_per_workgroup=threads,
        max_shared_memory_bytes=memory,
        workgroup_processors=processors or None,
        simds_per_workgroup_processor=simds or None,
        mma_intrinsics=tuple(_read_intrinsic(attribute) for attribute in intrinsics),
    )
