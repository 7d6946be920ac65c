// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lowering configurations and translation info, taken apart and put together.

#include "bindings/Diagnostics.h"
#include "bindings/IREEObjects.h"
#include "bindings/Populate.h"
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

static std::vector<int64_t> integers(MlirAttribute array) {
  std::vector<int64_t> values;
  for (intptr_t i = 0, e = mlirArrayAttrGetNumElements(array); i < e; ++i) {
    MlirAttribute element = mlirArrayAttrGetElement(array, i);
    if (!mlirAttributeIsAInteger(element)) {
      throw nb::value_error("a tile size or loop number is no integer");
    }
    values.push_back(mlirIntegerAttrGetValueInt(element));
  }
  return values;
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
}

} // namespace iree_tuner
