// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Removes configuration as iree-tuner-strip-configuration does, and root-op
// marks and identities with it: what remains was never configured nor marked.

#include "passes/Configuration.h"
#include "passes/ExternalPass.h"
#include "passes/Operations.h"

namespace iree_tuner {

static void clearAnnotations(MlirOperation op) {
  clearConfiguration(op);
  for (const char *name : {kDispatchIdentity, kOpIdentity}) {
    mlirOperationRemoveAttributeByName(op, stringRef(name));
  }
  // An attribute of that name which is no mark belongs to somebody else.
  if (rootOpMarkSet(getAttribute(op, kRootOpMark)) >= 0) {
    mlirOperationRemoveAttributeByName(op, stringRef(kRootOpMark));
  }
}

static MlirLogicalResult run(MlirOperation op) {
  walk(op, clearAnnotations);
  return success();
}

const PassDefinition kStripAnnotations = {
    "iree-tuner-strip-annotations",
    "Remove every codegen configuration, root-op mark and identity",
    run,
};

} // namespace iree_tuner
