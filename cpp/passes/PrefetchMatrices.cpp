// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads the operands of each matrix instruction one step before it is due.
//
// A loop whose copies run ahead (iree-tuner-pipeline-copies-N) reads a tile's
// operands as soon as the tile has arrived, so that all warps load at once and
// no one computes. Its products come in S steps along the sums. This pass makes
// of it
//
//   read step 1; a part of the copies; products of step 0
//   read step 2; a part of the copies; products of step 1
//   ...
//   group; wait; barrier; read step 0 of the next tile; products of step S - 1
//
// The loop carries the operands of step 0. The first tile's are read before it.

#include "passes/Building.h"
#include "passes/ExternalPass.h"
#include "passes/Operations.h"
#include "passes/SharedMemory.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace iree_tuner {

namespace {

struct ProductLoop {
  MlirOperation loop;
  MlirBlock body;
  MlirOperation wait = {nullptr};
  MlirOperation barrier = {nullptr};
  MlirOperation group = {nullptr};
  std::vector<MlirOperation> copies;
  /// Ops of the body by the first step that needs them: products, reads, and
  /// what makes operands of what was read.
  std::vector<std::vector<MlirOperation>> products;
  std::vector<std::vector<MlirOperation>> reads;
  std::vector<std::vector<MlirOperation>> shapings;
  /// What the reads of step 0 are computed from, themselves included, in order.
  std::vector<MlirOperation> firstReads;
};

} // namespace

static bool isShaping(MlirOperation op) {
  return operationName(op).substr(0, 7) == "vector." && !isRead(op) &&
         mlirOperationGetNumRegions(op) == 0;
}

/// Enters the first step that needs each op that a value of the body is
/// computed from.
static void trace(MlirValue value, size_t step, MlirBlock body,
                  std::unordered_map<const void *, size_t> &stepOf) {
  MlirOperation op = definingOp(value);
  if (isNull(op) || mlirOperationGetBlock(op).ptr != body.ptr) {
    return;
  }
  auto [known, isNew] = stepOf.try_emplace(op.ptr, step);
  if (!isNew && known->second <= step) {
    return;
  }
  known->second = step;
  for (intptr_t i = 0, e = mlirOperationGetNumOperands(op); i < e; ++i) {
    trace(mlirOperationGetOperand(op, i), step, body, stepOf);
  }
}

/// Fills `found`. Returns why the loop does not qualify; "" if it does.
static std::string examine(ProductLoop &found) {
  std::vector<MlirOperation> ops = opsOf(found.body);
  std::unordered_map<const void *, size_t> stepOf;
  if (std::string why = numberProducts(ops, found.body, stepOf); !why.empty()) {
    return why;
  }
  size_t steps = 0;
  for (const auto &[op, step] : stepOf) {
    steps = std::max(steps, step + 1);
  }
  found.products.resize(steps);
  found.reads.resize(steps);
  found.shapings.resize(steps);
  std::unordered_map<const void *, size_t> neededBy;
  for (MlirOperation op : ops) {
    if (operationName(op) == kProduct) {
      size_t step = stepOf[op.ptr];
      found.products[step].push_back(op);
      trace(mlirOperationGetOperand(op, 0), step, found.body, neededBy);
      trace(mlirOperationGetOperand(op, 1), step, found.body, neededBy);
    }
  }
  auto only = [](MlirOperation &place, MlirOperation op) {
    bool isFirst = isNull(place);
    place = op;
    return isFirst;
  };
  for (MlirOperation op : ops) {
    std::string_view name = operationName(op);
    auto needed = neededBy.find(op.ptr);
    if (name == kProduct || isIndexing(op) || name == "scf.yield") {
      continue;
    }
    if (name == kCopy) {
      found.copies.push_back(op);
    } else if ((name == kWait && only(found.wait, op)) ||
               (name == kBarrier && only(found.barrier, op)) ||
               (name == kGroup && only(found.group, op))) {
      continue;
    } else if (needed != neededBy.end() && isRead(op)) {
      found.reads[needed->second].push_back(op);
    } else if (needed != neededBy.end() && isShaping(op)) {
      found.shapings[needed->second].push_back(op);
    } else {
      return "the loop holds " + std::string(name);
    }
  }
  if (isNull(found.wait) || isNull(found.barrier) || isNull(found.group)) {
    return "its copies do not run ahead";
  }
  std::unordered_map<const void *, size_t> first;
  for (MlirOperation read : found.reads[0]) {
    trace(mlirOperationGetResult(read, 0), 0, found.body, first);
  }
  for (MlirOperation op : ops) {
    if (first.count(op.ptr)) {
      if (!isIndexing(op) && !isRead(op)) {
        return "a read depends on " + std::string(operationName(op));
      }
      found.firstReads.push_back(op);
    }
  }
  return {};
}

/// Reads the operands of step 0 of the tile at `induction`.
static std::vector<MlirValue>
readFirst(const Builder &at, const ProductLoop &found, MlirValue induction) {
  ValueMap values;
  values[mlirBlockGetArgument(found.body, 0).ptr] = induction;
  for (MlirOperation op : found.firstReads) {
    at.clone(op, values);
  }
  std::vector<MlirValue> read;
  for (MlirOperation op : found.reads[0]) {
    read.push_back(values[mlirOperationGetResult(op, 0).ptr]);
  }
  return read;
}

/// Puts the body's ops in their new order.
static void reorder(const ProductLoop &found, MlirOperation end) {
  auto moveAll = [&](const std::vector<MlirOperation> &ops) {
    for (MlirOperation op : ops) {
      mlirOperationMoveBefore(op, end);
    }
  };
  size_t steps = found.products.size(), next = 0;
  for (size_t step = 0; step < steps; ++step) {
    if (step + 1 < steps) {
      moveAll(found.reads[step + 1]);
    }
    size_t until = found.copies.size() * (step + 1) / steps;
    for (; next < until; ++next) {
      mlirOperationMoveBefore(found.copies[next], end);
    }
    if (step + 1 == steps) {
      moveAll({found.group, found.wait, found.barrier});
    }
    moveAll(found.shapings[step]);
    moveAll(found.products[step]);
  }
}

static void prefetch(const ProductLoop &found) {
  MlirOperation loop = found.loop;
  MlirLocation location = mlirOperationGetLocation(loop);
  Builder before(loop);
  ValueMap none;
  before.clone(found.wait, none);
  before.clone(found.barrier, none);
  std::vector<MlirValue> first =
      readFirst(before, found, mlirOperationGetOperand(loop, 0));

  // The same loop, with the operands of step 0 among what it carries.
  std::vector<MlirValue> operands;
  std::vector<MlirType> types;
  for (intptr_t i = 0, e = mlirOperationGetNumOperands(loop); i < e; ++i) {
    operands.push_back(mlirOperationGetOperand(loop, i));
  }
  for (intptr_t i = 0, e = mlirOperationGetNumResults(loop); i < e; ++i) {
    types.push_back(mlirValueGetType(mlirOperationGetResult(loop, i)));
  }
  for (MlirValue value : first) {
    operands.push_back(value);
    types.push_back(mlirValueGetType(value));
  }
  MlirRegion region = mlirRegionCreate();
  mlirRegionTakeBody(region, mlirOperationGetRegion(loop, 0));
  MlirOperation larger =
      before.create("scf.for", operands, types, {}, {region});
  for (intptr_t i = 0, e = mlirOperationGetNumResults(loop); i < e; ++i) {
    mlirValueReplaceAllUsesOfWith(mlirOperationGetResult(loop, i),
                                  mlirOperationGetResult(larger, i));
  }
  mlirOperationDestroy(loop);

  MlirOperation end = mlirBlockGetTerminator(found.body);
  reorder(found, end);

  // In front of the last products, behind the barrier.
  Builder at(found.shapings.back().empty() ? found.products.back().front()
                                           : found.shapings.back().front());
  MlirValue next = mlirOperationGetResult(
      at.create("arith.addi",
                {mlirBlockGetArgument(found.body, 0), operands[2]},
                {mlirIndexTypeGet(at.context())}),
      0);
  std::vector<MlirValue> following = readFirst(at, found, next);
  std::vector<MlirValue> carried;
  for (intptr_t i = 0, e = mlirOperationGetNumOperands(end); i < e; ++i) {
    carried.push_back(mlirOperationGetOperand(end, i));
  }
  carried.insert(carried.end(), following.begin(), following.end());
  Builder(end).create("scf.yield", carried, {});
  mlirOperationDestroy(end);
  for (MlirOperation read : found.reads[0]) {
    MlirValue value = mlirOperationGetResult(read, 0);
    mlirValueReplaceAllUsesOfWith(
        value,
        mlirBlockAddArgument(found.body, mlirValueGetType(value), location));
    mlirOperationDestroy(read);
  }
}

static MlirLogicalResult prefetchMatrices(MlirOperation top) {
  std::vector<ProductLoop> loops;
  std::unordered_set<const void *> seen;
  walk(top, [&](MlirOperation op) {
    MlirOperation parent = mlirOperationGetParentOperation(op);
    if (operationName(op) == kProduct && operationName(parent) == "scf.for" &&
        seen.insert(parent.ptr).second) {
      ProductLoop found;
      found.loop = parent;
      found.body = mlirOperationGetBlock(op);
      loops.push_back(found);
    }
  });
  std::string why = "no loop has matrix instructions";
  bool isAny = false;
  for (ProductLoop &found : loops) {
    why = examine(found);
    if (why.empty()) {
      prefetch(found);
      isAny = true;
    }
  }
  if (!isAny) {
    why = "operands cannot be read ahead: " + why;
    mlirEmitError(mlirOperationGetLocation(top), why.c_str());
    return failure();
  }
  return success();
}

const PassDefinition kPrefetchMatrices = {
    "iree-tuner-prefetch-matrices",
    "Reads operands of nvgpu.mma.sync one step before they are due",
    prefetchMatrices};

} // namespace iree_tuner
