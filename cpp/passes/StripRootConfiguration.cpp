// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Removes the configuration of each dispatch's function and of its root ops,
// and keeps that of its other ops. A dispatch of several configured ops, such
// as a softmax, needs the rest when its root is configured anew.

#include "passes/Configuration.h"
#include "passes/ExternalPass.h"
#include "passes/Operations.h"

#include <unordered_map>
#include <vector>

namespace iree_tuner {

namespace {
struct Function {
  MlirOperation op;
  bool hasRoot = false;
  bool hasConfiguredOp = false;
};
} // namespace

static MlirLogicalResult run(MlirOperation top) {
  std::vector<Function> functions;
  std::unordered_map<const void *, size_t> indexOf;
  std::vector<MlirOperation> roots;
  walk(top, [&](MlirOperation op) {
    if (isFunction(op)) {
      indexOf.emplace(op.ptr, functions.size());
      functions.push_back(Function{op});
      return;
    }
    bool isRoot = rootOpMarkSet(getAttribute(op, kRootOpMark)) >= 0;
    if (isRoot) {
      roots.push_back(op);
    }
    if (!isRoot && isNull(loweringConfigOf(op))) {
      return;
    }
    MlirOperation function = enclosingFunction(op, top);
    if (!isNull(function)) {
      Function &entry = functions[indexOf.at(function.ptr)];
      entry.hasRoot |= isRoot;
      entry.hasConfiguredOp = true;
    }
  });

  MlirLogicalResult result = success();
  for (const Function &function : functions) {
    if (function.hasConfiguredOp && !function.hasRoot) {
      std::string message = "'" + symbolName(function.op) +
                            "' has configured ops but no root op; run "
                            "iree-tuner-annotate-root-ops before this pass";
      mlirEmitError(mlirOperationGetLocation(function.op), message.c_str());
      result = failure();
      continue;
    }
    clearConfiguration(function.op);
  }
  for (MlirOperation root : roots) {
    clearConfiguration(root);
  }
  return result;
}

const PassDefinition kStripRootConfiguration = {
    "iree-tuner-strip-root-configuration",
    "Remove the configuration of functions and root ops; keep the other ops'",
    run,
};

} // namespace iree_tuner
