// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes asynchronous copies of reads of global memory whose vectors are written
// to shared memory. A run of them,
//
//   read, write; barrier; read, write; ...; barrier; reads of shared memory
//
// becomes
//
//   copy; copy; ...; group; wait; barrier; reads of shared memory
//
// The hardware copies 4, 8 or 16 bytes at a time. It reads fewer elements and
// adds zeros if a mask says how many there are, as tiles that are padded have
// it. A vector of another size, one with another mask, or one that something
// else uses stays as it is.

#include "passes/Building.h"
#include "passes/ExternalPass.h"
#include "passes/Operations.h"
#include "passes/SharedMemory.h"

#include <map>
#include <string>
#include <vector>

namespace iree_tuner {

namespace {

struct Pair {
  MlirOperation read;
  MlirOperation write;
};

/// Copies of one block between which nothing reads shared memory.
struct Run {
  std::vector<Pair> pairs;
  /// The barriers between copies, and behind the last one.
  std::vector<MlirOperation> between;
  std::vector<MlirOperation> behind;
};

} // namespace

/// Bytes of an element that can be copied; 0 for other types.
static int64_t bytesOf(MlirType element) {
  static const std::map<std::string, int64_t> kBytes = {
      {"f32", 4}, {"i32", 4}, {"f16", 2}, {"bf16", 2},     {"i16", 2},
      {"i8", 1},  {"f64", 8}, {"i64", 8}, {"f8E4M3FN", 1}, {"f8E5M2", 1},
  };
  auto found = kBytes.find(printed(element));
  return found == kBytes.end() ? 0 : found->second;
}

/// The elements of a vector along its last dimension; 0 if it has others, or is
/// no 4, 8 or 16 bytes long.
static int64_t elementsOf(MlirType vector) {
  std::vector<int64_t> shape = shapeOf(vector);
  int64_t bytes = bytesOf(mlirShapedTypeGetElementType(vector));
  for (size_t i = 0; i + 1 < shape.size(); ++i) {
    bytes = shape[i] == 1 ? bytes : 0;
  }
  bytes = shape.empty() ? 0 : bytes * shape.back();
  return bytes == 4 || bytes == 8 || bytes == 16 ? shape.back() : 0;
}

/// Whether a transfer moves vectors along the memref's last dimension, none of
/// which reaches over its end. A mask may leave some of it out.
static bool isAlongRows(MlirOperation transfer, MlirType memref) {
  intptr_t rank = mlirShapedTypeGetRank(memref);
  MlirAttribute inBounds = getAttribute(transfer, "in_bounds");
  intptr_t dimensions = mlirArrayAttrGetNumElements(inBounds);
  for (intptr_t i = 0; i < dimensions; ++i) {
    if (!mlirBoolAttrGetValue(mlirArrayAttrGetElement(inBounds, i))) {
      return false;
    }
  }
  MlirAffineMap map =
      mlirAffineMapAttrGetValue(getAttribute(transfer, "permutation_map"));
  MlirAffineExpr last = mlirAffineMapGetResult(map, dimensions - 1);
  return mlirAffineExprIsADim(last) &&
         mlirAffineDimExprGetPosition(last) == rank - 1;
}

/// Beside the memref's indices and a mask, a transfer has two operands.
static bool isMasked(MlirOperation transfer, MlirType memref) {
  return mlirOperationGetNumOperands(transfer) >
         mlirShapedTypeGetRank(memref) + 2;
}

/// What makes the mask of a masked transfer: its last operand.
static MlirOperation maskOf(MlirOperation transfer) {
  return definingOp(mlirOperationGetOperand(
      transfer, mlirOperationGetNumOperands(transfer) - 1));
}

/// Whether a read brings zeros, or anything at all, where its mask is false.
static bool padsByZeros(MlirOperation read, MlirType memref) {
  MlirOperation padding = definingOp(
      mlirOperationGetOperand(read, mlirShapedTypeGetRank(memref) + 1));
  if (isNull(padding)) {
    return false;
  }
  if (operationName(padding) == "ub.poison") {
    return true;
  }
  if (operationName(padding) != "arith.constant") {
    return false;
  }
  std::string value = printed(getAttribute(padding, "value"));
  return value.rfind("0.000000e+00 ", 0) == 0 || value.rfind("0 ", 0) == 0;
}

/// Whether a read is of whole vectors, or masked by the number of elements.
static bool canCopy(MlirOperation read, MlirType memref) {
  if (!isMasked(read, memref)) {
    return true;
  }
  MlirOperation mask = maskOf(read);
  return !isNull(mask) && operationName(mask) == "vector.create_mask" &&
         padsByZeros(read, memref);
}

/// Whether `write` puts into shared memory what a read of global memory brings,
/// and nothing else uses that.
static bool isCopy(MlirOperation write, Pair &pair) {
  if (operationName(write) != "vector.transfer_write") {
    return false;
  }
  MlirType into = mlirValueGetType(mlirOperationGetOperand(write, 1));
  MlirOperation read = definingOp(mlirOperationGetOperand(write, 0));
  if (!isInSharedMemory(into) || isNull(read) ||
      operationName(read) != "vector.transfer_read" ||
      mlirOperationGetBlock(read).ptr != mlirOperationGetBlock(write).ptr ||
      usersOf(mlirOperationGetResult(read, 0)).size() != 1) {
    return false;
  }
  MlirType from = mlirValueGetType(mlirOperationGetOperand(read, 0));
  if (!mlirTypeIsAMemRef(from)) {
    return false;
  }
  MlirAttribute space = mlirMemRefTypeGetMemorySpace(from);
  bool isGlobal = isNull(space) ||
                  printed(space).find("gpu.address_space") == std::string::npos;
  pair = {read, write};
  return isGlobal &&
         elementsOf(mlirValueGetType(mlirOperationGetOperand(write, 0))) &&
         isAlongRows(read, from) && canCopy(read, from) &&
         isAlongRows(write, into) && !isMasked(write, into);
}

/// How many elements a mask lets through: those of its last dimension, if all
/// others, which have one element, are not empty.
static MlirValue countOf(const Builder &at, MlirOperation mask,
                         int64_t elements) {
  auto combine = [&](const char *name, MlirValue one, MlirValue other) {
    return mlirOperationGetResult(
        at.create(name, {one, other}, {mlirIndexTypeGet(at.context())}), 0);
  };
  auto clamp = [&](MlirValue value, int64_t most) {
    return combine("arith.minsi", combine("arith.maxsi", value, at.constant(0)),
                   at.constant(most));
  };
  intptr_t last = mlirOperationGetNumOperands(mask) - 1;
  MlirValue count = clamp(mlirOperationGetOperand(mask, last), elements);
  for (intptr_t i = 0; i < last; ++i) {
    count = combine("arith.muli", count,
                    clamp(mlirOperationGetOperand(mask, i), 1));
  }
  return count;
}

static void copy(const Pair &pair, MlirType token) {
  Builder at(pair.write);
  MlirType vector = mlirValueGetType(mlirOperationGetOperand(pair.write, 0));
  int64_t elements = elementsOf(vector);
  std::vector<MlirValue> operands;
  auto addPlace = [&](MlirOperation op, intptr_t first) {
    MlirValue memref = mlirOperationGetOperand(op, first);
    intptr_t rank = mlirShapedTypeGetRank(mlirValueGetType(memref));
    for (intptr_t i = 0; i <= rank; ++i) {
      operands.push_back(mlirOperationGetOperand(op, first + i));
    }
    return rank;
  };
  intptr_t into = addPlace(pair.write, 1);
  intptr_t from = addPlace(pair.read, 0);
  bool isPart = isMasked(
      pair.read, mlirValueGetType(mlirOperationGetOperand(pair.read, 0)));
  if (isPart) {
    operands.push_back(countOf(at, maskOf(pair.read), elements));
  }
  std::string segments = "array<i32: 1, " + std::to_string(into) + ", 1, " +
                         std::to_string(from) + ", " + (isPart ? "1>" : "0>");
  Builder::Attributes attributes = {
      {"dstElements",
       mlirIntegerAttrGet(mlirIndexTypeGet(at.context()), elements)},
      {"operandSegmentSizes", at.attribute(segments)}};
  if (elements * bytesOf(mlirShapedTypeGetElementType(vector)) == 16) {
    attributes.push_back({"bypassL1", mlirUnitAttrGet(at.context())});
    alignToAccess(allocationOf(mlirOperationGetOperand(pair.write, 1)));
  }
  at.create(kCopy, operands, {token}, attributes);
  mlirOperationDestroy(pair.write);
  mlirOperationDestroy(pair.read);
}

static void rewrite(const Run &run) {
  MlirOperation last = mlirOperationGetNextInBlock(run.pairs.back().write);
  Builder at(run.behind.empty() ? last : run.behind.front());
  MlirType token =
      mlirTypeParseGet(at.context(), stringRef("!nvgpu.device.async.token"));
  for (const Pair &pair : run.pairs) {
    copy(pair, token);
  }
  MlirOperation group = at.create(kGroup, {}, {token});
  at.create(kWait, {mlirOperationGetResult(group, 0)}, {});
  for (MlirOperation barrier : run.between) {
    mlirOperationDestroy(barrier);
  }
}

/// Whether the op may read shared memory or change what is copied, or hides
/// what it does.
static bool endsRun(MlirOperation op) {
  std::string_view name = operationName(op);
  if (mlirOperationGetNumRegions(op) != 0 || name == "vector.transfer_write" ||
      name == "vector.store" || name == "memref.store") {
    return true;
  }
  if (isView(op) || operationName(op) == kBarrier) {
    return false;
  }
  for (intptr_t i = 0, e = mlirOperationGetNumOperands(op); i < e; ++i) {
    if (isInSharedMemory(mlirValueGetType(mlirOperationGetOperand(op, i)))) {
      return true;
    }
  }
  return false;
}

/// The runs of a block, in order.
static std::vector<Run> runsOf(MlirBlock block) {
  std::vector<Run> runs;
  bool isOpen = false;
  for (MlirOperation op : opsOf(block)) {
    Pair pair;
    if (isCopy(op, pair)) {
      if (!isOpen) {
        runs.emplace_back();
        isOpen = true;
      }
      Run &run = runs.back();
      run.between.insert(run.between.end(), run.behind.begin(),
                         run.behind.end());
      run.behind.clear();
      run.pairs.push_back(pair);
    } else if (isOpen && operationName(op) == kBarrier) {
      runs.back().behind.push_back(op);
    } else if (isOpen && endsRun(op)) {
      isOpen = false;
    }
  }
  return runs;
}

static MlirLogicalResult copyAsynchronously(MlirOperation top) {
  std::vector<MlirBlock> blocks;
  std::map<const void *, bool> seen;
  walk(top, [&](MlirOperation op) {
    if (operationName(op) == "vector.transfer_write") {
      MlirBlock block = mlirOperationGetBlock(op);
      if (!seen[block.ptr]) {
        seen[block.ptr] = true;
        blocks.push_back(block);
      }
    }
  });
  bool isAny = false;
  for (MlirBlock block : blocks) {
    for (const Run &run : runsOf(block)) {
      rewrite(run);
      isAny = true;
    }
  }
  if (!isAny) {
    mlirEmitError(
        mlirOperationGetLocation(top),
        "nothing is copied from global to shared memory by 4, 8 or 16 "
        "bytes at a time");
    return failure();
  }
  return success();
}

const PassDefinition kCopyAsynchronously = {
    "iree-tuner-copy-asynchronously",
    "Makes asynchronous copies of transfers from global to shared memory",
    copyAsynchronously};

} // namespace iree_tuner
