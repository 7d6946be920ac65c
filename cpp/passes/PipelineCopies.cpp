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
// CopyLoop.h says which loops qualify.

#include "passes/CopyLoop.h"
#include "passes/ExternalPass.h"
#include "passes/Operations.h"
#include "passes/SharedMemory.h"

#include <cstdint>
#include <string>
#include <vector>

namespace iree_tuner {

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

/// Where copies of step `number` go: the same views of that step's slices.
static Destination intoSlices(const CopyLoop &found,
                              const std::vector<MlirOperation> &multiplied,
                              MlirValue number, int depth) {
  return [&found, &multiplied, number,
          depth](const Builder &at, MlirOperation copy, ValueMap &values) {
    std::vector<MlirOperation> views;
    MlirValue memref = mlirOperationGetOperand(copy, 0);
    while (!values.count(memref.ptr) && isView(definingOp(memref))) {
      views.push_back(definingOp(memref));
      memref = mlirOperationGetOperand(views.back(), 0);
    }
    for (size_t i = 0; i < multiplied.size() && !values.count(memref.ptr);
         ++i) {
      if (mlirOperationGetResult(found.buffers[i], 0).ptr == memref.ptr) {
        values[memref.ptr] =
            sliceOf(at, multiplied[i], mlirValueGetType(memref), number, depth);
      }
    }
    for (; !views.empty(); views.pop_back()) {
      viewOf(at, views.back(), values);
    }
    std::vector<MlirValue> place;
    MlirType type = mlirValueGetType(mlirOperationGetOperand(copy, 0));
    for (intptr_t i = 0, e = mlirShapedTypeGetRank(type); i <= e; ++i) {
      MlirValue operand = mlirOperationGetOperand(copy, i);
      auto other = values.find(operand.ptr);
      place.push_back(other == values.end() ? operand : other->second);
    }
    return place;
  };
}

static void pipeline(const CopyLoop &found, int depth) {
  std::vector<MlirOperation> multiplied;
  for (MlirOperation buffer : found.buffers) {
    std::vector<int64_t> shape =
        shapeOf(mlirValueGetType(mlirOperationGetResult(buffer, 0)));
    shape.insert(shape.begin(), depth);
    multiplied.push_back(allocateInstead(buffer, shape));
  }
  ValueMap none;

  Builder before(found.loop);
  before.clone(found.barriers[0], none);
  MlirValue group = {nullptr};
  for (int i = 0; i < depth - 1; ++i) {
    int64_t induction = found.lower + i * found.step;
    if (induction < found.upper) {
      startCopies(before, found, before.constant(induction), MlirValue{nullptr},
                  intoSlices(found, multiplied, before.constant(i), depth));
    }
    group = makeGroup(before, found);
  }

  Builder head(mlirBlockGetFirstOperation(found.body));
  MlirValue induction = found.induction();
  std::string number = "(d0 - " + std::to_string(found.lower) + ") floordiv " +
                       std::to_string(found.step);
  waitFor(head, group, depth - 2);
  head.clone(found.barriers[0], none);
  MlirValue ahead = head.apply(
      "(d0) -> (d0 + " + std::to_string((depth - 1) * found.step) + ")",
      {induction});
  MlirValue aheadNumber =
      head.apply("(d0) -> (" + number + " + " + std::to_string(depth - 1) + ")",
                 {induction});
  startCopies(head, found, ahead, isStepOf(head, found, ahead),
              intoSlices(found, multiplied, aheadNumber, depth));
  makeGroup(head, found);

  MlirValue here = head.apply("(d0) -> (" + number + ")", {induction});
  for (size_t i = 0; i < multiplied.size(); ++i) {
    MlirValue old = mlirOperationGetResult(found.buffers[i], 0);
    ValueMap values;
    redirect(head, found, old,
             sliceOf(head, multiplied[i], mlirValueGetType(old), here, depth),
             values);
  }

  eraseOld(found);
}

template <int depth>
static MlirLogicalResult pipelineCopies(MlirOperation top) {
  return rewriteCopyLoops(top, "copies cannot run ahead", [](CopyLoop &found) {
    pipeline(found, depth);
    return std::string();
  });
}

static constexpr char kDescription[] =
    "Lets the asynchronous copies of a loop run ahead, by as many buffers as "
    "the pass's name says";
const PassDefinition kPipelineCopies2 = {"iree-tuner-pipeline-copies-2",
                                         kDescription, pipelineCopies<2>};
const PassDefinition kPipelineCopies3 = {"iree-tuner-pipeline-copies-3",
                                         kDescription, pipelineCopies<3>};
const PassDefinition kPipelineCopies4 = {"iree-tuner-pipeline-copies-4",
                                         kDescription, pipelineCopies<4>};
const PassDefinition kPipelineCopies5 = {"iree-tuner-pipeline-copies-5",
                                         kDescription, pipelineCopies<5>};
const PassDefinition kPipelineCopies6 = {"iree-tuner-pipeline-copies-6",
                                         kDescription, pipelineCopies<6>};

} // namespace iree_tuner
