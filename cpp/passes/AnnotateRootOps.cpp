// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gives each dispatch what a tuning spec needs to name exactly one op of it:
//
// - its root ops carry the root-op mark, in the form of the running release;
// - a root op carries the identity of its dispatch, `iree_tuner.dispatch`: the
//   function's name, or its symbol path if two dispatches share that name.
//   The k-th root after the first has '@k' appended;
// - every other configured op carries `iree_tuner.op`: the identity, '#' and
//   its number in walk order, from 1.
//
// Marks that the compiler made are kept. Without them the root is the op whose
// lowering configuration distributes the work over workgroups, or the only
// configured op. Several ops that distribute it are several roots if none of
// them feeds another. If that does not decide (before 3.12, a softmax on a GPU
// has three such ops in a row), the dispatch gets a remark and no mark: the
// pass never guesses.

#include "capi/HostFeatures.h"
#include "passes/Configuration.h"
#include "passes/ExternalPass.h"
#include "passes/Operations.h"

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace iree_tuner {

namespace {
struct Dispatch {
  MlirOperation function;
  /// Ops with a configuration, a mark or a number, in walk order.
  std::vector<MlirOperation> ops;
  std::vector<MlirOperation> roots;
  bool computes = false;
};
} // namespace

static bool hasPrefix(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

static bool isInExecutable(MlirOperation op, MlirOperation top) {
  while (!isNull(op)) {
    if (hasPrefix(operationName(op), "hal.executable")) {
      return true;
    }
    if (op.ptr == top.ptr) {
      break;
    }
    op = mlirOperationGetParentOperation(op);
  }
  return false;
}

/// Finds the functions, their ops of interest, and every op that carries an
/// identity from before, wherever it stands.
static MlirLogicalResult collect(MlirOperation top,
                                 std::vector<Dispatch> &dispatches,
                                 std::vector<MlirOperation> &identified) {
  std::unordered_map<const void *, size_t> indexOf;
  MlirLogicalResult result = success();
  walk(top, [&](MlirOperation op) {
    bool wasNumbered = !isNull(getAttribute(op, kOpIdentity));
    bool wasRoot = !isNull(getAttribute(op, kDispatchIdentity));
    if (wasNumbered || wasRoot) {
      identified.push_back(op);
    }
    if (isFunction(op)) {
      indexOf.emplace(op.ptr, dispatches.size());
      dispatches.push_back(Dispatch{op, {}, {}, false});
      // A declaration, of a microkernel for example, computes nothing here.
      bool isDeclared =
          !mlirRegionGetFirstBlock(mlirOperationGetRegion(op, 0)).ptr;
      dispatches.back().computes =
          !isDeclared && (isInExecutable(op, top) ||
                          !isNull(getAttribute(op, kTranslationInfo)));
      return;
    }
    MlirAttribute mark = getAttribute(op, kRootOpMark);
    bool relevant =
        !isNull(mark) || !isNull(loweringConfigOf(op)) || wasNumbered;
    std::string_view name = operationName(op);
    bool computes =
        hasPrefix(name, "linalg.") || hasPrefix(name, "iree_linalg_ext.");
    if (!relevant && !computes) {
      return;
    }
    MlirOperation function = enclosingFunction(op, top);
    if (isNull(function)) {
      if (relevant) {
        mlirEmitError(mlirOperationGetLocation(op),
                      "a configured op stands in no function of the nest that "
                      "is annotated; annotate the module that holds it");
        result = failure();
      }
      return;
    }
    Dispatch &dispatch = dispatches[indexOf.at(function.ptr)];
    dispatch.computes |= computes;
    if (!isNull(mark) && rootOpMarkSet(mark) < 0) {
      mlirEmitError(mlirOperationGetLocation(op),
                    "'root_op' is no root-op mark of this compiler release; "
                    "remove it and annotate again");
      result = failure();
      return;
    }
    if (relevant) {
      dispatch.ops.push_back(op);
    }
  });
  return result;
}

/// Says something about a dispatch without failing. Where the release has no
/// remarks it is an error diagnostic, and the pass passes all the same.
static void remark(MlirOperation function, const std::string &text) {
  std::string message = "'" + symbolName(function) + "' " + text;
  auto emit =
      hostFeatures().emitRemark ? hostFeatures().emitRemark : mlirEmitError;
  emit(mlirOperationGetLocation(function), message.c_str());
}

/// Whether some op of the list may get a value, through whatever ops, from
/// another. An op that is nested in a third one counts as fed by all that the
/// third one holds or uses.
static bool isAnyFedByAnother(const std::vector<MlirOperation> &ops) {
  std::unordered_set<const void *> listed;
  for (MlirOperation op : ops) {
    listed.insert(op.ptr);
  }
  bool isFed = false;
  std::unordered_set<const void *> seen;
  std::vector<MlirOperation> pending = ops;
  auto visit = [&](MlirOperation producer) {
    if (isNull(producer) || isFunction(producer) ||
        !seen.insert(producer.ptr).second) {
      return;
    }
    walk(producer,
         [&](MlirOperation op) { isFed |= listed.count(op.ptr) != 0; });
    pending.push_back(producer);
  };
  while (!pending.empty() && !isFed) {
    MlirOperation op = pending.back();
    pending.pop_back();
    for (intptr_t i = 0, e = mlirOperationGetNumOperands(op); i < e; ++i) {
      MlirValue operand = mlirOperationGetOperand(op, i);
      if (mlirValueIsAOpResult(operand)) {
        visit(mlirOpResultGetOwner(operand));
      }
    }
    MlirOperation parent = mlirOperationGetParentOperation(op);
    if (!isNull(parent) && !isFunction(parent)) {
      visit(parent);
    }
  }
  return isFed;
}

/// Decides the roots of one dispatch, or returns why they cannot be decided.
static void findRoots(Dispatch &dispatch) {
  std::vector<MlirOperation> configured;
  std::vector<MlirOperation> distributing;
  for (MlirOperation op : dispatch.ops) {
    if (rootOpMarkSet(getAttribute(op, kRootOpMark)) >= 0) {
      dispatch.roots.push_back(op);
    }
    MlirAttribute config = loweringConfigOf(op);
    if (isNull(config)) {
      continue;
    }
    configured.push_back(op);
    if (distributesWork(config)) {
      distributing.push_back(op);
    }
  }
  if (!dispatch.roots.empty()) {
    return;
  }
  const char *undecided = nullptr;
  if (distributing.size() > 1 && isAnyFedByAnother(distributing)) {
    undecided = " configured ops and several in a row distribute the work";
  } else if (!distributing.empty()) {
    dispatch.roots = std::move(distributing);
  } else if (configured.size() == 1) {
    dispatch.roots = std::move(configured);
  } else if (configured.empty()) {
    if (dispatch.computes) {
      remark(dispatch.function,
             "has no configured op, so no root op is marked; run iree-compile "
             "--compile-to=executable-configurations on it first");
    }
  } else {
    undecided = " configured ops and none of them distributes the work";
  }
  if (undecided) {
    remark(dispatch.function,
           "has " + std::to_string(configured.size()) + undecided +
               ", so no root op is marked; run iree-compile with "
               "--iree-codegen-add-tuner-attributes first "
               "(--iree-config-add-tuner-attributes before 3.11)");
  }
}

/// The symbol names from below `top` down to the function.
static std::string symbolPath(MlirOperation function, MlirOperation top) {
  std::string path = symbolName(function);
  MlirOperation op = function;
  while (op.ptr != top.ptr) {
    op = mlirOperationGetParentOperation(op);
    if (isNull(op) || op.ptr == top.ptr) {
      break;
    }
    std::string name = symbolName(op);
    if (!name.empty()) {
      path = name + "::" + path;
    }
  }
  return path;
}

namespace {
/// An identity that an op is to carry.
struct Identity {
  MlirOperation op;
  const char *attribute;
  std::string name;
};
} // namespace

/// The identities of one dispatch's ops, its roots first.
static void nameOps(const Dispatch &dispatch, const std::string &identity,
                    std::vector<Identity> &identities) {
  std::unordered_set<const void *> roots;
  for (size_t k = 0; k < dispatch.roots.size(); ++k) {
    roots.insert(dispatch.roots[k].ptr);
    identities.push_back(
        {dispatch.roots[k], kDispatchIdentity,
         k == 0 ? identity : identity + "@" + std::to_string(k)});
  }
  int number = 0;
  for (MlirOperation op : dispatch.ops) {
    if (!roots.count(op.ptr)) {
      identities.push_back(
          {op, kOpIdentity, identity + "#" + std::to_string(++number)});
    }
  }
}

/// Names every op of every dispatch; fails if a name would not be unique.
static MlirLogicalResult nameAll(MlirOperation top,
                                 const std::vector<Dispatch> &dispatches,
                                 std::vector<Identity> &identities) {
  std::unordered_map<std::string, int> timesUsed;
  for (const Dispatch &dispatch : dispatches) {
    ++timesUsed[symbolName(dispatch.function)];
  }
  std::unordered_set<std::string> names;
  for (const Dispatch &dispatch : dispatches) {
    if (dispatch.roots.empty()) {
      continue;
    }
    std::string identity = symbolName(dispatch.function);
    if (timesUsed[identity] > 1) {
      identity = symbolPath(dispatch.function, top);
    }
    size_t first = identities.size();
    nameOps(dispatch, identity, identities);
    for (size_t i = first; i < identities.size(); ++i) {
      if (!names.insert(identities[i].name).second) {
        std::string message = "two ops would both be named '" +
                              identities[i].name +
                              "'; give their functions, or the modules that "
                              "hold them, names that differ";
        mlirEmitError(mlirOperationGetLocation(dispatch.function),
                      message.c_str());
        return failure();
      }
    }
  }
  return success();
}

static MlirLogicalResult run(MlirOperation top) {
  std::vector<Dispatch> dispatches;
  std::vector<MlirOperation> identified;
  if (failed(collect(top, dispatches, identified))) {
    return failure();
  }
  for (Dispatch &dispatch : dispatches) {
    findRoots(dispatch);
  }
  std::vector<Identity> identities;
  if (failed(nameAll(top, dispatches, identities))) {
    return failure();
  }

  // Nothing has been changed so far, and nothing fails from here on.
  for (MlirOperation op : identified) {
    mlirOperationRemoveAttributeByName(op, stringRef(kDispatchIdentity));
    mlirOperationRemoveAttributeByName(op, stringRef(kOpIdentity));
  }
  MlirContext context = mlirOperationGetContext(top);
  for (const Dispatch &dispatch : dispatches) {
    for (size_t k = 0; k < dispatch.roots.size(); ++k) {
      if (isNull(getAttribute(dispatch.roots[k], kRootOpMark))) {
        mlirOperationSetAttributeByName(
            dispatch.roots[k], stringRef(kRootOpMark),
            rootOpMark(context, static_cast<int64_t>(k)));
      }
    }
  }
  for (const Identity &identity : identities) {
    mlirOperationSetAttributeByName(
        identity.op, stringRef(identity.attribute),
        mlirStringAttrGet(context, stringRef(identity.name)));
  }
  return success();
}

const PassDefinition kAnnotateRootOps = {
    "iree-tuner-annotate-root-ops",
    "Mark the root ops of each dispatch and give every configured op a name",
    run,
};

} // namespace iree_tuner
