// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/ExternalPass.h"

#include <exception>
#include <string>

namespace iree_tuner {

// One a line, for the sake of changes.
// clang-format off
const PassDefinition *const kPasses[] = {
    &kAllocateOnStack,
    &kAnnotateRootOps,
    &kCopyAsynchronously,
    &kLoadMatrices,
    &kOrderWorkgroups,
    &kPipelineCopies2,
    &kPipelineCopies3,
    &kPipelineCopies4,
    &kPipelineCopies5,
    &kPipelineCopies6,
    &kPrefetchMatrices,
    &kStripAnnotations,
    &kStripConfiguration,
    &kStripRootConfiguration,
    &kWarpgroupProducts3,
    &kWarpgroupProducts4,
    &kWarpgroupProducts5,
    &kWarpgroupProducts6,
    nullptr,
};
// clang-format on

MlirLogicalResult runGuarded(const PassDefinition &definition,
                             MlirOperation op) {
  try {
    return definition.run(op);
  } catch (const std::exception &error) {
    std::string message =
        std::string(definition.argument) + " stopped: " + error.what();
    mlirEmitError(mlirOperationGetLocation(op), message.c_str());
  } catch (...) {
    mlirEmitError(mlirOperationGetLocation(op),
                  "an iree-tuner pass stopped for an unknown reason");
  }
  return failure();
}

static void construct(void *) {}
static void destruct(void *) {}
static void *clone(void *definition) { return definition; }

/// Our passes build attributes of this dialect. A dialect can only be loaded
/// here: run() may be called on many threads, on which loading is forbidden.
static MlirLogicalResult initialize(MlirContext context, void *) {
  mlirContextGetOrLoadDialect(context, stringRef("iree_codegen"));
  return success();
}

static void run(MlirOperation op, MlirExternalPass pass, void *definition) {
  if (failed(
          runGuarded(*static_cast<const PassDefinition *>(definition), op))) {
    mlirExternalPassSignalFailure(pass);
  }
}

MlirPass createPass(const PassDefinition &definition) {
  MlirExternalPassCallbacks callbacks = {construct, destruct, initialize, clone,
                                         run};
  // The definition lives as long as the process: its address names the pass.
  static_assert(alignof(PassDefinition) >= 8, "a type id needs free low bits");
  return mlirCreateExternalPass(
      mlirTypeIDCreate(&definition), stringRef(definition.argument),
      stringRef(definition.argument), stringRef(definition.description),
      /*opName=*/MlirStringRef{"", 0}, /*numDependentDialects=*/0,
      /*dependentDialects=*/nullptr, callbacks,
      const_cast<PassDefinition *>(&definition));
}

} // namespace iree_tuner
