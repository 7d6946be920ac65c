// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which loops of nvgpu.mma.sync Hopper's warpgroups can compute.
//
// What the operands hold is evaluated for every thread (Fragments.h). A warp's
// tiles of 16 rows may lie apart in the operand; in the new buffer the four
// warps' parts of a tile of 64 rows lie one after another.

#ifndef IREE_TUNER_PASSES_WARPGROUPS_H
#define IREE_TUNER_PASSES_WARPGROUPS_H

#include "passes/CopyLoop.h"

#include <string>
#include <vector>

namespace iree_tuner {

/// Elements of a line of a buffer, of which the layout makes eight chunks.
inline constexpr int64_t kLine = 64;
inline constexpr int64_t kChunk = 8;
/// Rows of an instruction.
inline constexpr int64_t kTileRows = 64;
/// Columns of a part of it that nvgpu.mma.sync computes.
inline constexpr int64_t kFragmentColumns = 8;
inline constexpr int64_t kElementBytes = 2;

/// One operand's buffer. Its memory holds `outer` lines of `inner` elements;
/// the sums lie along the inner dimension, or along the outer.
struct Operand {
  MlirOperation buffer = {nullptr};
  int64_t outer = 0;
  int64_t inner = 0;
  bool hasInnerSums = false;
  /// Tiles of 16 rows that a warp has; 0 for the right operand, whose columns
  /// keep their order.
  int64_t warpTiles = 0;

  int64_t bytes() const { return outer * inner * kElementBytes; }
  int64_t others() const { return hasInnerSums ? outer : inner; }
};

/// The part of a product that nvgpu.mma.sync computes.
struct Part {
  MlirOperation product;
  size_t step;
  int64_t row;
  int64_t column;
  int64_t sum;
};

struct Warpgroups {
  Operand lhs;
  Operand rhs;
  int64_t groups = 0;
  size_t steps = 0;
  std::vector<Part> parts;
  MlirValue thread = {nullptr};
  std::string type;
};

/// Fills `found` from the loop. Returns why warpgroups cannot compute its
/// products, or why its buffers cannot get another layout; "" if they can.
std::string examineWarpgroups(const CopyLoop &loop, Warpgroups &found);

} // namespace iree_tuner

#endif // IREE_TUNER_PASSES_WARPGROUPS_H
