# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Is the compiler's default configuration inside our spaces, for problem sizes that real models run?

Each problem of `problem_sizes` is compiled up to its configuration; nothing runs. The default is inside if a point of
the problem's space that breaks no rule stands for exactly the same configuration. Every exception is listed with the
rules that exclude it. The last line is one JSON object.

    python benchmarks/space_completeness.py --target cpu --target sm_80 --target gfx942
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from math import prod
from pathlib import Path

from iree.compiler import ir

import problem_sizes as sizes
from space_validity import is_default_inside
from tuner import native, spaces
from tuner.constraints import Knob, Space, enumerate_space, violated_rules
from tuner.dispatch import Configuration, Dispatch, GpuSettings, Problem
from tuner.dispatches.extract import Extracted, extract
from tuner.dispatches.problems import gpu_levels
from tuner.model.model import Model
from tuner.spaces import SpaceBuilder
from tuner.targets import Limits, Target
from tuner.targets.cpu import CpuTarget
from tuner.targets.cuda import CudaTarget
from tuner.targets.rocm import RocmTarget
from tuner.toolchain.operations import ops_named

TARGETS: dict[str, Target] = {"cpu": CpuTarget(), "sm_80": CudaTarget("sm_80"), "gfx942": RocmTarget("gfx942")}
TYPES = {"cpu": ("f32",), "sm_80": ("f16", "f32", "i8"), "gfx942": ("f16", "f32", "i8")}
_ATTENTION = "iree_linalg_ext.online_attention"
# Points that are compared with the default before a problem is given up.
MOST_POINTS = 20_000


def problems(target: str) -> Iterator[tuple[str, str]]:
    """The name and the MLIR text of each problem."""
    for name in TYPES[target]:
        for each in sizes.GEMM:
            yield f"product {'x'.join(map(str, each))} {name}", sizes.product(each, name)
        if name == "i8":
            continue
        for shape in sizes.CONVOLUTION:
            yield f"convolution {'x'.join(map(str, shape))} {name}", sizes.convolution(shape, name)
        for rows in sizes.ROWS:
            yield f"softmax {'x'.join(map(str, rows))} {name}", sizes.softmax(rows, name)
            yield f"sum {'x'.join(map(str, rows))} {name}", sizes.row_sum(rows, name)
        for heads in sizes.ATTENTION if target != "cpu" else ():
            yield f"attention {'x'.join(map(str, heads))} {name}", sizes.attention(heads, name)


def default_configuration(dispatch: Dispatch, configured: Path, context: ir.Context) -> Configuration:
    """The compiler's default for a GPU in the terms of our spaces. `configured` is the model that contains it."""
    assert dispatch.default is not None
    assert dispatch.program is not None
    function = ir.Module.parse(
        f"func.func private @f() attributes {{translation_info = {dispatch.default.translation_info}}}", context
    )
    translation = native.translation_info(function.body.operations[0])
    assert translation is not None
    entries = ir.DictAttr(translation.configuration) if translation.configuration is not None else {}
    options = native.PipelineOptions()
    if "gpu_pipeline_options" in entries:
        options = native.read_pipeline_options(entries["gpu_pipeline_options"])
    root: dict[str, tuple[int, ...]] = {}
    settings: GpuSettings | None = None
    others: dict[int, dict[str, tuple[int, ...]]] = {}
    for text in dispatch.default.lowering_configs:
        attribute = ir.Attribute.parse(text, context)
        levels = dict(gpu_levels(attribute))
        if "workgroup" not in levels:
            others[len(others) + 1] = levels
            continue
        config = native.read_gpu_lowering_config(attribute)
        kinds = {str(each.mma_kind): each.number for each in native.mma_intrinsics(context)}
        root = levels
        settings = GpuSettings(
            translation.workgroup_size,
            translation.subgroup_size or 0,
            intrinsic=kinds.get(str(config.mma_kind)),
            promoted=config.promote_operands,
            prefetch_num_stages=options.prefetch_num_stages,
            no_reduce_shared_memory_bank_conflicts=options.no_reduce_shared_memory_bank_conflicts,
            use_igemm_convolution=options.use_igemm_convolution,
            flushes_denormals="iree_codegen.denormal_fp_math_f32" in entries,
        )
    pipeline = re.findall(r"pipeline<(\w+)>", str(translation.pipeline))[0]
    module = ir.Module.parseFile(str(configured), context)
    name = "decomposition_config"
    parts = [(name, str(op.attributes[name])) for op in ops_named(module.operation, _ATTENTION)]
    return Configuration(pipeline, root, others=others, gpu=settings, attributes=dict(parts))


def plain(configuration: Configuration, problem: Problem) -> tuple[object, ...]:
    """What distinguishes a configuration: without levels of zeros, and without workgroup tiles of reduced loops."""
    levels = dict(configuration.levels)
    if len(levels.get("workgroup", ())) == len(problem.loops):
        levels["workgroup"] = tuple(
            size if loop.is_parallel else 0 for size, loop in zip(levels["workgroup"], problem.loops, strict=True)
        )
    return (
        configuration.pipeline,
        {name: each for name, each in levels.items() if any(each)},
        {number: dict(each) for number, each in configuration.others.items()},
        replace(configuration.gpu, occupancy=0) if configuration.gpu else None,
        {name: str(ir.Attribute.parse(text)) for name, text in configuration.attributes.items()},
    )


def why_outside(builder: SpaceBuilder, space: Space, problem: Problem, default: Configuration) -> str:
    """The rules that exclude the default; "" if a solution stands for it."""
    knobs = tuple(_fixed(knob, problem, default) for knob in space.knobs)
    wanted = plain(default, problem)
    definitions = tuple(rule for rule in space.rules if rule.source == "what the knob stands for")
    for rules in (space.rules, definitions):
        pool = enumerate_space(Space(knobs, rules))
        for row in range(min(len(pool), MOST_POINTS)):
            point = pool.point(row)
            if plain(builder.configuration(problem, point), problem) == wanted:
                return "; ".join(violated_rules(space, point))
    return "no combination of knobs stands for it"


def _fixed(knob: Knob, problem: Problem, default: Configuration) -> Knob:
    """The knob, with only the value of the default if the knob's name determines it."""
    settings, value = default.gpu, None
    assert settings is not None
    named = re.fullmatch(r"([a-z_]+)\[(\w+)\]", knob.name)
    if named and (sizes := default.levels.get(named[1])):
        # A convolution that becomes a product has one loop for all sums, the last.
        value = sizes[min(problem.loop_names.index(named[2]), len(sizes) - 1)]
    elif knob.name == "threads":
        value = prod(settings.workgroup_size)
    elif knob.name in ("intrinsic", "subgroup_size"):
        value = getattr(settings, knob.name)
    elif knob.name == "occupancy":
        value = 0
    return knob if value is None else Knob(knob.name, (value,))


def check(dispatch: Dispatch, limits: Limits, target: Target, configured: Path) -> str:
    """Why the default is outside; "" if it is inside."""
    problem = dispatch.problem
    if problem is None or dispatch.default is None:
        return f"no space: {dispatch.untunable}"
    found = spaces.find(target.name, problem)
    if found is None:
        return f"no space serves {problem.label}"
    builder = found[1]
    space = builder.build(problem, limits)
    if target.name == "cpu":
        pool = enumerate_space(space)
        pipeline = builder.configuration(problem, pool.point(0)).pipeline
        return "" if is_default_inside(dispatch, problem, pool, {pipeline}) else f"outside: {dispatch.default}"
    with ir.Context() as context:
        native.register_passes()
        default = default_configuration(dispatch, configured, context)
        reason = why_outside(builder, space, problem, default)
    return reason and f"{reason}: {dispatch.default}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", action="append", choices=tuple(TARGETS))
    parser.add_argument("--only", default="", help="a regular expression that problems' names must match")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    inside, outside = 0, []
    for chip in arguments.target or TARGETS:
        target = TARGETS[chip]
        chosen = [(name, text) for name, text in problems(chip) if re.search(arguments.only, name)]
        with tempfile.TemporaryDirectory() as work, ThreadPoolExecutor(arguments.workers) as pool:
            folders = [Path(work) / str(index) for index in range(len(chosen))]

            def read(text: str, folder: Path, target: Target = target) -> Extracted:
                folder.mkdir()
                path = folder / "model.mlir"
                path.write_text(text)
                return extract(Model.open(path, target.compile_flags), target, folder)

            models = pool.map(read, [text for _, text in chosen], folders)
            for (name, _), folder, extracted in zip(chosen, folders, models, strict=True):
                for dispatch in extracted.dispatches:
                    reason = check(dispatch, extracted.limits, target, folder / "configured.mlir")
                    inside += not reason
                    outside += [f"{chip}: {name}"] if reason else []
                    if reason:
                        print(f"{chip}: {name}: {reason}", flush=True)
    print(json.dumps({"inside": inside, "outside": outside}))


if __name__ == "__main__":
    main()
