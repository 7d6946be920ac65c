// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef IREE_TUNER_BINDINGS_INTEGERS_H
#define IREE_TUNER_BINDINGS_INTEGERS_H

#include "capi/IREECompiler.h"

#include <nanobind/nanobind.h>

#include <vector>

namespace iree_tuner {

/// The numbers of an ArrayAttr of IntegerAttrs; ValueError for anything else.
inline std::vector<int64_t> integers(MlirAttribute array) {
  if (isNull(array) || !mlirAttributeIsAArray(array)) {
    throw nanobind::value_error("expected an array of integers");
  }
  std::vector<int64_t> values;
  for (intptr_t i = 0, e = mlirArrayAttrGetNumElements(array); i < e; ++i) {
    MlirAttribute element = mlirArrayAttrGetElement(array, i);
    if (!mlirAttributeIsAInteger(element)) {
      throw nanobind::value_error("expected an array of integers");
    }
    values.push_back(mlirIntegerAttrGetValueInt(element));
  }
  return values;
}

} // namespace iree_tuner

#endif // IREE_TUNER_BINDINGS_INTEGERS_H
