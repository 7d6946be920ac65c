// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/CopyLoop.h"

#include "passes/Operations.h"
#include "passes/SharedMemory.h"

#include <unordered_set>

namespace iree_tuner {

/// Position of the destination among a copy's operands.
constexpr intptr_t kDestination = 0;

/// Every loop with asynchronous copies, not examined yet.
static std::vector<CopyLoop> findCopyLoops(MlirOperation top) {
  std::vector<CopyLoop> loops;
  std::unordered_set<const void *> seen;
  walk(top, [&](MlirOperation op) {
    if (operationName(op) != kCopy) {
      return;
    }
    MlirOperation parent = mlirOperationGetParentOperation(op);
    if (!isNull(parent) && operationName(parent) == "scf.for" &&
        seen.insert(parent.ptr).second) {
      CopyLoop found;
      found.loop = parent;
      found.body = mlirOperationGetBlock(op);
      loops.push_back(found);
    }
  });
  return loops;
}

/// Enters what the copies' operands are computed from. Returns why they cannot
/// be computed for another step.
static std::string collectSlice(CopyLoop &found) {
  std::unordered_set<const void *> needed;
  std::vector<MlirOperation> pending = found.copies;
  MlirValue induction = mlirBlockGetArgument(found.body, 0);
  while (!pending.empty()) {
    MlirOperation op = pending.back();
    pending.pop_back();
    for (intptr_t i = 0, e = mlirOperationGetNumOperands(op); i < e; ++i) {
      MlirValue operand = mlirOperationGetOperand(op, i);
      if (mlirValueIsABlockArgument(operand)) {
        if (mlirBlockArgumentGetOwner(operand).ptr == found.body.ptr &&
            operand.ptr != induction.ptr) {
          return "a copy depends on what the loop carries";
        }
        continue;
      }
      MlirOperation producer = definingOp(operand);
      if (mlirOperationGetBlock(producer).ptr != found.body.ptr ||
          !needed.insert(producer.ptr).second) {
        continue;
      }
      if (!isIndexing(producer)) {
        return "a copy depends on " + std::string(operationName(producer));
      }
      pending.push_back(producer);
    }
  }
  for (MlirOperation op : opsOf(found.body)) {
    if (needed.count(op.ptr)) {
      found.slice.push_back(op);
    }
  }
  return {};
}

/// Why a buffer cannot be multiplied; "" if it can.
static std::string checkUses(MlirValue memref, const CopyLoop &found) {
  for (MlirOperation user : usersOf(memref)) {
    if (operationName(user) == "memref.dealloc") {
      continue;
    }
    if (isView(user)) {
      std::string why = checkUses(mlirOperationGetResult(user, 0), found);
      if (!why.empty()) {
        return why;
      }
      continue;
    }
    if (!isInside(user, found.loop)) {
      return "a buffer is used outside of the loop";
    }
    if (operationName(user) != kCopy && !isRead(user)) {
      return "a buffer is used by " + std::string(operationName(user));
    }
  }
  return {};
}

/// Why the loop's barriers may serve something else than its copies.
static std::string checkWrites(const CopyLoop &found) {
  std::string why;
  walk(found.loop, [&](MlirOperation op) {
    if (operationName(op) == kCopy || isView(op) || isRead(op)) {
      return;
    }
    for (intptr_t i = 0, e = mlirOperationGetNumOperands(op); i < e; ++i) {
      if (isInSharedMemory(mlirValueGetType(mlirOperationGetOperand(op, i)))) {
        why = "shared memory is written in the loop by " +
              std::string(operationName(op));
      }
    }
  });
  return why;
}

/// Fills the loop. Returns why it does not qualify; "" if it does.
static std::string examine(CopyLoop &found) {
  MlirValue bounds[3] = {mlirOperationGetOperand(found.loop, 0),
                         mlirOperationGetOperand(found.loop, 1),
                         mlirOperationGetOperand(found.loop, 2)};
  if (!readConstant(bounds[0], found.lower) ||
      !readConstant(bounds[1], found.upper) ||
      !readConstant(bounds[2], found.step) || found.step <= 0) {
    return "the loop's bounds are not constant";
  }
  std::unordered_set<const void *> seen;
  for (MlirOperation op : opsOf(found.body)) {
    std::string_view name = operationName(op);
    if (name == kCopy) {
      found.copies.push_back(op);
      MlirOperation buffer =
          allocationOf(mlirOperationGetOperand(op, kDestination));
      if (isNull(buffer) || isInside(buffer, found.loop)) {
        return "a copy's buffer is not allocated outside of the loop";
      }
      if (seen.insert(buffer.ptr).second) {
        found.buffers.push_back(buffer);
      }
    } else if (name == kGroup) {
      found.groups.push_back(op);
    } else if (name == kWait) {
      found.waits.push_back(op);
    } else if (name == kBarrier) {
      found.barriers.push_back(op);
    }
  }
  if (found.waits.empty() || found.barriers.empty()) {
    return "no step of the loop waits for its copies";
  }
  for (MlirOperation buffer : found.buffers) {
    MlirValue memref = mlirOperationGetResult(buffer, 0);
    if (std::string why = checkUses(memref, found); !why.empty()) {
      return why;
    }
  }
  if (std::string why = checkWrites(found); !why.empty()) {
    return why;
  }
  return collectSlice(found);
}

MlirLogicalResult
rewriteCopyLoops(MlirOperation top, const std::string &cannot,
                 const std::function<std::string(CopyLoop &)> &rewrite) {
  std::string why = "no loop has asynchronous copies";
  bool isAny = false;
  for (CopyLoop &found : findCopyLoops(top)) {
    why = examine(found);
    if (why.empty()) {
      why = rewrite(found);
    }
    isAny |= why.empty();
  }
  if (!isAny) {
    mlirEmitError(mlirOperationGetLocation(top), (cannot + ": " + why).c_str());
    return failure();
  }
  return success();
}

MlirOperation allocateInstead(MlirOperation buffer,
                              const std::vector<int64_t> &shape,
                              int64_t alignment) {
  MlirType old = mlirValueGetType(mlirOperationGetResult(buffer, 0));
  MlirType type = mlirMemRefTypeGet(
      mlirShapedTypeGetElementType(old), shape.size(), shape.data(),
      MlirAttribute{nullptr}, mlirMemRefTypeGetMemorySpace(old));
  Builder at(buffer);
  Builder::Attributes attributes = {
      {"operandSegmentSizes", at.attribute("array<i32: 0, 0>")}};
  if (alignment) {
    attributes.push_back(
        {"alignment",
         mlirIntegerAttrGet(mlirIntegerTypeGet(at.context(), 64), alignment)});
  } else if (MlirAttribute kept = getAttribute(buffer, "alignment");
             !isNull(kept)) {
    attributes.push_back({"alignment", kept});
  }
  return at.create("memref.alloc", {}, {type}, attributes);
}

/// The same copy to another place; of zeros if `isInLoop` is there and false.
/// No bytes of the source are read then.
static void copyTo(const Builder &at, const std::vector<MlirValue> &destination,
                   MlirValue isInLoop, MlirOperation copy, ValueMap &values) {
  std::vector<MlirValue> operands = destination;
  intptr_t into = mlirShapedTypeGetRank(
      mlirValueGetType(mlirOperationGetOperand(copy, kDestination)));
  intptr_t from = mlirShapedTypeGetRank(
      mlirValueGetType(mlirOperationGetOperand(copy, 1 + into)));
  // The source, its indices and, maybe, how many elements are read.
  for (intptr_t i = 1 + into, e = mlirOperationGetNumOperands(copy); i < e;
       ++i) {
    MlirValue operand = mlirOperationGetOperand(copy, i);
    auto found = values.find(operand.ptr);
    operands.push_back(found == values.end() ? operand : found->second);
  }
  MlirAttribute length = getAttribute(copy, "dstElements");
  intptr_t places = static_cast<intptr_t>(destination.size()) + 1 + from;
  if (isInLoop.ptr) {
    if (static_cast<intptr_t>(operands.size()) == places) {
      operands.push_back(at.constant(mlirIntegerAttrGetValueInt(length)));
    }
    operands.back() = mlirOperationGetResult(
        at.create("arith.select", {isInLoop, operands.back(), at.constant(0)},
                  {mlirIndexTypeGet(at.context())}),
        0);
  }
  std::string segments = "1, " + std::to_string(destination.size() - 1) +
                         ", 1, " + std::to_string(from) + ", " +
                         std::to_string(operands.size() - places);
  Builder::Attributes attributes = {
      {"dstElements", length},
      {"operandSegmentSizes", at.attribute("array<i32: " + segments + ">")}};
  // Tiles are used once they are in shared memory: the first cache is in the
  // way. It can be passed by copies of 16 bytes.
  std::string element = printed(mlirShapedTypeGetElementType(
      mlirValueGetType(mlirOperationGetOperand(copy, kDestination))));
  bool isHalf = element == "f16" || element == "bf16";
  if (isHalf && mlirIntegerAttrGetValueInt(length) == 8) {
    attributes.push_back({"bypassL1", mlirUnitAttrGet(at.context())});
  }
  at.create(kCopy, operands,
            {mlirValueGetType(mlirOperationGetResult(copy, 0))}, attributes);
}

void startCopies(const Builder &at, const CopyLoop &found, MlirValue induction,
                 MlirValue isInLoop, const Destination &destination) {
  ValueMap values;
  values[found.induction().ptr] = induction;
  for (MlirOperation op : found.slice) {
    // Views of shared memory are the destination's affair.
    bool isOurs =
        isView(op) &&
        isInSharedMemory(mlirValueGetType(mlirOperationGetResult(op, 0)));
    if (!isOurs) {
      at.clone(op, values);
    }
  }
  for (MlirOperation copy : found.copies) {
    copyTo(at, destination(at, copy, values), isInLoop, copy, values);
  }
}

MlirValue isStepOf(const Builder &at, const CopyLoop &found,
                   MlirValue induction) {
  MlirContext context = at.context();
  MlirAttribute isLess = mlirIntegerAttrGet(mlirIntegerTypeGet(context, 64), 2);
  return mlirOperationGetResult(
      at.create("arith.cmpi",
                {induction, mlirOperationGetOperand(found.loop, 1)},
                {mlirIntegerTypeGet(context, 1)}, {{"predicate", isLess}}),
      0);
}

MlirValue makeGroup(const Builder &at, const CopyLoop &found) {
  MlirType token = mlirValueGetType(mlirOperationGetResult(found.copies[0], 0));
  return mlirOperationGetResult(at.create(kGroup, {}, {token}), 0);
}

void waitFor(const Builder &at, MlirValue token, int groups) {
  MlirAttribute number =
      mlirIntegerAttrGet(mlirIntegerTypeGet(at.context(), 32), groups);
  at.create(kWait, {token}, {}, {{"numGroups", number}});
}

void eraseOld(const CopyLoop &found) {
  for (const auto *ops :
       {&found.waits, &found.groups, &found.copies, &found.barriers}) {
    for (MlirOperation op : *ops) {
      mlirOperationDestroy(op);
    }
  }
  for (MlirOperation buffer : found.buffers) {
    eraseDeallocations(mlirOperationGetResult(buffer, 0));
  }
}

} // namespace iree_tuner
