// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Index computations of a workgroup's threads: their values thread by thread,
// and the same computation for another thread.

#ifndef IREE_TUNER_PASSES_INDICES_H
#define IREE_TUNER_PASSES_INDICES_H

#include "passes/Building.h"

#include <cstdint>
#include <optional>

namespace iree_tuner {

/// What a computation ends in: its thread's number along x, if that is all that
/// varies. Null if the value is constant.
struct ThreadSource {
  MlirValue thread = {nullptr};
  /// Threads that a workgroup has along x at most.
  int64_t threads = 1024;
  /// Whether the value depends on nothing but the thread and constants.
  bool isKnown = true;
};

/// Adds what `index` depends on to `source`.
void findThread(MlirValue index, ThreadSource &source);

/// The value of `index` in one thread; none if it depends on something else.
std::optional<int64_t> valueIn(int64_t thread, MlirValue index);

/// Clones the computation of `index`, with other values in the place of those
/// that `values` holds. Hints about values are left out.
MlirValue recompute(const Builder &at, MlirValue index, ValueMap &values);

} // namespace iree_tuner

#endif // IREE_TUNER_PASSES_INDICES_H
