// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Operations.h"

#include <exception>

namespace iree_tuner {

std::string_view view(MlirStringRef text) {
  return std::string_view(text.data, text.length);
}

MlirStringRef stringRef(const std::string &text) {
  return MlirStringRef{text.data(), text.size()};
}

static void append(MlirStringRef part, void *text) {
  static_cast<std::string *>(text)->append(part.data, part.length);
}

std::string printed(MlirAttribute attribute) {
  std::string text;
  mlirAttributePrint(attribute, append, &text);
  return text;
}

std::string printed(MlirType type) {
  std::string text;
  mlirTypePrint(type, append, &text);
  return text;
}

MlirAttribute getAttribute(MlirOperation op, const char *name) {
  return mlirOperationGetAttributeByName(op, stringRef(name));
}

void walk(MlirOperation op, const std::function<void(MlirOperation)> &visit) {
  // An exception must not cross the walk, which is the host's code.
  struct State {
    const std::function<void(MlirOperation)> &visit;
    std::exception_ptr error;
  } state = {visit, nullptr};
  mlirOperationWalk(
      op,
      [](MlirOperation visited, void *data) {
        State &state = *static_cast<State *>(data);
        try {
          state.visit(visited);
          return MlirWalkResultAdvance;
        } catch (...) {
          state.error = std::current_exception();
          return MlirWalkResultInterrupt;
        }
      },
      &state, MlirWalkPreOrder);
  if (state.error) {
    std::rethrow_exception(state.error);
  }
}

std::string_view operationName(MlirOperation op) {
  return view(mlirIdentifierStr(mlirOperationGetName(op)));
}

std::string symbolName(MlirOperation op) {
  MlirAttribute name = getAttribute(op, "sym_name");
  if (isNull(name) || !mlirAttributeIsAString(name)) {
    return {};
  }
  return std::string(view(mlirStringAttrGetValue(name)));
}

bool isFunction(MlirOperation op) {
  return mlirOperationGetNumRegions(op) == 1 &&
         !isNull(getAttribute(op, "function_type")) && !symbolName(op).empty();
}

MlirOperation enclosingFunction(MlirOperation op, MlirOperation top) {
  while (!isNull(op)) {
    if (isFunction(op)) {
      return op;
    }
    if (op.ptr == top.ptr) {
      break;
    }
    op = mlirOperationGetParentOperation(op);
  }
  return MlirOperation{nullptr};
}

} // namespace iree_tuner
