// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef IREE_TUNER_PLUGIN_HOSTREGISTRY_H
#define IREE_TUNER_PLUGIN_HOSTREGISTRY_H

#include "capi/IREECompiler.h"

#include <cstdint>
#include <string>

namespace iree_tuner {

/// Adds every pass of this plugin to the host's registry. Does so once in a
/// process, whoever asks and however often; every caller gets the same answer.
/// Returns the reason of a failure, or an empty string.
std::string registerPassesOnce();

/// The value of a defined function in the ELF file's full symbol table.
/// Returns the reason of a failure, or an empty string.
std::string findElfSymbol(const std::string &path, const std::string &symbol,
                          uint64_t &value);

} // namespace iree_tuner

#endif // IREE_TUNER_PLUGIN_HOSTREGISTRY_H
