// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Configuration.h"

#include "capi/HostFeatures.h"
#include "passes/Operations.h"

#include <iterator>
#include <string>
#include <string_view>

namespace iree_tuner {

static void appendTo(MlirStringRef text, void *string) {
  static_cast<std::string *>(string)->append(text.data, text.length);
}

MlirAttribute loweringConfigOf(MlirOperation op) {
  MlirAttribute config = getAttribute(op, kLoweringConfig);
  if (!isNull(config)) {
    return config;
  }
  MlirAttribute info = getAttribute(op, kCompilationInfo);
  if (isNull(info) || !ireeAttributeIsACodegenCompilationInfoAttr(info)) {
    return MlirAttribute{nullptr};
  }
  return ireeCodegenCompilationInfoAttrGetParameters(info).loweringConfig;
}

/// A CPU configuration has no accessor in any release. Its printed form is its
/// mnemonic and its entries between '<' and '>', which are the entries of a
/// dictionary: MLIR's own parser reads them.
static MlirAttribute cpuLoweringConfigEntries(MlirAttribute config) {
  std::string text;
  mlirAttributePrint(config, appendTo, &text);
  const std::string_view prefix = "#iree_cpu.lowering_config<";
  if (text.compare(0, prefix.size(), prefix) != 0 || text.back() != '>') {
    return MlirAttribute{nullptr};
  }
  std::string dictionary =
      "{" + text.substr(prefix.size(), text.size() - prefix.size() - 1) + "}";
  MlirAttribute entries = mlirAttributeParseGet(mlirAttributeGetContext(config),
                                                stringRef(dictionary));
  if (isNull(entries) || !mlirAttributeIsADictionary(entries)) {
    return MlirAttribute{nullptr};
  }
  return entries;
}

MlirAttribute loweringConfigEntries(MlirAttribute config) {
  if (isNull(config)) {
    return config;
  }
  if (ireeAttributeIsAGPULoweringConfigAttr(config)) {
    return ireeGPULoweringConfigAttrGetAttributes(config);
  }
  if (view(mlirDialectGetNamespace(mlirAttributeGetDialect(config))) ==
      "iree_cpu") {
    return cpuLoweringConfigEntries(config);
  }
  return MlirAttribute{nullptr};
}

bool distributesWork(MlirAttribute config) {
  MlirAttribute entries = loweringConfigEntries(config);
  if (isNull(entries)) {
    return false;
  }
  const char *level = ireeAttributeIsAGPULoweringConfigAttr(config)
                          ? "workgroup"
                          : "distribution";
  return !isNull(mlirDictionaryAttrGetElementByName(entries, stringRef(level)));
}

int64_t rootOpMarkSet(MlirAttribute mark) {
  if (isNull(mark)) {
    return -1;
  }
  if (mlirAttributeIsAUnit(mark)) {
    return 0;
  }
  const HostFeatures &features = hostFeatures();
  if (features.isRootOpAttr && features.isRootOpAttr(mark)) {
    return features.rootOpAttrGetSet(mark);
  }
  return -1;
}

MlirAttribute rootOpMark(MlirContext context, int64_t set) {
  const HostFeatures &features = hostFeatures();
  return features.rootOpAttrGet ? features.rootOpAttrGet(context, set)
                                : mlirUnitAttrGet(context);
}

/// The configuration attributes that stand beside an op's own attributes.
static constexpr const char *kConfigurationNames[] = {
    kLoweringConfig, kTranslationInfo, kCompilationInfo, kUKernel,
    kDecompositionConfig};

void clearConfiguration(MlirOperation op) {
  // Most ops carry nothing of interest; one look at the names they do carry
  // costs less than asking for each of ours.
  const char *found[std::size(kConfigurationNames)];
  size_t numFound = 0;
  intptr_t count = mlirOperationGetNumDiscardableAttributes(op);
  for (intptr_t i = 0; i < count; ++i) {
    MlirNamedAttribute attr = mlirOperationGetDiscardableAttribute(op, i);
    std::string_view name = view(mlirIdentifierStr(attr.name));
    for (const char *configuration : kConfigurationNames) {
      if (name == configuration) {
        found[numFound++] = configuration;
      }
    }
  }
  for (size_t i = 0; i < numFound; ++i) {
    mlirOperationRemoveAttributeByName(op, stringRef(found[i]));
  }
  // What an attention op hands to the two matmuls that it becomes is one of the
  // op's own attributes.
  std::string_view name = operationName(op);
  if (name == "iree_linalg_ext.attention" ||
      name == "iree_linalg_ext.online_attention") {
    mlirOperationRemoveAttributeByName(op, stringRef(kDecompositionConfig));
  }
}

} // namespace iree_tuner
