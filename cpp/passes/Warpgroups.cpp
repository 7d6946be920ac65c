// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Warpgroups.h"

#include "passes/Fragments.h"
#include "passes/Operations.h"
#include "passes/SharedMemory.h"

#include <algorithm>
#include <array>
#include <set>
#include <unordered_map>

namespace iree_tuner {

/// Rows of one warp's part of an instruction, and an instruction's sums.
constexpr int64_t kWarpRows = 16;
constexpr int64_t kDepth = 16;
/// Columns of an instruction at most.
constexpr int64_t kMostColumns = 256;
constexpr int64_t kWarps = 4;

namespace {

/// Where a fragment starts: its number along rows or columns in each warp, and
/// the sum.
struct Start {
  std::vector<int64_t> other;
  int64_t sum = 0;
};

} // namespace

/// Finds where a fragment starts in its buffer; false if its elements do not
/// lie as those of a matrix. `isLhs`: matrices 1 and 3 are 8 rows on.
static bool locate(const Fragment &fragment, const Read &read, bool isLhs,
                   Operand &operand, Start &start) {
  for (bool hasInnerSums : {true, false}) {
    auto at = [&](int64_t address) {
      int64_t outer = address / operand.inner, inner = address % operand.inner;
      return hasInnerSums ? std::pair(outer, inner) : std::pair(inner, outer);
    };
    bool isRight = true;
    Start found;
    for (size_t thread = 0; thread < read.addresses.size() && isRight;
         ++thread) {
      int64_t lane = thread % kLanes;
      int64_t origin = read.addresses[thread - lane] + fragment.pairs[0][0];
      auto [other, sum] = at(origin);
      if (lane == 0) {
        found.other.push_back(other);
        isRight &= thread == 0 || sum == found.sum;
        found.sum = sum;
      }
      for (size_t matrix = 0; matrix < fragment.pairs.size(); ++matrix) {
        int64_t down = isLhs ? 8 * (matrix % 2) : 0;
        int64_t along = 8 * (isLhs ? matrix / 2 : matrix);
        for (int64_t i = 0; i < 2; ++i) {
          auto place = at(read.addresses[thread] + fragment.pairs[matrix][i]);
          isRight &= place == std::pair(other + lane / 4 + down,
                                        sum + 2 * (lane % 4) + i + along);
        }
      }
    }
    if (isRight) {
      if (operand.warpTiles < 0) {
        operand.hasInnerSums = hasInnerSums;
        operand.warpTiles = 0;
      } else if (operand.hasInnerSums != hasInnerSums) {
        return false;
      }
      start = found;
      return true;
    }
  }
  return false;
}

/// Enters an operand's buffer; false if it has another one.
static bool enterBuffer(MlirOperation buffer, Operand &operand) {
  if (!isNull(operand.buffer)) {
    return operand.buffer.ptr == buffer.ptr;
  }
  MlirType type = mlirValueGetType(mlirOperationGetResult(buffer, 0));
  std::vector<int64_t> shape = shapeOf(type);
  operand.buffer = buffer;
  operand.warpTiles = -1; // Not known yet.
  operand.inner = shape.back();
  operand.outer = 1;
  for (size_t i = 0; i + 1 < shape.size(); ++i) {
    operand.outer *= shape[i];
  }
  return true;
}

static bool isMultipleOf(int64_t value, int64_t unit) {
  return value > 0 && value % unit == 0;
}

/// Whether all tiles of the product are there, as warpgroups compute them.
static std::string checkTiles(Warpgroups &found) {
  const Operand &lhs = found.lhs, &rhs = found.rhs;
  int64_t columns = rhs.others();
  if (columns > kMostColumns || columns % kFragmentColumns != 0) {
    return "a subgroup's columns are not the workgroup's, or more than 256";
  }
  std::set<std::array<int64_t, 3>> places;
  for (const Part &part : found.parts) {
    places.insert({static_cast<int64_t>(part.step), part.row, part.column});
  }
  size_t expected = found.steps * lhs.warpTiles * (columns / kFragmentColumns);
  if (places.size() != expected || found.parts.size() != expected) {
    return "a subgroup's columns are not the workgroup's";
  }
  if (lhs.others() != found.groups * lhs.warpTiles * kTileRows) {
    return "warpgroups do not cover the rows";
  }
  int64_t sums = static_cast<int64_t>(found.steps) * kDepth;
  for (const Operand *operand : {&lhs, &rhs}) {
    if ((operand->hasInnerSums ? operand->inner : operand->outer) != sums ||
        !isMultipleOf(operand->inner, kLine) ||
        !isMultipleOf(operand->outer, kChunk)) {
      return "a buffer has no whole lines of 64 elements";
    }
  }
  return {};
}

/// Fills `found` from the loop's products. Returns why they cannot be computed
/// by warpgroups; "" if they can.
static std::string examineProducts(const CopyLoop &loop, Warpgroups &found) {
  std::vector<MlirOperation> ops = opsOf(loop.body);
  std::unordered_map<const void *, size_t> steps;
  if (std::string why = numberProducts(ops, loop.body, steps); !why.empty()) {
    return why;
  }
  Reads reads;
  std::vector<std::pair<Part, std::vector<int64_t>>> starts;
  for (MlirOperation op : ops) {
    if (operationName(op) != kProduct) {
      continue;
    }
    MlirType sums = mlirValueGetType(mlirOperationGetResult(op, 0));
    if (printed(sums) != "vector<2x2xf32>") {
      return "the sums are no f32";
    }
    Start start[2];
    for (int i = 0; i < 2; ++i) {
      Operand &operand = i == 0 ? found.lhs : found.rhs;
      Fragment fragment = {op, i};
      if (!follow(fragment, reads) ||
          fragment.pairs.size() != static_cast<size_t>(i == 0 ? 4 : 2) ||
          !enterBuffer(reads.at(fragment.read.ptr).buffer, operand)) {
        return "an operand is not read from one buffer";
      }
      const Read &read = reads.at(fragment.read.ptr);
      if (!locate(fragment, read, i == 0, operand, start[i])) {
        return "an operand's elements do not lie as a matrix";
      }
      found.thread = read.thread;
    }
    if (start[0].sum != start[1].sum || start[0].sum % kDepth != 0 ||
        std::set<int64_t>(start[1].other.begin(), start[1].other.end())
                .size() != 1) {
      return "a subgroup's columns are not the workgroup's";
    }
    starts.push_back({{op, steps[op.ptr], 0, start[1].other[0], start[0].sum},
                      start[0].other});
    found.steps = std::max(found.steps, steps[op.ptr] + 1);
  }
  std::set<int64_t> rows;
  for (const auto &[part, row] : starts) {
    rows.insert(row[0]);
  }
  found.lhs.warpTiles = rows.size();
  size_t warps = starts[0].second.size();
  if (warps % kWarps != 0) {
    return "the subgroups are no multiple of four";
  }
  found.groups = warps / kWarps;
  for (auto &[part, row] : starts) {
    part.row = row[0] / kWarpRows;
    for (size_t warp = 0; warp < warps; ++warp) {
      int64_t tile = warp * rows.size() + part.row;
      if (row[warp] != tile * kWarpRows) {
        return "subgroups do not lie along the rows in order";
      }
    }
    found.parts.push_back(part);
  }
  return checkTiles(found);
}

/// Whether a vector that was read ends in products and nowhere else.
static bool feedsProducts(MlirValue vector) {
  for (MlirOperation user : usersOf(vector)) {
    std::string_view name = operationName(user);
    if (name == kProduct) {
      continue;
    }
    if (name.substr(0, 7) != "vector." || isRead(user) ||
        mlirOperationGetNumResults(user) != 1 ||
        !feedsProducts(mlirOperationGetResult(user, 0))) {
      return false;
    }
  }
  return true;
}

/// Whether everything that reads a buffer does so for the products.
static bool servesProducts(MlirValue memref) {
  for (MlirOperation user : usersOf(memref)) {
    if (isView(user) && !servesProducts(mlirOperationGetResult(user, 0))) {
      return false;
    }
    if (isRead(user) && !feedsProducts(mlirOperationGetResult(user, 0))) {
      return false;
    }
  }
  return true;
}

/// Whether every copy moves a whole chunk in every thread.
static bool movesChunks(const CopyLoop &loop) {
  for (MlirOperation copy : loop.copies) {
    MlirValue memref = mlirOperationGetOperand(copy, 0);
    intptr_t rank = mlirShapedTypeGetRank(mlirValueGetType(memref));
    MlirValue inner = mlirOperationGetOperand(copy, rank);
    ThreadSource source;
    findThread(inner, source);
    if (operationName(definingOp(memref)) != "memref.alloc" ||
        mlirIntegerAttrGetValueInt(getAttribute(copy, "dstElements")) !=
            kChunk ||
        !source.isKnown) {
      return false;
    }
    for (int64_t thread = 0; thread < source.threads; ++thread) {
      auto index = valueIn(thread, inner);
      if (!index || *index % kChunk != 0) {
        return false;
      }
    }
  }
  return true;
}

/// Why the loop's buffers cannot get another layout.
static std::string checkBuffers(const CopyLoop &loop, const Warpgroups &found) {
  if (loop.buffers.size() != 2 ||
      found.lhs.buffer.ptr == found.rhs.buffer.ptr) {
    return "the products do not read two buffers of the loop";
  }
  for (MlirOperation buffer : loop.buffers) {
    bool isOurs = buffer.ptr == found.lhs.buffer.ptr ||
                  buffer.ptr == found.rhs.buffer.ptr;
    if (!isOurs || !servesProducts(mlirOperationGetResult(buffer, 0))) {
      return "a buffer serves something else than the products";
    }
  }
  return movesChunks(loop) ? "" : "a copy moves less than 16 bytes";
}

std::string examineWarpgroups(const CopyLoop &loop, Warpgroups &found) {
  if (std::string why = examineProducts(loop, found); !why.empty()) {
    return why;
  }
  MlirType buffer =
      mlirValueGetType(mlirOperationGetResult(found.lhs.buffer, 0));
  found.type = printed(mlirShapedTypeGetElementType(buffer));
  return checkBuffers(loop, found);
}

} // namespace iree_tuner
