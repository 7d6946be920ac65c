// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What passes ask of operations through MLIR's C API.

#ifndef IREE_TUNER_PASSES_OPERATIONS_H
#define IREE_TUNER_PASSES_OPERATIONS_H

#include "capi/IREECompiler.h"

#include <functional>
#include <string>
#include <string_view>

namespace iree_tuner {

std::string_view view(MlirStringRef text);
MlirStringRef stringRef(const std::string &text);

/// As MLIR prints it.
std::string printed(MlirAttribute attribute);
std::string printed(MlirType type);

/// The attribute of that name, of any kind; null if there is none.
MlirAttribute getAttribute(MlirOperation op, const char *name);

/// Calls `visit` on `op` and on everything below it, parents first.
void walk(MlirOperation op, const std::function<void(MlirOperation)> &visit);

std::string_view operationName(MlirOperation op);
/// The op's symbol name; empty if it has none.
std::string symbolName(MlirOperation op);
bool isFunction(MlirOperation op);
/// The function that holds `op`, itself included, not looking above `top`; null
/// if there is none.
MlirOperation enclosingFunction(MlirOperation op, MlirOperation top);

} // namespace iree_tuner

#endif // IREE_TUNER_PASSES_OPERATIONS_H
