// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Buffers in the shared memory of a workgroup, and the views of them.

#ifndef IREE_TUNER_PASSES_SHAREDMEMORY_H
#define IREE_TUNER_PASSES_SHAREDMEMORY_H

#include "capi/IREECompiler.h"

namespace iree_tuner {

bool isInSharedMemory(MlirType type);
/// Whether the op makes another view of the memref that is its first operand.
bool isView(MlirOperation op);
/// The `memref.alloc` that a memref is a view of; null if there is none.
MlirOperation allocationOf(MlirValue memref);

} // namespace iree_tuner

#endif // IREE_TUNER_PASSES_SHAREDMEMORY_H
