// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lowering configurations and translation info, taken apart and put together.

#include "bindings/Diagnostics.h"
#include "bindings/IREEObjects.h"
#include "bindings/Integers.h"
#include "bindings/Populate.h"
#include "capi/HostFeatures.h"
#include "capi/IREETuner.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <tuple>
#include <utility>
#include <vector>

namespace nb = nanobind;

namespace iree_tuner {

/// Reads the attribute, or throws what the compiler has against it.
static MlirAttribute parseAttribute(const std::string &text,
                                    MlirContext context) {
  DiagnosticCapture capture(context);
  MlirAttribute attr =
      mlirAttributeParseGet(context, MlirStringRef{text.data(), text.size()});
  if (isNull(attr)) {
    throw nb::value_error(capture.errors().c_str());
  }
  return attr;
}

static MlirAttribute loweringConfigEntries(MlirAttribute config) {
  DiagnosticCapture capture(mlirAttributeGetContext(config));
  MlirAttribute entries = ireeTunerLoweringConfigEntries(config);
  if (isNull(entries)) {
    std::string errors = capture.errors();
    throw nb::value_error(errors.empty()
                              ? "neither an #iree_cpu.lowering_config nor an "
                                "#iree_gpu.lowering_config"
                              : errors.c_str());
  }
  return entries;
}

static MlirAttribute arrayEntry(MlirAttribute dictionary, const char *name) {
  MlirAttribute entry =
      mlirDictionaryAttrGetElementByName(dictionary, stringRef(name));
  if (isNull(entry) || !mlirAttributeIsAArray(entry)) {
    throw nb::value_error("a tiling level lacks its sizes or interchange");
  }
  return entry;
}

/// Sizes, interchange, whether each size is scalable.
using TilingLevel =
    std::tuple<std::vector<int64_t>, std::vector<int64_t>, std::vector<bool>>;

/// A level is `[4, [8], 0]`, a scalable size in brackets of its own, or
/// `{sizes = [...], interchange = [...]}`.
static TilingLevel tilingLevel(MlirAttribute level) {
  TilingLevel result;
  auto &[sizes, interchange, scalable] = result;
  MlirAttribute sizesAttr = level;
  if (mlirAttributeIsADictionary(level)) {
    sizesAttr = arrayEntry(level, "sizes");
    interchange = integers(arrayEntry(level, "interchange"));
  }
  if (!mlirAttributeIsAArray(sizesAttr)) {
    throw nb::value_error("an entry of the configuration is no tiling level");
  }
  for (intptr_t i = 0, e = mlirArrayAttrGetNumElements(sizesAttr); i < e; ++i) {
    MlirAttribute size = mlirArrayAttrGetElement(sizesAttr, i);
    scalable.push_back(mlirAttributeIsAArray(size));
    if (!scalable.back()) {
      if (!mlirAttributeIsAInteger(size)) {
        throw nb::value_error("a tile size is no integer");
      }
      sizes.push_back(mlirIntegerAttrGetValueInt(size));
      continue;
    }
    std::vector<int64_t> inner = integers(size);
    if (inner.size() != 1) {
      throw nb::value_error("a scalable tile size is no single integer");
    }
    sizes.push_back(inner.front());
  }
  return result;
}

static std::vector<std::pair<std::string, TilingLevel>>
tilingLevels(MlirAttribute config) {
  MlirAttribute entries = loweringConfigEntries(config);
  std::vector<std::pair<std::string, TilingLevel>> levels;
  for (intptr_t i = 0, e = mlirDictionaryAttrGetNumElements(entries); i < e;
       ++i) {
    MlirNamedAttribute entry = mlirDictionaryAttrGetElement(entries, i);
    MlirStringRef name = mlirIdentifierStr(entry.name);
    levels.emplace_back(std::string(name.data, name.length),
                        tilingLevel(entry.attribute));
  }
  return levels;
}

/// Pipeline, codegen spec, workgroup size, subgroup size, configuration.
static std::tuple<MlirAttribute, MlirAttribute, std::vector<int64_t>,
                  std::optional<int64_t>, MlirAttribute>
translationInfo(MlirAttribute attr) {
  if (!ireeAttributeIsACodegenTranslationInfoAttr(attr)) {
    throw nb::value_error("not an #iree_codegen.translation_info");
  }
  ireeCodegenTranslationInfoParameters info =
      ireeCodegenTranslationInfoAttrGetParameters(attr);
  std::vector<int64_t> workgroupSize(
      info.workgroupSize, info.workgroupSize + info.numWorkgroupSizeElements);
  std::optional<int64_t> subgroupSize;
  // The compiler stores an absent subgroup size as its smallest integer or 0.
  if (info.subgroupSize > 0) {
    subgroupSize = info.subgroupSize;
  }
  return {info.passPipeline, info.codegenSpec, workgroupSize, subgroupSize,
          info.configuration};
}

static MlirAttribute makeTranslationInfo(MlirAttribute pipeline,
                                         std::vector<int64_t> workgroupSize,
                                         std::optional<int64_t> subgroupSize,
                                         std::optional<MlirAttribute> config) {
  if (config && !mlirAttributeIsADictionary(*config)) {
    throw nb::value_error("the configuration must be a dictionary");
  }
  ireeCodegenTranslationInfoParameters info = {};
  info.passPipeline = pipeline;
  info.workgroupSize = workgroupSize.data();
  info.numWorkgroupSizeElements = workgroupSize.size();
  info.subgroupSize = subgroupSize.value_or(0);
  info.configuration = config.value_or(MlirAttribute{nullptr});
  return ireeCodegenTranslationInfoAttrGet(mlirAttributeGetContext(pipeline),
                                           info);
}

/// A pipeline has its own attribute from 3.12 on; before, a translation info is
/// the only place where the parser reads its name.
static MlirAttribute pipeline(const std::string &target,
                              const std::string &name, MlirContext context) {
  if (hostFeatures().pipelinesAreAttributes) {
    return parseAttribute("#iree_" + target + ".pipeline<" + name + ">",
                          context);
  }
  std::string prefix = target == "cpu" ? "CPU" : "LLVMGPU";
  DiagnosticCapture capture(context);
  for (const std::string &spelling : {prefix + name, name}) {
    std::string text =
        "#iree_codegen.translation_info<pipeline = " + spelling + ">";
    MlirAttribute info =
        mlirAttributeParseGet(context, MlirStringRef{text.data(), text.size()});
    if (!isNull(info)) {
      return ireeCodegenTranslationInfoAttrGetParameters(info).passPipeline;
    }
  }
  throw nb::value_error(capture.errors().c_str());
}

static MlirAttribute makeCompilationInfo(MlirAttribute loweringConfig,
                                         MlirAttribute translationInfo) {
  if (!ireeAttributeIsACodegenTranslationInfoAttr(translationInfo)) {
    throw nb::value_error("not an #iree_codegen.translation_info");
  }
  return ireeCodegenCompilationInfoAttrGet(
      mlirAttributeGetContext(loweringConfig),
      {loweringConfig, translationInfo});
}

static std::pair<MlirAttribute, MlirAttribute>
compilationInfo(MlirAttribute attr) {
  if (!ireeAttributeIsACodegenCompilationInfoAttr(attr)) {
    throw nb::value_error("not an #iree_codegen.compilation_info");
  }
  ireeCodegenCompilationInfoParameters info =
      ireeCodegenCompilationInfoAttrGetParameters(attr);
  return {info.loweringConfig, info.translationInfo};
}

static MlirAttribute gpuLoweringConfig(MlirAttribute entries) {
  if (!mlirAttributeIsADictionary(entries)) {
    throw nb::value_error("the entries must be a dictionary");
  }
  return ireeGPULoweringConfigAttrGet(mlirAttributeGetContext(entries),
                                      entries);
}

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

void populateLoweringConfig(nb::module_ &module) {
  module.def("parse_attribute", &parseAttribute, nb::arg("text"),
             nb::arg("context"),
             "Reads an attribute; ValueError with the compiler's diagnostics.");
  module.def("lowering_config_entries", &loweringConfigEntries,
             nb::arg("attribute"),
             "The entries of a CPU or GPU lowering configuration, as a "
             "DictAttr.");
  module.def("tiling_levels", &tilingLevels, nb::arg("attribute"),
             "The tiling levels of a CPU lowering configuration: name, and "
             "sizes, interchange, scalable.");
  module.def("translation_info", &translationInfo, nb::arg("attribute"),
             "The parts of an #iree_codegen.translation_info.");
  module.def("make_translation_info", &makeTranslationInfo, nb::arg("pipeline"),
             nb::arg("workgroup_size"), nb::arg("subgroup_size").none(),
             nb::arg("configuration").none(),
             "Builds an #iree_codegen.translation_info.");
  module.def("pipeline", &pipeline, nb::arg("target"), nb::arg("name"),
             nb::arg("context"), "A pass pipeline's attribute.");
  module.def("make_compilation_info", &makeCompilationInfo,
             nb::arg("lowering_config"), nb::arg("translation_info"),
             "Builds an #iree_codegen.compilation_info.");
  module.def("compilation_info", &compilationInfo, nb::arg("attribute"),
             "Lowering configuration and translation info.");
  module.def("gpu_lowering_config", &gpuLoweringConfig, nb::arg("entries"),
             "An #iree_gpu.lowering_config of these entries.");
  module.def("integers", &integers, nb::arg("array"),
             "The numbers of an ArrayAttr of integers.");
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
