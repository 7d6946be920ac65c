// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the loaded compiler can do that not every supported release can.
// This is the only place that asks the host for symbols it may lack.

#ifndef IREE_TUNER_CAPI_HOSTFEATURES_H
#define IREE_TUNER_CAPI_HOSTFEATURES_H

#include "capi/IREECompiler.h"

namespace iree_tuner {

/// Functions that are null where the loaded release does not export them.
struct HostFeatures {
  // 3.11: the root-op mark became `#iree_codegen.root_op<set = N>`; before, it
  // was a unit attribute.
  bool (*isRootOpAttr)(MlirAttribute);
  MlirAttribute (*rootOpAttrGet)(MlirContext, int64_t set);
  int64_t (*rootOpAttrGetSet)(MlirAttribute);
  // 3.13: before, mlirEmitError is the only way to emit a diagnostic.
  void (*emitRemark)(MlirLocation, const char *message);
};

/// The features of the compiler in this process, looked up once.
const HostFeatures &hostFeatures();

} // namespace iree_tuner

#endif // IREE_TUNER_CAPI_HOSTFEATURES_H
