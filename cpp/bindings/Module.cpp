// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The extension module `tuner.native._core`: a list of what it is made of.

#include "bindings/Populate.h"

NB_MODULE(_core, module) {
  module.doc() = "Native half of tuner.native; use that package instead.";
  iree_tuner::populateOperations(module);
  iree_tuner::populateLoweringConfig(module);
  iree_tuner::populateTranslationInfo(module);
  iree_tuner::populatePipelineOptions(module);
  iree_tuner::populateGPUTarget(module);
  iree_tuner::populateProblem(module);
}
