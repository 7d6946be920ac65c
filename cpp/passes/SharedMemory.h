// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loops that copy into the shared memory of a workgroup and compute from it:
// their ops, their buffers, and the views of these.

#ifndef IREE_TUNER_PASSES_SHAREDMEMORY_H
#define IREE_TUNER_PASSES_SHAREDMEMORY_H

#include "capi/IREECompiler.h"

#include <string>
#include <unordered_map>
#include <vector>

namespace iree_tuner {

inline constexpr char kCopy[] = "nvgpu.device_async_copy";
inline constexpr char kGroup[] = "nvgpu.device_async_create_group";
inline constexpr char kWait[] = "nvgpu.device_async_wait";
inline constexpr char kBarrier[] = "gpu.barrier";
inline constexpr char kProduct[] = "nvgpu.mma.sync";

bool isInSharedMemory(MlirType type);
/// Whether the op makes another view of the memref that is its first operand.
bool isView(MlirOperation op);
/// The `memref.alloc` that a memref is a view of; null if there is none.
MlirOperation allocationOf(MlirValue memref);

/// Erases the deallocations of a buffer, or of views of it, which then lives as
/// long as what it is allocated in.
void eraseDeallocations(MlirValue memref);

/// Lets a buffer start at a multiple of 16 bytes, as accesses of so many need.
/// Without it IREE aligns to an element alone.
void alignToAccess(MlirOperation buffer);

/// Whether the op reads memory and does nothing else.
bool isRead(MlirOperation op);
/// Whether the op computes indices or views: without effect, without regions.
bool isIndexing(MlirOperation op);

/// Erases those of the ops that nothing uses any more, and what they alone
/// used: reads, views and the vector ops between reads and products.
void eraseUnused(std::vector<MlirOperation> pending);

/// Numbers the products of a body by how many come before each in its chain of
/// sums. Returns why that cannot be done; "" if it can.
std::string numberProducts(const std::vector<MlirOperation> &ops,
                           MlirBlock body,
                           std::unordered_map<const void *, size_t> &stepOf);

std::vector<MlirOperation> opsOf(MlirBlock block);
bool isInside(MlirOperation op, MlirOperation loop);

} // namespace iree_tuner

#endif // IREE_TUNER_PASSES_SHAREDMEMORY_H
