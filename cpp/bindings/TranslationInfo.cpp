// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pipelines, translation info and compilation info, taken apart and put
// together.

#include "bindings/Diagnostics.h"
#include "bindings/IREEObjects.h"
#include "bindings/ParseAttribute.h"
#include "bindings/Populate.h"
#include "capi/HostFeatures.h"
#include "capi/IREETuner.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace nb = nanobind;

namespace iree_tuner {

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

void populateTranslationInfo(nb::module_ &module) {
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
}

} // namespace iree_tuner
