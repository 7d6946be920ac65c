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
#include <vector>

namespace iree_tuner {

/// Threads of a subgroup.
inline constexpr int kLanes = 32;

/// How far an element is from the indices of its read, by dimension.
using Offsets = std::vector<int64_t>;

/// The matrices of one operand. `offsets` are those of both elements that a
/// lane holds of each matrix.
struct Fragment {
  MlirOperation user;
  intptr_t operand;
  MlirOperation read = {nullptr};
  std::vector<std::array<Offsets, 2>> offsets = {};
};

/// A read's address in elements, thread by thread.
struct Read {
  bool isKnown = false;
  MlirValue thread = {nullptr};
  std::vector<int64_t> strides = {};
  std::vector<int64_t> addresses = {};

  /// The distance in elements that offsets stand for.
  int64_t distance(const Offsets &offsets) const;
};

/// Indices of a read: as many as its memref has dimensions.
intptr_t numIndices(MlirOperation read);

/// Fills the fragment from the operand of its user; false if its elements do
/// not all come from one read of shared memory.
bool follow(Fragment &fragment);

/// Evaluates a read in every thread. It is not known if it depends on anything
/// else.
Read evaluate(MlirOperation op);

} // namespace iree_tuner

#endif // IREE_TUNER_PASSES_FRAGMENTS_H
