// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Allocates the buffers of a single thread on its stack. IREE's pass for
// bufferization leaves them on a heap, which a GPU has as a call of `malloc`.
// Its pipeline for GPUs allocates them so, but puts barriers beside copies: of
// copies that some threads make more often than others, each would wait for
// threads that never come.

#include "passes/Building.h"
#include "passes/ExternalPass.h"
#include "passes/Operations.h"
#include "passes/SharedMemory.h"

#include <string>
#include <vector>

namespace iree_tuner {

static bool isOfOneThread(MlirOperation op) {
  if (operationName(op) != "memref.alloc" ||
      mlirOperationGetNumOperands(op) != 0) {
    return false;
  }
  MlirAttribute space = mlirMemRefTypeGetMemorySpace(
      mlirValueGetType(mlirOperationGetResult(op, 0)));
  return !isNull(space) && printed(space) == "#gpu.address_space<private>";
}

static void allocateOnStack(MlirOperation alloc) {
  MlirValue memref = mlirOperationGetResult(alloc, 0);
  eraseDeallocations(memref);
  Builder at(alloc);
  Builder::Attributes attributes = {
      {"operandSegmentSizes", at.attribute("array<i32: 0, 0>")}};
  if (MlirAttribute kept = getAttribute(alloc, "alignment"); !isNull(kept)) {
    attributes.push_back({"alignment", kept});
  }
  MlirOperation made =
      at.create("memref.alloca", {}, {mlirValueGetType(memref)}, attributes);
  mlirValueReplaceAllUsesOfWith(memref, mlirOperationGetResult(made, 0));
  mlirOperationDestroy(alloc);
}

static MlirLogicalResult run(MlirOperation top) {
  std::vector<MlirOperation> found;
  walk(top, [&](MlirOperation op) {
    if (isOfOneThread(op)) {
      found.push_back(op);
    }
  });
  for (MlirOperation alloc : found) {
    allocateOnStack(alloc);
  }
  return success();
}

const PassDefinition kAllocateOnStack = {
    "iree-tuner-allocate-on-stack",
    "Allocate the buffers of a single GPU thread on its stack",
    run,
};

} // namespace iree_tuner
