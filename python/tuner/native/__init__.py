# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The native layer: our passes, and typed access to IREE's codegen attributes.

Operations and attributes are IREE's own Python objects (`iree.compiler.ir`).
An operation belongs to its module: keep the module while you use the operation.

Errors::

    NativeError
    ├── HostError    the loaded IREE compiler cannot serve us (symbols stripped, …)
    └── PassError    a pass failed; its text is the diagnostics'

Bad arguments raise `ValueError` or `TypeError`.

Source: the configuration attributes are those of IREE's Codegen dialects,
`compiler/src/iree/compiler/Codegen/Dialect/{CPU,Codegen,GPU}/IR`.
"""

from tuner.native.compilation import (
    CompilationInfo,
    PipelineOptions,
    TranslationInfo,
    compilation_info,
    make_compilation_info,
    make_translation_info,
    pipeline,
    pipeline_options,
    read_pipeline_options,
    translation_info,
)
from tuner.native.cpu_tiling import (
    CPU_TILING_LEVELS,
    TilingLevel,
    cpu_lowering_config,
    read_cpu_lowering_config,
)
from tuner.native.errors import HostError, NativeError, PassError
from tuner.native.gpu_targets import (
    GPUTarget,
    LaneLayout,
    MMAIntrinsic,
    gpu_target,
    mma_intrinsic,
    mma_intrinsics,
)
from tuner.native.gpu_tiling import (
    GPU_TILING_LEVELS,
    GPULoweringConfig,
    SubgroupBasis,
    gpu_lowering_config,
    read_gpu_lowering_config,
)
from tuner.native.layouts import LAYOUT_OPS
from tuner.native.operations import (
    Problem,
    RootOp,
    configured_ops,
    find_root_ops,
    problem,
)
from tuner.native.passes import (
    annotate_root_ops,
    plugin_path,
    register_passes,
    strip_annotations,
    strip_configuration,
    strip_root_configuration,
)
from tuner.native.winograd import WINOGRAD_OPS

__all__ = [
    "CPU_TILING_LEVELS",
    "GPU_TILING_LEVELS",
    "LAYOUT_OPS",
    "WINOGRAD_OPS",
    "CompilationInfo",
    "GPULoweringConfig",
    "GPUTarget",
    "HostError",
    "LaneLayout",
    "MMAIntrinsic",
    "NativeError",
    "PassError",
    "PipelineOptions",
    "Problem",
    "RootOp",
    "SubgroupBasis",
    "TilingLevel",
    "TranslationInfo",
    "annotate_root_ops",
    "compilation_info",
    "configured_ops",
    "cpu_lowering_config",
    "find_root_ops",
    "gpu_lowering_config",
    "gpu_target",
    "make_compilation_info",
    "make_translation_info",
    "mma_intrinsic",
    "mma_intrinsics",
    "pipeline",
    "pipeline_options",
    "plugin_path",
    "problem",
    "read_cpu_lowering_config",
    "read_gpu_lowering_config",
    "read_pipeline_options",
    "register_passes",
    "strip_annotations",
    "strip_configuration",
    "strip_root_configuration",
    "translation_info",
]
