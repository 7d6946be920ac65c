// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Building.h"

#include "passes/Operations.h"

#include <stdexcept>

namespace iree_tuner {

MlirOperation Builder::create(const char *name,
                              const std::vector<MlirValue> &operands,
                              const std::vector<MlirType> &results,
                              const Attributes &attributes,
                              const std::vector<MlirRegion> &regions) const {
  MlirOperationState state =
      mlirOperationStateGet(stringRef(name), mlirOperationGetLocation(before));
  mlirOperationStateAddOperands(&state, operands.size(), operands.data());
  mlirOperationStateAddResults(&state, results.size(), results.data());
  mlirOperationStateAddOwnedRegions(&state, regions.size(), regions.data());
  std::vector<MlirNamedAttribute> named;
  for (const auto &[key, value] : attributes) {
    named.push_back({mlirIdentifierGet(context(), stringRef(key)), value});
  }
  mlirOperationStateAddAttributes(&state, named.size(), named.data());
  MlirOperation op = mlirOperationCreate(&state);
  if (isNull(op)) {
    throw std::runtime_error(std::string("the host cannot make ") + name);
  }
  mlirBlockInsertOwnedOperationBefore(mlirOperationGetBlock(before), before,
                                      op);
  return op;
}

MlirOperation Builder::clone(MlirOperation op, ValueMap &values) const {
  MlirOperation copy = mlirOperationClone(op);
  for (intptr_t i = 0, e = mlirOperationGetNumOperands(copy); i < e; ++i) {
    auto found = values.find(mlirOperationGetOperand(copy, i).ptr);
    if (found != values.end()) {
      mlirOperationSetOperand(copy, i, found->second);
    }
  }
  for (intptr_t i = 0, e = mlirOperationGetNumResults(copy); i < e; ++i) {
    values[mlirOperationGetResult(op, i).ptr] = mlirOperationGetResult(copy, i);
  }
  mlirBlockInsertOwnedOperationBefore(mlirOperationGetBlock(before), before,
                                      copy);
  return copy;
}

MlirValue Builder::constant(int64_t value) const {
  MlirType index = mlirIndexTypeGet(context());
  return mlirOperationGetResult(
      create("arith.constant", {}, {index},
             {{"value", mlirIntegerAttrGet(index, value)}}),
      0);
}

MlirValue Builder::apply(const std::string &map,
                         const std::vector<MlirValue> &operands) const {
  return mlirOperationGetResult(
      create("affine.apply", operands, {mlirIndexTypeGet(context())},
             {{"map", attribute("affine_map<" + map + ">")}}),
      0);
}

MlirAttribute Builder::attribute(const std::string &text) const {
  MlirAttribute parsed = mlirAttributeParseGet(context(), stringRef(text));
  if (isNull(parsed)) {
    throw std::runtime_error("the host cannot parse " + text);
  }
  return parsed;
}

MlirAttribute Builder::integers(const std::vector<int64_t> &values) const {
  return mlirDenseI64ArrayGet(context(), values.size(), values.data());
}

MlirOperation definingOp(MlirValue value) {
  return mlirValueIsAOpResult(value) ? mlirOpResultGetOwner(value)
                                     : MlirOperation{nullptr};
}

std::vector<MlirOperation> usersOf(MlirValue value) {
  std::vector<MlirOperation> users;
  for (MlirOpOperand use = mlirValueGetFirstUse(value);
       !mlirOpOperandIsNull(use); use = mlirOpOperandGetNextUse(use)) {
    users.push_back(mlirOpOperandGetOwner(use));
  }
  return users;
}

bool readConstant(MlirValue value, int64_t &constant) {
  MlirOperation op = definingOp(value);
  if (isNull(op) || operationName(op) != "arith.constant") {
    return false;
  }
  MlirAttribute attribute = getAttribute(op, "value");
  if (isNull(attribute) || !mlirAttributeIsAInteger(attribute)) {
    return false;
  }
  constant = mlirIntegerAttrGetValueInt(attribute);
  return true;
}

std::vector<int64_t> integersOf(MlirAttribute attribute) {
  std::vector<int64_t> values;
  if (isNull(attribute)) {
    return values;
  }
  if (mlirAttributeIsADenseI64Array(attribute)) {
    for (intptr_t i = 0, e = mlirDenseArrayGetNumElements(attribute); i < e;
         ++i) {
      values.push_back(mlirDenseI64ArrayGetElement(attribute, i));
    }
  } else if (mlirAttributeIsAArray(attribute)) {
    for (intptr_t i = 0, e = mlirArrayAttrGetNumElements(attribute); i < e;
         ++i) {
      values.push_back(
          mlirIntegerAttrGetValueInt(mlirArrayAttrGetElement(attribute, i)));
    }
  }
  return values;
}

std::vector<int64_t> shapeOf(MlirType type) {
  std::vector<int64_t> shape;
  for (intptr_t i = 0, e = mlirShapedTypeGetRank(type); i < e; ++i) {
    shape.push_back(mlirShapedTypeGetDimSize(type, i));
  }
  return shape;
}

} // namespace iree_tuner
