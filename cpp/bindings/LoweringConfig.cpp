// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lowering configurations, taken apart and put together.

#include "bindings/Diagnostics.h"
#include "bindings/IREEObjects.h"
#include "bindings/Integers.h"
#include "bindings/ParseAttribute.h"
#include "bindings/Populate.h"
#include "capi/IREETuner.h"

#include <nanobind/stl/pair.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <tuple>
#include <utility>
#include <vector>

namespace nb = nanobind;

namespace iree_tuner {

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

static MlirAttribute gpuLoweringConfig(MlirAttribute entries) {
  if (!mlirAttributeIsADictionary(entries)) {
    throw nb::value_error("the entries must be a dictionary");
  }
  return ireeGPULoweringConfigAttrGet(mlirAttributeGetContext(entries),
                                      entries);
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
  module.def("gpu_lowering_config", &gpuLoweringConfig, nb::arg("entries"),
             "An #iree_gpu.lowering_config of these entries.");
  module.def("integers", &integers, nb::arg("array"),
             "The numbers of an ArrayAttr of integers.");
}

} // namespace iree_tuner
