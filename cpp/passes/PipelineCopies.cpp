// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lets the asynchronous copies of a loop run N - 1 steps ahead of the step that
// uses them, with N buffers in the place of one. A step of the loop
//
//   barrier; copies of step i; wait; barrier; uses of step i
//
// becomes
//
//   wait until at most N - 2 groups of copies are under way; barrier;
//   copies of step i + N - 1; uses of step i
//
// and the first N - 1 groups are started before the loop. One barrier a step is
// enough. It shows every thread that step i has arrived, and that the step
// before is used up, whose buffer the copies that follow it write.
//
// A loop qualifies if its bounds are constant, if copies alone write its
// buffers, and if nothing outside of it uses these.

#include "passes/Building.h"
#include "passes/ExternalPass.h"
#include "passes/Operations.h"
#include "passes/SharedMemory.h"

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

namespace iree_tuner {

namespace {

constexpr char kCopy[] = "nvgpu.device_async_copy";
constexpr char kGroup[] = "nvgpu.device_async_create_group";
constexpr char kWait[] = "nvgpu.device_async_wait";
constexpr char kBarrier[] = "gpu.barrier";
/// Position of the destination among a copy's operands.
constexpr intptr_t kDestination = 0;

/// A loop whose copies are to run ahead.
struct CopyLoop {
  MlirOperation loop;
  MlirBlock body;
  int64_t lower = 0;
  int64_t upper = 0;
  int64_t step = 0;
  std::vector<MlirOperation> copies;
  std::vector<MlirOperation> groups;
  std::vector<MlirOperation> waits;
  std::vector<MlirOperation> barriers;
  /// The buffers that the copies write, in order.
  std::vector<MlirOperation> buffers;
  /// What the copies need of the body, in order: index computations and views.
  std::vector<MlirOperation> slice;
};

} // namespace

static std::vector<MlirOperation> opsOf(MlirBlock block) {
  std::vector<MlirOperation> ops;
  for (MlirOperation op = mlirBlockGetFirstOperation(block); !isNull(op);
       op = mlirOperationGetNextInBlock(op)) {
    ops.push_back(op);
  }
  return ops;
}

static bool isInside(MlirOperation op, MlirOperation loop) {
  while (!isNull(op)) {
    if (op.ptr == loop.ptr) {
      return true;
    }
    op = mlirOperationGetParentOperation(op);
  }
  return false;
}

static bool isMovable(MlirOperation op) {
  std::string_view name = operationName(op);
  return mlirOperationGetNumRegions(op) == 0 &&
         (isView(op) || name.substr(0, 6) == "arith." ||
          name.substr(0, 7) == "affine." || name == "iree_codegen.index_hint");
}

static bool isRead(MlirOperation op) {
  std::string_view name = operationName(op);
  return name == "vector.transfer_read" || name == "vector.load" ||
         name == "memref.load" || name == "nvgpu.ldmatrix";
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
      if (!isMovable(producer)) {
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

/// Fills `found`. Returns why the loop does not qualify; "" if it does.
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

/// The type of a view once it is one of a slice: the same strides from
/// wherever the slice starts.
static MlirType typeInSlice(MlirType type) {
  std::vector<int64_t> shape = shapeOf(type);
  std::vector<int64_t> strides(shape.size());
  int64_t offset = 0;
  mlirMemRefTypeGetStridesAndOffset(type, strides.data(), &offset);
  MlirType element = mlirShapedTypeGetElementType(type);
  MlirAttribute space = mlirMemRefTypeGetMemorySpace(type);
  MlirAttribute layout =
      mlirStridedLayoutAttrGet(mlirAttributeGetContext(space), INT64_MIN,
                               strides.size(), strides.data());
  return mlirMemRefTypeGet(element, shape.size(), shape.data(), layout, space);
}

/// The slice of step `number` (a value that counts steps from 0).
static MlirValue sliceOf(const Builder &at, MlirOperation buffers, MlirType old,
                         MlirValue number, int depth) {
  MlirValue slot =
      at.apply("(d0) -> (d0 mod " + std::to_string(depth) + ")", {number});
  std::vector<int64_t> shape = shapeOf(old);
  std::vector<int64_t> offsets(shape.size() + 1, 0);
  std::vector<int64_t> sizes = {1};
  std::vector<int64_t> strides(shape.size() + 1, 1);
  offsets[0] = INT64_MIN; // Dynamic.
  sizes.insert(sizes.end(), shape.begin(), shape.end());
  return mlirOperationGetResult(
      at.create(
          "memref.subview", {mlirOperationGetResult(buffers, 0), slot},
          {typeInSlice(old)},
          {{"static_offsets", at.integers(offsets)},
           {"static_sizes", at.integers(sizes)},
           {"static_strides", at.integers(strides)},
           {"operandSegmentSizes", at.attribute("array<i32: 1, 1, 0, 0>")}}),
      0);
}

/// The view `op` of another memref, at the builder's place.
static MlirOperation viewOf(const Builder &at, MlirOperation op,
                            ValueMap &values) {
  MlirValue old = mlirOperationGetResult(op, 0);
  MlirOperation copy = at.clone(op, values);
  mlirValueSetType(mlirOperationGetResult(copy, 0),
                   typeInSlice(mlirValueGetType(old)));
  return copy;
}

/// Puts `slice` in the place of `memref`: clones the views of it in front of
/// the loop's first op, and lets its readers use these.
static void redirect(const Builder &at, const CopyLoop &found, MlirValue memref,
                     MlirValue slice, ValueMap &values) {
  values[memref.ptr] = slice;
  for (MlirOperation user : usersOf(memref)) {
    if (isView(user)) {
      // A view that is made in the loop stays where its indices are known.
      bool isInLoop = isInside(user, found.loop);
      MlirOperation copy = viewOf(isInLoop ? Builder(user) : at, user, values);
      redirect(at, found, mlirOperationGetResult(user, 0),
               mlirOperationGetResult(copy, 0), values);
    } else if (isRead(user)) {
      for (intptr_t i = 0, e = mlirOperationGetNumOperands(user); i < e; ++i) {
        if (mlirOperationGetOperand(user, i).ptr == memref.ptr) {
          mlirOperationSetOperand(user, i, slice);
        }
      }
    }
  }
}

/// Starts the copies of the step whose induction value is `induction`, into
/// the buffers of the step that is `number`. Groups are made by the caller.
static void startCopies(const Builder &at, const CopyLoop &found,
                        const std::vector<MlirOperation> &multiplied,
                        MlirValue induction, MlirValue number, int depth) {
  ValueMap values;
  values[mlirBlockGetArgument(found.body, 0).ptr] = induction;
  for (size_t i = 0; i < multiplied.size(); ++i) {
    MlirValue old = mlirOperationGetResult(found.buffers[i], 0);
    values[old.ptr] =
        sliceOf(at, multiplied[i], mlirValueGetType(old), number, depth);
  }
  for (MlirOperation op : found.slice) {
    if (isView(op) &&
        isInSharedMemory(mlirValueGetType(mlirOperationGetResult(op, 0)))) {
      viewOf(at, op, values);
    } else {
      at.clone(op, values);
    }
  }
  for (MlirOperation copy : found.copies) {
    // Views outside of the loop lead from the destination to its buffer.
    std::vector<MlirOperation> views;
    MlirValue memref = mlirOperationGetOperand(copy, kDestination);
    while (!values.count(memref.ptr)) {
      views.push_back(definingOp(memref));
      memref = mlirOperationGetOperand(views.back(), 0);
    }
    while (!views.empty()) {
      viewOf(at, views.back(), values);
      views.pop_back();
    }
    at.clone(copy, values);
  }
}

static MlirOperation makeGroup(const Builder &at, MlirType token) {
  return at.create(kGroup, {}, {token});
}

static MlirOperation multiply(MlirOperation buffer, int depth) {
  MlirType old = mlirValueGetType(mlirOperationGetResult(buffer, 0));
  std::vector<int64_t> shape = shapeOf(old);
  shape.insert(shape.begin(), depth);
  MlirType type = mlirMemRefTypeGet(
      mlirShapedTypeGetElementType(old), shape.size(), shape.data(),
      MlirAttribute{nullptr}, mlirMemRefTypeGetMemorySpace(old));
  Builder at(buffer);
  Builder::Attributes attributes = {
      {"operandSegmentSizes", at.attribute("array<i32: 0, 0>")}};
  MlirAttribute alignment = getAttribute(buffer, "alignment");
  if (!isNull(alignment)) {
    attributes.push_back({"alignment", alignment});
  }
  return at.create("memref.alloc", {}, {type}, attributes);
}

/// "if the step `induction` is one of the loop's", and its body's end.
static MlirOperation makeIf(const Builder &at, const CopyLoop &found,
                            MlirValue induction) {
  MlirContext context = at.context();
  MlirType bit = mlirIntegerTypeGet(context, 1);
  MlirAttribute isLess = mlirIntegerAttrGet(mlirIntegerTypeGet(context, 64), 2);
  MlirOperation condition = at.create(
      "arith.cmpi", {induction, mlirOperationGetOperand(found.loop, 1)}, {bit},
      {{"predicate", isLess}});
  MlirBlock block = mlirBlockCreate(0, nullptr, nullptr);
  MlirOperationState end = mlirOperationStateGet(
      stringRef("scf.yield"), mlirOperationGetLocation(found.loop));
  mlirBlockAppendOwnedOperation(block, mlirOperationCreate(&end));
  MlirRegion region = mlirRegionCreate();
  mlirRegionAppendOwnedBlock(region, block);
  at.create("scf.if", {mlirOperationGetResult(condition, 0)}, {}, {},
            {region, mlirRegionCreate()});
  return mlirBlockGetTerminator(block);
}

static void erase(const std::vector<MlirOperation> &ops) {
  for (MlirOperation op : ops) {
    mlirOperationDestroy(op);
  }
}

static void pipeline(const CopyLoop &found, int depth) {
  std::vector<MlirOperation> multiplied;
  for (MlirOperation buffer : found.buffers) {
    multiplied.push_back(multiply(buffer, depth));
  }
  MlirType token = mlirValueGetType(mlirOperationGetResult(found.groups[0], 0));
  ValueMap none;

  Builder before(found.loop);
  before.clone(found.barriers[0], none);
  MlirOperation group = {nullptr};
  for (int i = 0; i < depth - 1; ++i) {
    int64_t induction = found.lower + i * found.step;
    if (induction < found.upper) {
      startCopies(before, found, multiplied, before.constant(induction),
                  before.constant(i), depth);
    }
    group = makeGroup(before, token);
  }

  MlirOperation first = mlirBlockGetFirstOperation(found.body);
  Builder head(first);
  MlirValue induction = mlirBlockGetArgument(found.body, 0);
  std::string number = "(d0 - " + std::to_string(found.lower) + ") floordiv " +
                       std::to_string(found.step);
  MlirAttribute groups =
      mlirIntegerAttrGet(mlirIntegerTypeGet(head.context(), 32), depth - 2);
  head.create(kWait, {mlirOperationGetResult(group, 0)}, {},
              {{"numGroups", groups}});
  head.clone(found.barriers[0], none);
  MlirValue ahead = head.apply(
      "(d0) -> (d0 + " + std::to_string((depth - 1) * found.step) + ")",
      {induction});
  MlirValue aheadNumber =
      head.apply("(d0) -> (" + number + " + " + std::to_string(depth - 1) + ")",
                 {induction});
  startCopies(Builder(makeIf(head, found, ahead)), found, multiplied, ahead,
              aheadNumber, depth);
  makeGroup(head, token);

  MlirValue here = head.apply("(d0) -> (" + number + ")", {induction});
  for (size_t i = 0; i < multiplied.size(); ++i) {
    MlirValue old = mlirOperationGetResult(found.buffers[i], 0);
    ValueMap values;
    redirect(head, found, old,
             sliceOf(head, multiplied[i], mlirValueGetType(old), here, depth),
             values);
  }

  erase(found.waits);
  erase(found.groups);
  erase(found.copies);
  erase(found.barriers);
  for (size_t i = 0; i < multiplied.size(); ++i) {
    for (MlirOperation user :
         usersOf(mlirOperationGetResult(found.buffers[i], 0))) {
      if (operationName(user) == "memref.dealloc") {
        mlirOperationSetOperand(user, 0,
                                mlirOperationGetResult(multiplied[i], 0));
      }
    }
  }
}

static MlirLogicalResult pipelineCopies(MlirOperation top, int depth) {
  std::vector<CopyLoop> loops;
  std::unordered_set<const void *> seen;
  walk(top, [&](MlirOperation op) {
    MlirOperation parent = mlirOperationGetParentOperation(op);
    if (operationName(op) == kCopy && !isNull(parent) &&
        operationName(parent) == "scf.for" && seen.insert(parent.ptr).second) {
      CopyLoop found;
      found.loop = parent;
      found.body = mlirOperationGetBlock(op);
      loops.push_back(found);
    }
  });
  std::string why = "no loop has asynchronous copies";
  bool isAny = false;
  for (CopyLoop &found : loops) {
    why = examine(found);
    if (why.empty()) {
      pipeline(found, depth);
      isAny = true;
    }
  }
  if (!isAny) {
    why = "copies cannot run ahead: " + why;
    mlirEmitError(mlirOperationGetLocation(top), why.c_str());
    return failure();
  }
  return success();
}

template <int depth>
static MlirLogicalResult pipelineCopiesOf(MlirOperation top) {
  return pipelineCopies(top, depth);
}

static constexpr char kDescription[] =
    "Lets the asynchronous copies of a loop run ahead, by as many buffers as "
    "the pass's name says";
const PassDefinition kPipelineCopies2 = {"iree-tuner-pipeline-copies-2",
                                         kDescription, pipelineCopiesOf<2>};
const PassDefinition kPipelineCopies3 = {"iree-tuner-pipeline-copies-3",
                                         kDescription, pipelineCopiesOf<3>};
const PassDefinition kPipelineCopies4 = {"iree-tuner-pipeline-copies-4",
                                         kDescription, pipelineCopiesOf<4>};
const PassDefinition kPipelineCopies5 = {"iree-tuner-pipeline-copies-5",
                                         kDescription, pipelineCopiesOf<5>};
const PassDefinition kPipelineCopies6 = {"iree-tuner-pipeline-copies-6",
                                         kDescription, pipelineCopiesOf<6>};

} // namespace iree_tuner
