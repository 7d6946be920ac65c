// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What counts as configuration, as a root-op mark and as an identity, and how
// each is read and removed. The passes share this vocabulary.

#ifndef IREE_TUNER_PASSES_CONFIGURATION_H
#define IREE_TUNER_PASSES_CONFIGURATION_H

#include "capi/IREECompiler.h"

#include <cstdint>

namespace iree_tuner {

inline constexpr const char kTranslationInfo[] = "translation_info";
inline constexpr const char kLoweringConfig[] = "lowering_config";
inline constexpr const char kCompilationInfo[] = "compilation_info";
inline constexpr const char kDecompositionConfig[] = "decomposition_config";
inline constexpr const char kUKernel[] = "iree_codegen.ukernel";
inline constexpr const char kRootOpMark[] = "root_op";
/// On a root op: the identity of its dispatch.
inline constexpr const char kDispatchIdentity[] = "iree_tuner.dispatch";
/// On another configured op: the identity of its dispatch, '#' and its number.
inline constexpr const char kOpIdentity[] = "iree_tuner.op";

/// The op's lowering configuration, given directly or within its compilation
/// info; null if it has none.
MlirAttribute loweringConfigOf(MlirOperation op);

/// The entries of a CPU or GPU lowering configuration as a DictionaryAttr; null
/// for any other attribute.
MlirAttribute loweringConfigEntries(MlirAttribute config);

/// Whether the configuration distributes the op over workgroups.
bool distributesWork(MlirAttribute config);

/// The set of a mark of either form (0 for the older, unit form); -1 if the
/// attribute is no mark.
int64_t rootOpMarkSet(MlirAttribute mark);
/// A mark in the form that the running release uses.
MlirAttribute rootOpMark(MlirContext context, int64_t set);

/// Removes every configuration from this op alone, and from none below it.
/// Marks and identities stay.
void clearConfiguration(MlirOperation op);

} // namespace iree_tuner

#endif // IREE_TUNER_PASSES_CONFIGURATION_H
