// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A pass as this project writes one: a name, a sentence and a function. The
// rest, registration and the C callbacks, is the same for all of them.

#ifndef IREE_TUNER_PASSES_EXTERNALPASS_H
#define IREE_TUNER_PASSES_EXTERNALPASS_H

#include "capi/IREECompiler.h"

namespace iree_tuner {

struct PassDefinition {
  const char *argument;
  const char *description;
  /// Works on one op nest of any kind. Emits a diagnostic before it fails.
  MlirLogicalResult (*run)(MlirOperation op);
};

extern const PassDefinition kAllocateOnStack;
extern const PassDefinition kAnnotateRootOps;
extern const PassDefinition kCopyAsynchronously;
extern const PassDefinition kLoadMatrices;
extern const PassDefinition kOrderWorkgroups;
extern const PassDefinition kPipelineCopies2;
extern const PassDefinition kPipelineCopies3;
extern const PassDefinition kPipelineCopies4;
extern const PassDefinition kPipelineCopies5;
extern const PassDefinition kPipelineCopies6;
extern const PassDefinition kPrefetchMatrices;
extern const PassDefinition kStripAnnotations;
extern const PassDefinition kStripConfiguration;
extern const PassDefinition kStripRootConfiguration;
extern const PassDefinition kWarpgroupProducts3;
extern const PassDefinition kWarpgroupProducts4;
extern const PassDefinition kWarpgroupProducts5;
extern const PassDefinition kWarpgroupProducts6;

/// Every pass of the plugin, ended by null.
extern const PassDefinition *const kPasses[];

/// A new instance of the pass for a pass manager, which takes ownership.
MlirPass createPass(const PassDefinition &definition);

/// Runs the pass on `op`. An exception becomes a diagnostic and a failure.
MlirLogicalResult runGuarded(const PassDefinition &definition,
                             MlirOperation op);

} // namespace iree_tuner

#endif // IREE_TUNER_PASSES_EXTERNALPASS_H
