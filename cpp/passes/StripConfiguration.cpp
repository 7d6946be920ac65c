// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Removes every configuration that a compiler or a tuner left, on any op, so
// that configuring again starts from nothing. Root-op marks and identities
// stay: they are what a new configuration is aimed at.

#include "passes/Configuration.h"
#include "passes/ExternalPass.h"
#include "passes/Operations.h"

namespace iree_tuner {

static MlirLogicalResult run(MlirOperation op) {
  walk(op, clearConfiguration);
  return success();
}

const PassDefinition kStripConfiguration = {
    "iree-tuner-strip-configuration",
    "Remove every codegen configuration; keep root-op marks and identities",
    run,
};

} // namespace iree_tuner
