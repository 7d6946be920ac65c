// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Fragments.h"

#include "passes/Operations.h"
#include "passes/SharedMemory.h"

#include <string>

namespace iree_tuner {

namespace {

/// How far an element is from the indices of its read, by dimension.
using Offsets = std::vector<int64_t>;

/// One element of a vector: what was read, how far from the read's indices.
struct Element {
  MlirOperation read = {nullptr};
  Offsets offsets;
};

} // namespace

intptr_t numIndices(MlirOperation read) {
  return mlirShapedTypeGetRank(
      mlirValueGetType(mlirOperationGetOperand(read, 0)));
}

/// Adds the place that an element of a read's vector has in memory; false if
/// the read is masked, broadcast, or padded.
static bool addPlace(MlirOperation read, const std::vector<int64_t> &position,
                     Offsets &offsets) {
  offsets.assign(numIndices(read), 0);
  if (operationName(read) == "vector.load") {
    size_t outer = offsets.size() - position.size();
    for (size_t i = 0; i < position.size(); ++i) {
      offsets[outer + i] = position[i];
    }
    return true;
  }
  // The memref, its indices and the padding; a mask would follow.
  if (mlirOperationGetNumOperands(read) != numIndices(read) + 2) {
    return false;
  }
  MlirAttribute inBounds = getAttribute(read, "in_bounds");
  for (intptr_t i = 0, e = mlirArrayAttrGetNumElements(inBounds); i < e; ++i) {
    if (!mlirBoolAttrGetValue(mlirArrayAttrGetElement(inBounds, i))) {
      return false;
    }
  }
  MlirAffineMap map =
      mlirAffineMapAttrGetValue(getAttribute(read, "permutation_map"));
  for (size_t i = 0; i < position.size(); ++i) {
    MlirAffineExpr dimension = mlirAffineMapGetResult(map, i);
    if (!mlirAffineExprIsADim(dimension)) {
      return false;
    }
    offsets[mlirAffineDimExprGetPosition(dimension)] += position[i];
  }
  return true;
}

static std::vector<int64_t> reshaped(const std::vector<int64_t> &position,
                                     const std::vector<int64_t> &from,
                                     const std::vector<int64_t> &to) {
  int64_t number = 0;
  for (size_t i = 0; i < from.size(); ++i) {
    number = number * from[i] + position[i];
  }
  std::vector<int64_t> result(to.size());
  for (size_t i = to.size(); i-- > 0;) {
    result[i] = number % to[i];
    number /= to[i];
  }
  return result;
}

/// Whether the element lies in what an insertion inserts; then `position` is
/// where in that.
static bool isInserted(MlirOperation op, std::vector<int64_t> &position) {
  MlirType type = mlirValueGetType(mlirOperationGetOperand(op, 0));
  std::vector<int64_t> shape =
      mlirTypeIsAVector(type) ? shapeOf(type) : std::vector<int64_t>{};
  bool isSlice = operationName(op) == "vector.insert_strided_slice";
  std::vector<int64_t> first =
      integersOf(getAttribute(op, isSlice ? "offsets" : "static_position"));
  first.resize(position.size(), 0);
  size_t outer = position.size() - shape.size();
  std::vector<int64_t> inside;
  for (size_t i = 0; i < position.size(); ++i) {
    int64_t size = i < outer ? 1 : shape[i - outer];
    int64_t distance = position[i] - first[i];
    if (distance < 0 || distance >= size) {
      return false;
    }
    if (i >= outer) {
      inside.push_back(distance);
    }
  }
  position = inside;
  return true;
}

/// Follows an element of a vector to the read that it comes from; false if
/// something else than moving made it.
static bool follow(MlirValue vector, std::vector<int64_t> position,
                   Element &element) {
  MlirOperation op = definingOp(vector);
  while (!isNull(op)) {
    std::string_view name = operationName(op);
    if (name == "vector.transfer_read" || name == "vector.load") {
      element.read = op;
      return isInSharedMemory(
                 mlirValueGetType(mlirOperationGetOperand(op, 0))) &&
             addPlace(op, position, element.offsets);
    }
    MlirValue source = mlirOperationGetOperand(op, 0);
    if (name == "vector.insert" || name == "vector.insert_strided_slice") {
      if (mlirOperationGetNumOperands(op) != 2) {
        return false;
      }
      if (!isInserted(op, position)) {
        source = mlirOperationGetOperand(op, 1);
      }
    } else if (name == "vector.extract") {
      std::vector<int64_t> outer =
          integersOf(getAttribute(op, "static_position"));
      if (mlirOperationGetNumOperands(op) != 1) {
        return false;
      }
      position.insert(position.begin(), outer.begin(), outer.end());
    } else if (name == "vector.shape_cast") {
      position = reshaped(position, shapeOf(mlirValueGetType(vector)),
                          shapeOf(mlirValueGetType(source)));
    } else if (name == "vector.transpose") {
      std::vector<int64_t> permutation =
          integersOf(getAttribute(op, "permutation"));
      std::vector<int64_t> before(position.size());
      for (size_t i = 0; i < position.size(); ++i) {
        before[permutation[i]] = position[i];
      }
      position = before;
    } else if (name == "vector.extract_strided_slice") {
      std::vector<int64_t> offsets = integersOf(getAttribute(op, "offsets"));
      for (size_t i = 0; i < offsets.size(); ++i) {
        position[i] += offsets[i];
      }
    } else {
      return false;
    }
    vector = source;
    op = definingOp(vector);
  }
  return false;
}

/// Evaluates a read in every thread. It is not known if it depends on anything
/// else.
static Read evaluate(MlirOperation op) {
  Read read;
  MlirValue memref = mlirOperationGetOperand(op, 0);
  MlirType type = mlirValueGetType(memref);
  read.strides.resize(mlirShapedTypeGetRank(type));
  int64_t offset = 0;
  ThreadSource source;
  for (intptr_t i = 0; i < numIndices(op); ++i) {
    findThread(mlirOperationGetOperand(op, 1 + i), source);
  }
  read.buffer = allocationOf(memref);
  if (isNull(read.buffer) || !source.isKnown || !source.thread.ptr ||
      source.threads % kLanes != 0 ||
      failed(mlirMemRefTypeGetStridesAndOffset(type, read.strides.data(),
                                               &offset)) ||
      offset < 0) {
    return read;
  }
  for (int64_t stride : read.strides) {
    if (stride < 0) {
      return read; // Dynamic.
    }
  }
  read.thread = source.thread;
  for (int64_t thread = 0; thread < source.threads; ++thread) {
    int64_t address = offset;
    for (intptr_t i = 0; i < numIndices(op); ++i) {
      auto index = valueIn(thread, mlirOperationGetOperand(op, 1 + i));
      if (!index) {
        return read;
      }
      address += *index * read.strides[i];
    }
    read.addresses.push_back(address);
  }
  read.isKnown = true;
  return read;
}

static const Read &evaluated(MlirOperation op, Reads &reads) {
  auto [known, isNew] = reads.try_emplace(op.ptr);
  if (isNew) {
    known->second = evaluate(op);
  }
  return known->second;
}

/// Enters how far an element is from what `first` reads first; false if that is
/// not the same in every thread.
static bool measure(const Element &element, MlirOperation first, Reads &reads,
                    int64_t &distance) {
  const Read &from = evaluated(first, reads);
  const Read &to = evaluated(element.read, reads);
  if (!from.isKnown || !to.isKnown || from.buffer.ptr != to.buffer.ptr ||
      from.thread.ptr != to.thread.ptr) {
    return false;
  }
  distance = to.addresses[0] - from.addresses[0];
  for (size_t i = 0; i < from.addresses.size(); ++i) {
    if (to.addresses[i] - from.addresses[i] != distance) {
      return false;
    }
  }
  for (size_t i = 0; i < element.offsets.size(); ++i) {
    distance += element.offsets[i] * to.strides[i];
  }
  return true;
}

bool follow(Fragment &fragment, Reads &reads) {
  MlirValue vector = mlirOperationGetOperand(fragment.user, fragment.operand);
  std::vector<int64_t> shape = shapeOf(mlirValueGetType(vector));
  if (shape.size() != 2 || shape[1] != 2) {
    return false;
  }
  for (int64_t matrix = 0; matrix < shape[0]; ++matrix) {
    Pair pair;
    for (int64_t i = 0; i < 2; ++i) {
      Element element;
      if (!follow(vector, {matrix, i}, element)) {
        return false;
      }
      if (matrix == 0 && i == 0) {
        fragment.read = element.read;
      }
      if (!measure(element, fragment.read, reads, pair[i])) {
        return false;
      }
    }
    fragment.pairs.push_back(pair);
  }
  return true;
}

} // namespace iree_tuner
