// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "capi/HostFeatures.h"

#include <dlfcn.h>

namespace iree_tuner {

template <typename Function>
static void lookUp(Function &function, const char *symbol) {
  function = reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, symbol));
}

static HostFeatures detect() {
  HostFeatures features = {};
  lookUp(features.isRootOpAttr, "ireeAttributeIsACodegenRootOpAttr");
  lookUp(features.rootOpAttrGet, "ireeCodegenRootOpAttrGet");
  lookUp(features.rootOpAttrGetSet, "ireeCodegenRootOpAttrGetSet");
  lookUp(features.emitRemark, "mlirEmitRemark");
  return features;
}

const HostFeatures &hostFeatures() {
  static const HostFeatures features = detect();
  return features;
}

} // namespace iree_tuner
