// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/SharedMemory.h"

#include "passes/Building.h"
#include "passes/Operations.h"

#include <string>
#include <unordered_set>

namespace iree_tuner {

bool isInSharedMemory(MlirType type) {
  if (!mlirTypeIsAMemRef(type)) {
    return false;
  }
  MlirAttribute space = mlirMemRefTypeGetMemorySpace(type);
  if (isNull(space)) {
    return false;
  }
  return printed(space) == "#gpu.address_space<workgroup>";
}

bool isView(MlirOperation op) {
  std::string_view name = operationName(op);
  return name == "memref.subview" || name == "memref.expand_shape" ||
         name == "memref.collapse_shape";
}

MlirOperation allocationOf(MlirValue memref) {
  MlirOperation op = definingOp(memref);
  while (!isNull(op) && isView(op)) {
    op = definingOp(mlirOperationGetOperand(op, 0));
  }
  return !isNull(op) && operationName(op) == "memref.alloc"
             ? op
             : MlirOperation{nullptr};
}

void alignToAccess(MlirOperation buffer) {
  if (!isNull(buffer) && isNull(getAttribute(buffer, "alignment"))) {
    MlirContext context = mlirOperationGetContext(buffer);
    mlirOperationSetAttributeByName(
        buffer, stringRef("alignment"),
        mlirIntegerAttrGet(mlirIntegerTypeGet(context, 64), 16));
  }
}

void eraseDeallocations(MlirValue memref) {
  for (MlirOperation user : usersOf(memref)) {
    if (isView(user)) {
      eraseDeallocations(mlirOperationGetResult(user, 0));
    } else if (operationName(user) == "memref.dealloc") {
      mlirOperationDestroy(user);
    }
  }
}

bool isRead(MlirOperation op) {
  std::string_view name = operationName(op);
  return name == "vector.transfer_read" || name == "vector.load" ||
         name == "memref.load" || name == "nvgpu.ldmatrix";
}

bool isIndexing(MlirOperation op) {
  std::string_view name = operationName(op);
  return mlirOperationGetNumRegions(op) == 0 &&
         (isView(op) || name.substr(0, 6) == "arith." ||
          name.substr(0, 7) == "affine." || name == "iree_codegen.index_hint");
}

void eraseUnused(std::vector<MlirOperation> pending) {
  std::unordered_set<const void *> gone;
  while (!pending.empty()) {
    MlirOperation op = pending.back();
    pending.pop_back();
    if (isNull(op) || gone.count(op.ptr)) {
      continue;
    }
    bool isUsed = false;
    for (intptr_t i = 0, e = mlirOperationGetNumResults(op); i < e; ++i) {
      isUsed |= !mlirOpOperandIsNull(
          mlirValueGetFirstUse(mlirOperationGetResult(op, i)));
    }
    bool isOurs =
        isRead(op) || isView(op) || operationName(op).substr(0, 7) == "vector.";
    if (isUsed || !isOurs) {
      continue;
    }
    for (intptr_t i = 0, e = mlirOperationGetNumOperands(op); i < e; ++i) {
      pending.push_back(definingOp(mlirOperationGetOperand(op, i)));
    }
    gone.insert(op.ptr);
    mlirOperationDestroy(op);
  }
}

std::string numberProducts(const std::vector<MlirOperation> &ops,
                           MlirBlock body,
                           std::unordered_map<const void *, size_t> &stepOf) {
  for (MlirOperation op : ops) {
    if (operationName(op) != kProduct) {
      continue;
    }
    MlirValue sums = mlirOperationGetOperand(op, 2);
    MlirOperation before = definingOp(sums);
    if (isNull(before)) {
      if (mlirBlockArgumentGetOwner(sums).ptr != body.ptr) {
        return "a product's sums do not start in the loop";
      }
      stepOf[op.ptr] = 0;
    } else if (stepOf.count(before.ptr)) {
      stepOf[op.ptr] = stepOf[before.ptr] + 1;
    } else {
      return "something else than products changes the sums";
    }
  }
  return stepOf.empty() ? "the loop has no matrix instruction" : "";
}

std::vector<MlirOperation> opsOf(MlirBlock block) {
  std::vector<MlirOperation> ops;
  for (MlirOperation op = mlirBlockGetFirstOperation(block); !isNull(op);
       op = mlirOperationGetNextInBlock(op)) {
    ops.push_back(op);
  }
  return ops;
}

bool isInside(MlirOperation op, MlirOperation loop) {
  while (!isNull(op)) {
    if (op.ptr == loop.ptr) {
      return true;
    }
    op = mlirOperationGetParentOperation(op);
  }
  return false;
}

} // namespace iree_tuner
