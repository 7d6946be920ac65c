// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/SharedMemory.h"

#include "passes/Building.h"
#include "passes/Operations.h"

#include <string>

namespace iree_tuner {

bool isInSharedMemory(MlirType type) {
  if (!mlirTypeIsAMemRef(type)) {
    return false;
  }
  MlirAttribute space = mlirMemRefTypeGetMemorySpace(type);
  if (isNull(space)) {
    return false;
  }
  std::string text;
  mlirAttributePrint(
      space,
      [](MlirStringRef part, void *data) {
        static_cast<std::string *>(data)->append(part.data, part.length);
      },
      &text);
  return text == "#gpu.address_space<workgroup>";
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

} // namespace iree_tuner
