// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One function for each concept that `_core` binds.

#ifndef IREE_TUNER_BINDINGS_POPULATE_H
#define IREE_TUNER_BINDINGS_POPULATE_H

#include <nanobind/nanobind.h>

namespace iree_tuner {

void populateGPUTarget(nanobind::module_ &module);
void populateLoweringConfig(nanobind::module_ &module);
void populateOperations(nanobind::module_ &module);
void populatePipelineOptions(nanobind::module_ &module);
void populateProblem(nanobind::module_ &module);
void populateTranslationInfo(nanobind::module_ &module);

} // namespace iree_tuner

#endif // IREE_TUNER_BINDINGS_POPULATE_H
