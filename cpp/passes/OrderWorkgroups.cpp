// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Workgroups that start one after another take the tiles of a column instead
// of those of a row: the loop of columns, the last, changes slowest. If there
// are more columns than rows, fewer tiles are read by those that run at a time.

#include "passes/ExternalPass.h"
#include "passes/Operations.h"

#include <vector>

namespace iree_tuner {

static constexpr const char *kMapping = "mapping";
static constexpr const char *kPlace = "#iree_codegen.workgroup_mapping";

/// The mapping of a loop whose iterations are workgroups; null otherwise.
static MlirAttribute workgroupMapping(MlirOperation op) {
  if (operationName(op) != "scf.forall") {
    return {nullptr};
  }
  MlirAttribute mapping = getAttribute(op, kMapping);
  if (isNull(mapping) || mlirArrayAttrGetNumElements(mapping) < 2 ||
      printed(mlirArrayAttrGetElement(mapping, 0)).find(kPlace) != 0) {
    return {nullptr};
  }
  return mapping;
}

/// The first loop's place goes to the last, each other loop's to the one before
/// it.
static MlirAttribute rotated(MlirAttribute mapping) {
  intptr_t count = mlirArrayAttrGetNumElements(mapping);
  std::vector<MlirAttribute> places;
  for (intptr_t i = 0; i < count; ++i) {
    places.push_back(mlirArrayAttrGetElement(mapping, (i + 1) % count));
  }
  return mlirArrayAttrGet(mlirAttributeGetContext(mapping), count,
                          places.data());
}

static MlirLogicalResult run(MlirOperation top) {
  bool found = false;
  walk(top, [&](MlirOperation op) {
    if (MlirAttribute mapping = workgroupMapping(op); !isNull(mapping)) {
      mlirOperationSetAttributeByName(op, stringRef(kMapping),
                                      rotated(mapping));
      found = true;
    }
  });
  if (!found) {
    mlirEmitError(mlirOperationGetLocation(top),
                  "no loop of workgroups along rows and columns");
    return failure();
  }
  return success();
}

const PassDefinition kOrderWorkgroups = {
    "iree-tuner-order-workgroups",
    "Let workgroups that follow one another take the tiles of a column",
    run,
};

} // namespace iree_tuner
