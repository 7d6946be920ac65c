# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Problems and limits for tests, by target, without a compiler."""

from __future__ import annotations

from dataclasses import replace

from tuner.dispatch import Loop, Operand, Problem
from tuner.targets import GpuLimits, Limits, MatrixIntrinsic
from tuner.targets.nvidia import HOPPER_MEMORY_BYTES

CPU_LIMITS = (Limits(vector_bytes=16, threads=1), Limits(vector_bytes=64, threads=4, microkernels=True))
# What the compiler states of these chips, without the types that no problem here has.
SM_80 = GpuLimits(
    chip="sm_80",
    subgroup_sizes=(32,),
    max_workgroup_sizes=(1024, 1024, 1024),
    max_workgroup_threads=1024,
    shared_memory_bytes=166912,
    processors=None,
    intrinsics=(MatrixIntrinsic("NV_MMA_SYNC_F32_16x8x16_F16", 0x2020, 16, 8, 16, "f16", "f16", "f32", 32, False),),
)
SM_90 = replace(SM_80, processors=132, warpgroup_memory_bytes=HOPPER_MEMORY_BYTES)
GFX942 = GpuLimits(
    chip="gfx942",
    subgroup_sizes=(64,),
    max_workgroup_sizes=(1024, 1024, 1024),
    max_workgroup_threads=1024,
    shared_memory_bytes=65536,
    processors=None,
    intrinsics=(
        MatrixIntrinsic("MFMA_F32_16x16x4_F32", 0x1010, 16, 16, 4, "f32", "f32", "f32", 64, False),
        MatrixIntrinsic("MFMA_F32_16x16x16_F16", 0x1020, 16, 16, 16, "f16", "f16", "f32", 64, False),
        MatrixIntrinsic("MFMA_F32_32x32x8_F16", 0x1021, 32, 32, 8, "f16", "f16", "f32", 64, False),
    ),
    occupancies=(0, 2),
)
# By target: limits of devices that its spaces are tried with.
LIMITS: dict[str, tuple[Limits, ...]] = {
    "cpu": CPU_LIMITS,
    "cuda": (Limits(0, 1, SM_80), Limits(0, 1, SM_90)),
    "rocm": (Limits(0, 1, GFX942),),
}


def problem(
    kind: str,
    loops: list[tuple[str, int]],
    *operands: tuple[int, ...],
    types: tuple[str, ...] = ("f32",),
) -> Problem:
    """A problem by its loops (role and extent) and, for each operand, the loop of each dimension (-1: not one alone).

    `types`: element types of the operands; one stands for all.
    """
    types = types * len(operands) if len(types) == 1 else types
    return Problem(
        kind,
        tuple(Loop(extent, role) for role, extent in loops),
        tuple(Operand(name, "", loops_of) for name, loops_of in zip(types, operands, strict=True)),
    )


FOR_CPUS = (
    problem("contraction", [("m", 96), ("n", 128), ("k", 64)], (0, 2), (2, 1), (0, 1)),
    problem("contraction", [("batch", 3), ("m", 7), ("n", 13), ("k", 5)], (0, 1, 3), (0, 3, 2), (0, 1, 2)),
    problem(
        "convolution",
        [("batch", 2), ("image", 14), ("image", 28), ("channel", 64), ("window", 3), ("window", 3), ("k", 32)],
        (0, -1, -1, 6),
        (4, 5, 6, 3),
        (0, 1, 2, 3),
    ),
    problem(
        "convolution",
        [("batch", 1), ("image", 13), ("channel", 5), ("window", 7), ("k", 3)],
        (0, -1, 4),
        (3, 4, 2),
        (0, 1, 2),
    ),
    problem(
        "convolution",
        [("batch", 1), ("image", 28), ("image", 28), ("batch", 64), ("window", 2), ("window", 2)],
        (0, -1, -1, 3),
        (4, 5),
        (0, 1, 2, 3),
    ),
    problem("reduction", [("parallel", 100), ("k", 1000)], (0, 1), (0,)),
    problem("reduction", [("k", 17)], (0,), ()),
    problem("elementwise", [("parallel", 384), ("parallel", 1023)], (0, 1), (1, 0)),
    problem("elementwise", [("parallel", 1)], (0,), (0,)),
    problem("copy", [("parallel", 6), ("parallel", 56), ("parallel", 57)], (0, 1, 2), (0, 1, 2)),
    problem(
        "mmt4d",
        [("m", 8), ("n", 6), ("k", 50), ("m", 16), ("n", 16), ("k", 1)],
        (0, 2, 3, 5),
        (1, 2, 4, 5),
        (0, 1, 3, 4),
    ),
    problem("packing", [("parallel", 32), ("parallel", 1024)], (0, 1), (0, 1)),
    problem(
        "winograd",
        [("parallel", 1), ("parallel", 10), ("parallel", 10), ("parallel", 64)],
        (0, -1, -1, 3),
        (-1, -1, 0, 1, 2, 3),
    ),
    problem("inner-tiled", [("m", 18), ("n", 64), ("k", 4096)], (0, 2), (1, 2), (0, 1)),
    problem(
        "attention",
        [("parallel", 6), ("parallel", 100), ("parallel", 64), ("k", 64), ("k", 100)],
        (0, 1, 3),
        (0, 4, 3),
        (0, 4, 2),
        (),
        (0, 1, 2),
    ),
)
FOR_GPUS = (
    problem("contraction", [("m", 512), ("n", 1023), ("k", 256)], (0, 2), (2, 1), (0, 1), types=("f16", "f16", "f32")),
    problem(
        "contraction",
        [("batch", 4), ("m", 128), ("n", 64), ("k", 64)],
        (0, 1, 3),
        (0, 2, 3),
        (0, 1, 2),
        types=("i8", "i8", "i32"),
    ),
    problem("contraction", [("m", 1), ("n", 4096), ("k", 4096)], (0, 2), (1, 2), (0, 1)),
    problem(
        "convolution",
        [("image", 28), ("image", 28), ("channel", 64), ("window", 3), ("window", 3), ("k", 32)],
        (-1, -1, 5),
        (3, 4, 5, 2),
        (0, 1, 2),
        types=("f16", "f16", "f32"),
    ),
    problem(
        "convolution",
        [("image", 28), ("image", 28), ("channel", 64), ("window", 3), ("window", 3), ("k", 32)],
        (-1, -1, 5),
        (3, 4, 5, 2),
        (0, 1, 2),
        types=("f8E4M3FNUZ", "f8E4M3FNUZ", "f32"),
    ),
    problem(
        "convolution",
        [("batch", 2), ("image", 32), ("image", 32), ("channel", 64), ("window", 3), ("window", 3), ("k", 32)],
        (0, -1, -1, 6),
        (4, 5, 6, 3),
        (0, 1, 2, 3),
        types=("f16", "f16", "f32"),
    ),
    problem(
        "contraction", [("m", 1), ("n", 4096), ("k", 4096)], (0, 2), (1, 2), (0, 1), types=("f8E5M2", "f8E5M2", "f32")
    ),
    problem("reduction", [("parallel", 64), ("k", 1024)], (0, 1), (0,), types=("f8E4M3FN", "f32")),
    problem("reduction", [("parallel", 64), ("k", 1024)], (0, 1), (0,)),
    problem("reduction", [("parallel", 20), ("k", 1500)], (0, 1), (0,)),
    problem("elementwise", [("parallel", 384), ("parallel", 768)], (0, 1), (1,), (0, 1), types=("f32", "f32", "f16")),
    problem("elementwise", [("parallel", 384), ("parallel", 768)], (0, 1), (1, 0), types=("f16", "f16")),
    problem("elementwise", [("parallel", 1)], (0,), (0,)),
    problem("copy", [("parallel", 6), ("parallel", 56), ("parallel", 224)], (0, 1, 2), (0, 1, 2), types=("f16", "f16")),
    problem("copy", [("parallel", 300)], (0,), (0,)),
    problem("contraction", [("n", 240), ("k", 60)], (1,), (1, 0), (0,)),
)
ATTENTION = (
    problem(
        "attention",
        [("batch", 8), ("parallel", 512), ("parallel", 64), ("k", 64), ("k", 512)],
        (0, 1, 3),
        (0, 4, 3),
        (0, 4, 2),
        (),
        (0, 1, 2),
        types=("f16", "f16", "f16", "f16", "f32"),
    ),
)
# By target: one problem of every kind that our spaces serve, and more.
PROBLEMS = {"cpu": FOR_CPUS, "cuda": FOR_GPUS + ATTENTION, "rocm": FOR_GPUS + ATTENTION}
