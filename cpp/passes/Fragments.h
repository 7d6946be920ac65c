// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operands of nvgpu.mma.sync, followed to the reads of shared memory that they
// come from.
//
// A fragment of 16-bit elements consists of 8x8 matrices. Of each, lane l holds
// elements 2(l % 4) and 2(l % 4) + 1 of row l / 4. Which memory these are is
// not derived from the form of the code: the addresses of the reads are
// evaluated for every thread of the workgroup.

#ifndef IREE_TUNER_PASSES_FRAGMENTS_H
#define IREE_TUNER_PASSES_FRAGMENTS_H

#include "passes/Indices.h"

#include <array>
#include <cstdint>
#include <map>
#include <vector>

namespace iree_tuner {

/// Threads of a subgroup.
inline constexpr int kLanes = 32;

/// A read's address in elements from the start of its allocation, thread by
/// thread.
struct Read {
  bool isKnown = false;
  MlirOperation buffer = {nullptr};
  MlirValue thread = {nullptr};
  std::vector<int64_t> strides = {};
  std::vector<int64_t> addresses = {};
};

/// Reads that were evaluated before, by their ops.
using Reads = std::map<const void *, Read>;

/// How far the two elements that a lane holds of a matrix are from what `read`
/// reads first, in elements, in every thread.
using Pair = std::array<int64_t, 2>;

/// The matrices of one operand.
struct Fragment {
  MlirOperation user;
  intptr_t operand;
  MlirOperation read = {nullptr};
  std::vector<Pair> pairs = {};
};

/// Indices of a read: as many as its memref has dimensions.
intptr_t numIndices(MlirOperation read);

/// Fills the fragment from the operand of its user; false if its elements do
/// not all come from reads of one buffer in shared memory, at distances that
/// are the same in every thread.
bool follow(Fragment &fragment, Reads &reads);

} // namespace iree_tuner

#endif // IREE_TUNER_PASSES_FRAGMENTS_H
