// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The options of GPU pipelines, taken apart and put together.

#include "bindings/IREEObjects.h"
#include "bindings/Populate.h"
#include "capi/HostFeatures.h"
#include "capi/IREETuner.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>

#include <optional>
#include <tuple>

namespace nb = nanobind;

namespace iree_tuner {

/// Prefetch stages, no bank-conflict reduction, implicit GEMM, reordering.
using PipelineOptions =
    std::tuple<std::optional<int64_t>, std::optional<bool>, std::optional<bool>,
               std::optional<uint32_t>>;

static MlirAttribute makePipelineOptions(const PipelineOptions &options,
                                         MlirContext context) {
  const auto &[stages, noReduce, igemm, reorder] = options;
  MlirAttribute strategy = {nullptr};
  if (reorder) {
    strategy = ireeGPUReorderWorkgroupsStrategyAttrGet(context, *reorder);
  }
  return pipelineOptionsAttrGet(
      context, stages ? &*stages : nullptr, noReduce ? &*noReduce : nullptr,
      igemm ? &*igemm : nullptr, reorder ? &strategy : nullptr);
}

static std::optional<bool> boolean(MlirAttribute attr) {
  return isNull(attr) ? std::nullopt
                      : std::optional<bool>(mlirBoolAttrGetValue(attr));
}

static PipelineOptions pipelineOptions(MlirAttribute attr) {
  if (!ireeAttributeIsAGPUPipelineOptionsAttr(attr)) {
    throw nb::value_error("not an #iree_gpu.pipeline_options");
  }
  const HostFeatures &features = hostFeatures();
  std::optional<int64_t> stages;
  if (features.pipelineOptionsGetPrefetchNumStages) {
    MlirAttribute value = features.pipelineOptionsGetPrefetchNumStages(attr);
    if (!isNull(value)) {
      stages = mlirIntegerAttrGetValueInt(value);
    }
  } else if (features.pipelineOptionsGetPrefetchSharedMemory) {
    MlirAttribute value = features.pipelineOptionsGetPrefetchSharedMemory(attr);
    if (!isNull(value)) {
      stages = mlirBoolAttrGetValue(value) ? 2 : 0;
    }
  }
  std::optional<uint32_t> reorder;
  MlirAttribute strategy =
      ireeGPUPipelineOptionsAttrGetReorderWorkgroupsStrategy(attr);
  if (!isNull(strategy)) {
    reorder = ireeGPUReorderWorkgroupsStrategyAttrGetValue(strategy);
  }
  return {
      stages,
      boolean(
          ireeGPUPipelineOptionsAttrGetNoReduceSharedMemoryBankConflicts(attr)),
      boolean(ireeGPUPipelineOptionsAttrGetUseIgemmConvolution(attr)), reorder};
}

void populatePipelineOptions(nb::module_ &module) {
  module.def("make_pipeline_options", &makePipelineOptions, nb::arg("options"),
             nb::arg("context"), "Builds an #iree_gpu.pipeline_options.");
  module.def("pipeline_options", &pipelineOptions, nb::arg("attribute"),
             "The parts of an #iree_gpu.pipeline_options.");
  module.def(
      "has_prefetch_stages",
      [] {
        return hostFeatures().pipelineOptionsGetPrefetchNumStages != nullptr;
      },
      "Whether pipeline options count prefetch stages (3.10 and later).");
}

} // namespace iree_tuner
