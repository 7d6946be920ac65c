# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is tuned: a dispatch, the problem that its root op solves, and a configuration of it."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tuner.foreign import shown
from tuner.jsonable import to_plain

# The roles of loops that are reduced; loops of any other role are parallel.
REDUCTIONS = ("k", "window")
# The op that pads a tensor, as `Problem.computation` names it.
PADDING = "tensor.pad"
Access = Literal["read", "write", "readwrite"]

# Characters that are kept in IR, in file names and on terminals: printable ASCII except quotes, slashes, backslashes.
_PLAIN_LETTERS = r" !#-.0-\[\]-~"
_PLAIN_NAME = re.compile(rf"(?!\.)[{_PLAIN_LETTERS}]{{1,150}}")
# Characters that are kept of a symbol that is not plain.
_KEPT_LETTERS = 100


@dataclass(frozen=True, slots=True)
class Loop:
    """One loop of a root op: its trip count and what it does.

    The kind names the roles (`tuner.kinds`), in lower-case letters. In a contraction: batch, m, n, k. In a
    convolution: batch, output image, output channel or depth (of a channel-wise one), the filter's window, and k for
    input channels. In our other kinds: parallel, or k for a reduction.
    """

    extent: int
    role: str

    @property
    def is_parallel(self) -> bool:
        """Whether iterations are independent."""
        return self.role not in REDUCTIONS


@dataclass(frozen=True, slots=True)
class Operand:
    """One operand of a root op.

    `element_type` is MLIR's spelling ("f32"); `indexing_map` MLIR's affine map from the loops to this
    operand's dimensions; `loops` the loop of each dimension, in order (shape [rank]; -1: not one loop alone).
    """

    element_type: str
    indexing_map: str
    loops: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Follower:
    """Another op of the dispatch that needs a configuration, which follows the root op's.

    `number` is its place among the dispatch's configured ops besides the root op, from 1. `levels` are the compiler's
    default, `loops` the root op's loop for each of its own (-1: none).
    """

    number: int
    levels: tuple[tuple[str, tuple[int, ...]], ...]
    loops: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """What a root op computes, free of names and of the compiler's objects.

    Two dispatches with equal problems take the same configurations, and one matcher finds both. If kind, loops and
    operands do not describe everything, `computation` distinguishes dispatches: it names the ops that they hold.
    """

    kind: str
    loops: tuple[Loop, ...]
    operands: tuple[Operand, ...]
    computation: str = ""
    followers: tuple[Follower, ...] = ()

    @property
    def loop_names(self) -> tuple[str, ...]:
        """A name for each loop, as `loop_names` makes them of the roles."""
        return loop_names([loop.role for loop in self.loops])

    @property
    def reduction_extent(self) -> int:
        """The number of products that are summed into one output element."""
        extent = 1
        for loop in self.loops:
            extent *= 1 if loop.is_parallel else loop.extent
        return extent

    def extents_of(self, *roles: str) -> dict[str, list[int]]:
        """The extents of the loops of each of these roles, in the order of the loops."""
        return {role: [loop.extent for loop in self.loops if loop.role == role] for role in roles}

    @property
    def key(self) -> str:
        """One line that only equal problems share, by which a late spec names its problem."""
        loops = " ".join(f"{loop.role}{loop.extent}" for loop in self.loops)
        operands = "; ".join(f"{operand.element_type} {operand.indexing_map}" for operand in self.operands)
        followers = "; ".join(
            f"{op.number} {' '.join(f'{name}{list(sizes)}' for name, sizes in op.levels)} of {list(op.loops)}"
            for op in self.followers
        )
        return " | ".join((self.kind, loops, operands, self.computation, followers))

    @property
    def label(self) -> str:
        """The kind and the extents by role, for people, as in `contraction m2048 n2048 k512 f32`."""
        extents = " ".join(f"{loop.role}{loop.extent}" for loop in self.loops)
        types = [operand.element_type for operand in self.operands]
        return f"{self.kind} {extents} {types[0] if len(set(types)) == 1 else 'x'.join(types)}"


def loop_names(roles: Sequence[str]) -> tuple[str, ...]:
    """A name for each loop: its role, numbered if several loops share one, as in `image0 image1 channel`."""
    total, seen = Counter(roles), Counter[str]()
    names = []
    for role in roles:
        names.append(role if total[role] == 1 else f"{role}{seen[role]}")
        seen[role] += 1
    return tuple(names)


def plain_name(symbol: str) -> str:
    """The name of a dispatch with this symbol: the symbol, unless it is too long or has other characters."""
    if _PLAIN_NAME.fullmatch(symbol):
        return symbol
    kept = re.sub(f"[^{_PLAIN_LETTERS}]+", "_", symbol)[:_KEPT_LETTERS]
    prefix = "_" if kept.startswith(".") else ""
    return f"{prefix}{kept}_{hashlib.sha256(symbol.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def check_problem(problem: Problem) -> None:
    """Raises ValueError for a problem that no root op has, although the types of its fields are right."""
    if not problem.operands:
        raise ValueError(f"its problem '{problem.kind}' has 0 operands")
    for loop in problem.loops:
        if not re.fullmatch("[a-z]+", loop.role):
            raise ValueError(f"a loop of its problem '{problem.kind}' has the role '{shown(loop.role)}'")
        if loop.extent < 0:
            raise ValueError(f"a loop of its problem '{problem.kind}' has the extent {loop.extent}")
    for operand in problem.operands:
        if not (
            re.fullmatch(r"[\w<>]+", operand.element_type) and re.fullmatch(r"[\w\s(),+*>-]+", operand.indexing_map)
        ):
            raise ValueError(f"an operand of its problem '{problem.kind}' has no valid type or indexing map")
        if not all(-1 <= loop < len(problem.loops) for loop in operand.loops):
            raise ValueError(f"an operand of its problem '{problem.kind}' names a loop that does not exist")


def form_of(key: str) -> tuple[str, dict[str, int]]:
    """What a problem shares with others of its form, by its key, and the extents of its loops, by their names.

    Problems of one form have the same kind, roles of loops, operands and computation; only sizes differ. Raises
    ValueError for text that is not a problem's key.
    """
    kind, loops, operands, computation, _ = key.split(" | ")
    named = re.findall(r"([a-z]+)(\d+)", loops)
    roles = [role for role, _ in named]
    extents = {name: int(extent) for name, (_, extent) in zip(loop_names(roles), named, strict=True)}
    return " | ".join((kind, " ".join(roles), operands, computation)), extents


@dataclass(frozen=True, slots=True)
class Region:
    """A tensor inside a dispatch's benchmark buffer: where it lies and what the dispatch does with it."""

    offset_bytes: int
    shape: tuple[int, ...]
    element_type: str
    access: Access


@dataclass(frozen=True, slots=True)
class Feeding:
    """How a product's operands reach a GPU's matrix instructions, if otherwise than by IREE's built-in pipeline.

    `padding_bits` follow each row of a tile in shared memory, against bank conflicts: 0, 64 (the built-in's) or 128.
    `stages` are the tiles of each operand that are there at a time, filled by asynchronous copies that run ahead:
    2 to 6; 0: one tile, filled through registers. `matrix_loads`: a subgroup loads whole matrices from shared memory
    (`ldmatrix`) instead of each lane its own values. `reads_ahead`: operands are read from there one instruction ahead,
    which stages allow. `warpgroups`: four subgroups compute together, from shared memory, by Hopper's `wgmma`; there
    are 3 stages or more then, and nothing else is chosen. `along_columns`: workgroups that start one after another take
    the tiles of a column, instead of those of a row. All but the padding needs our pass plugin.
    """

    padding_bits: int = 64
    stages: int = 0
    matrix_loads: bool = False
    reads_ahead: bool = False
    warpgroups: bool = False
    along_columns: bool = False


@dataclass(frozen=True, slots=True)
class GpuSettings:
    """The settings of a GPU's code generator beside tiling levels.

    `workgroup_size` are the threads of a workgroup along x, y and z, `subgroup_size` those that run in lockstep.
    `intrinsic` is the compiler's number of the root's matrix instruction (None: it uses none), `promoted` the operands
    that go through shared memory.
    `flushes_denormals`: f32 values too small for full precision count as 0, as in IREE's attention.
    `occupancy` is asked for in subgroups that share a scheduler (AMD: an execution unit); 0 asks for none. None leaves
    a choice to the compiler. `feeding`: None stands for the built-in pipeline, by its name.
    """

    workgroup_size: tuple[int, ...]
    subgroup_size: int
    intrinsic: int | None = None
    promoted: tuple[int, ...] = ()
    prefetch_num_stages: int | None = None
    no_reduce_shared_memory_bank_conflicts: bool | None = None
    use_igemm_convolution: bool | None = None
    occupancy: int = 0
    flushes_denormals: bool = False
    feeding: Feeding | None = None


@dataclass(frozen=True, slots=True)
class Configuration:
    """A choice for one dispatch: the pipeline, its options, and the root op's tiling levels.

    `levels` maps a tiling level's name to a tile size for each loop (shape [loops], 0: not tiled there). On a GPU
    `lane_basis` and `subgroup_basis` are levels too, of counts, and `gpu` holds the further settings.
    `attributes` holds further attributes of the root op, printed, by name (`decomposition_config` if the op has
    parts). If `compilation_info` is among them, the compiler itself made the attributes, and `levels` is empty.
    `function_attributes` are those of the dispatch's function, for the code generator behind IREE's pipelines.
    `others` holds the levels of the other ops that need some, by their number in the dispatch.
    """

    pipeline: str
    levels: Mapping[str, tuple[int, ...]]
    options: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[int, Mapping[str, tuple[int, ...]]] = field(default_factory=dict)
    gpu: GpuSettings | None = None
    function_attributes: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The value as plain JSON."""
        return {
            "pipeline": self.pipeline,
            "options": list(self.options),
            "levels": _plain(self.levels),
            **({"gpu": to_plain(self.gpu)} if self.gpu else {}),
            **({"attributes": dict(self.attributes)} if self.attributes else {}),
            **({"function_attributes": dict(self.function_attributes)} if self.function_attributes else {}),
            **(
                {"others": {str(number): _plain(levels) for number, levels in self.others.items()}}
                if self.others
                else {}
            ),
        }


def _plain(levels: Mapping[str, tuple[int, ...]]) -> dict[str, list[int]]:
    return {name: list(sizes) for name, sizes in levels.items()}


@dataclass(frozen=True, slots=True)
class Annotations:
    """A configuration as IREE's own attributes, printed, which a spec writes onto the ops of one dispatch.

    `root` maps the names of the root op's attributes (`compilation_info` and, if the op has parts,
    `decomposition_config`) to their values. `others` maps the numbers of the other configured ops to their lowering
    configs, `function` the names of the function's attributes to their values.
    """

    root: Mapping[str, str]
    others: Mapping[int, str] = field(default_factory=dict)
    function: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Configured:
    """The configuration that the compiler will use for a dispatch: printed attributes, read back from the IR.

    `lowering_configs` holds one for each configured op, in the order of the dispatch; `decompositions` those of the
    parts of such ops that have some.
    """

    translation_info: str
    lowering_configs: tuple[str, ...]
    decompositions: tuple[str, ...] = ()

    def __str__(self) -> str:
        held = (*self.lowering_configs, *self.decompositions)
        return " ".join((self.translation_info or "no translation info", *held))


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """What rounding can do to a program's outputs.

    `terms` is the largest number of products in one sum, `accumulator` the element type that sums are held in,
    `narrowest` the least precise float type that it computes in, apart from narrowing ("" if in none).
    `is_exact`: with small integers nothing is rounded until sums outgrow the accumulator, so outputs do not depend on
    the order of sums.
    """

    terms: int = 1
    accumulator: str = ""
    narrowest: str = ""
    is_exact: bool = False


@dataclass(frozen=True, slots=True)
class BenchmarkProgram:
    """IR that runs one dispatch alone: its text, the function that runs it, and the data it works on.

    In `ir_text` the dispatch has no configuration, and its root op has the mark and the identity. In `default_text` it
    is as the compiler configured it. `flags` are those of iree-compile for the model and for this program.

    `entry` takes the number of times to run (i32); `buffer_setter` the buffer of `buffer_bytes` bytes that all
    `regions` lie in, before the first run. `arithmetic` limits how far outputs of correct programs may differ.
    """

    ir_text: str
    default_text: str
    entry: str
    buffer_setter: str
    buffer_bytes: int
    regions: tuple[Region, ...]
    flags: tuple[str, ...] = ()
    arithmetic: Arithmetic = field(default_factory=Arithmetic)


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A dispatch of a model. It is tunable if `program` and `problem` are known; otherwise `untunable` is the reason.

    One that has a `program` alone can be run, and is not tuned.

    `runs`: how often one run of the model runs it. Each place in the model counts once, also in a loop. 0: it runs only
    while the model is loaded.
    """

    name: str
    problem: Problem | None = None
    program: BenchmarkProgram | None = None
    default: Configured | None = None
    untunable: str | None = None
    runs: int = 1
