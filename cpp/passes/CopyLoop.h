// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A loop that copies tiles into shared memory, waits, and computes from them:
//
//   barrier; copies of step i; wait; barrier; uses of step i
//
// It qualifies if its bounds are constant, if copies alone write its buffers,
// and if nothing outside of it uses these.

#ifndef IREE_TUNER_PASSES_COPYLOOP_H
#define IREE_TUNER_PASSES_COPYLOOP_H

#include "passes/Building.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace iree_tuner {

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

  MlirValue induction() const { return mlirBlockGetArgument(body, 0); }
};

/// Rewrites every loop with asynchronous copies that qualifies. `rewrite`
/// returns why it leaves a loop alone; "" if it rewrote it. If no loop is
/// rewritten, that is an error, which starts with `cannot`.
MlirLogicalResult
rewriteCopyLoops(MlirOperation top, const std::string &cannot,
                 const std::function<std::string(CopyLoop &)> &rewrite);

/// Another allocation of a buffer's element type in shared memory, in front of
/// it. `alignment` is in bytes; 0 keeps the buffer's.
MlirOperation allocateInstead(MlirOperation buffer,
                              const std::vector<int64_t> &shape,
                              int64_t alignment = 0);

/// Where a copy goes: a memref and its indices. The values that the copy is
/// computed from are in the map, for the step that is copied.
using Destination = std::function<std::vector<MlirValue>(
    const Builder &at, MlirOperation copy, ValueMap &values)>;

/// Starts the copies of the step at `induction`. Without a condition (null) it
/// is one of the loop's; otherwise zeros are copied if the condition is false.
/// The group is made by the caller.
void startCopies(const Builder &at, const CopyLoop &found, MlirValue induction,
                 MlirValue isInLoop, const Destination &destination);

/// Whether `induction` belongs to a step of the loop.
MlirValue isStepOf(const Builder &at, const CopyLoop &found,
                   MlirValue induction);

/// Closes a group of the copies that were started; the result is its token.
MlirValue makeGroup(const Builder &at, const CopyLoop &found);

/// Waits until at most `groups` groups are under way.
void waitFor(const Builder &at, MlirValue token, int groups);

/// Removes the copies, groups, waits and barriers that the loop had, and its
/// buffers' deallocations.
void eraseOld(const CopyLoop &found);

} // namespace iree_tuner

#endif // IREE_TUNER_PASSES_COPYLOOP_H
