// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Indices.h"

#include "passes/Operations.h"

namespace iree_tuner {

constexpr char kThread[] = "gpu.thread_id";
constexpr char kHint[] = "iree_codegen.index_hint";

static bool isAlongX(MlirOperation thread) {
  MlirAttribute dimension = getAttribute(thread, "dimension");
  if (isNull(dimension)) {
    return false;
  }
  std::string text = printed(dimension);
  // Releases spell it #gpu<dim x> or #gpu.dim<x>.
  return text == "#gpu<dim x>" || text == "#gpu.dim<x>";
}

void findThread(MlirValue index, ThreadSource &source) {
  MlirOperation op = definingOp(index);
  if (isNull(op)) {
    source.isKnown = false;
    return;
  }
  if (operationName(op) == kThread) {
    source.isKnown &=
        isAlongX(op) && (!source.thread.ptr || source.thread.ptr == index.ptr);
    source.thread = index;
    MlirAttribute bound = getAttribute(op, "upper_bound");
    if (!isNull(bound) && mlirAttributeIsAInteger(bound)) {
      source.threads = mlirIntegerAttrGetValueInt(bound);
    }
    return;
  }
  for (intptr_t i = 0, e = mlirOperationGetNumOperands(op); i < e; ++i) {
    findThread(mlirOperationGetOperand(op, i), source);
  }
}

static int64_t floorDivided(int64_t lhs, int64_t rhs) {
  int64_t quotient = lhs / rhs;
  return quotient - ((lhs % rhs != 0) && ((lhs < 0) != (rhs < 0)));
}

static std::optional<int64_t> valueOf(MlirAffineExpr expr, intptr_t dims,
                                      const std::vector<int64_t> &operands) {
  if (mlirAffineExprIsAConstant(expr)) {
    return mlirAffineConstantExprGetValue(expr);
  }
  if (mlirAffineExprIsADim(expr)) {
    return operands[mlirAffineDimExprGetPosition(expr)];
  }
  if (mlirAffineExprIsASymbol(expr)) {
    return operands[dims + mlirAffineSymbolExprGetPosition(expr)];
  }
  auto lhs = valueOf(mlirAffineBinaryOpExprGetLHS(expr), dims, operands);
  auto rhs = valueOf(mlirAffineBinaryOpExprGetRHS(expr), dims, operands);
  if (!lhs || !rhs) {
    return std::nullopt;
  }
  if (mlirAffineExprIsAAdd(expr)) {
    return *lhs + *rhs;
  }
  if (mlirAffineExprIsAMul(expr)) {
    return *lhs * *rhs;
  }
  if (*rhs <= 0) {
    return std::nullopt;
  }
  if (mlirAffineExprIsAFloorDiv(expr)) {
    return floorDivided(*lhs, *rhs);
  }
  if (mlirAffineExprIsACeilDiv(expr)) {
    return -floorDivided(-*lhs, *rhs);
  }
  return *lhs - *rhs * floorDivided(*lhs, *rhs);
}

/// Digit `result` of a number; the basis lacks the first digit's, or has it.
static std::optional<int64_t> digitOf(int64_t number,
                                      const std::vector<int64_t> &basis,
                                      intptr_t results, intptr_t result) {
  for (intptr_t i = results - 1; i > result; --i) {
    int64_t size = basis[basis.size() - (results - i)];
    if (size <= 0) {
      return std::nullopt;
    }
    number = floorDivided(number, size);
  }
  if (result == 0) {
    return number;
  }
  int64_t size = basis[basis.size() - (results - result)];
  if (size <= 0) {
    return std::nullopt;
  }
  return number - size * floorDivided(number, size);
}

static std::optional<int64_t> numberOf(const std::vector<int64_t> &digits,
                                       const std::vector<int64_t> &basis) {
  if (basis.size() + 1 < digits.size()) {
    return std::nullopt;
  }
  int64_t number = 0;
  for (size_t i = 0; i < digits.size(); ++i) {
    size_t left = digits.size() - i;
    if (i > 0) {
      int64_t size = basis[basis.size() - left];
      if (size <= 0) {
        return std::nullopt;
      }
      number *= size;
    }
    number += digits[i];
  }
  return number;
}

static std::optional<int64_t> binary(std::string_view name, int64_t lhs,
                                     int64_t rhs) {
  if (name == "arith.addi") {
    return lhs + rhs;
  }
  if (name == "arith.subi") {
    return lhs - rhs;
  }
  if (name == "arith.muli") {
    return lhs * rhs;
  }
  if (rhs > 0 && lhs >= 0 && (name == "arith.divui" || name == "arith.divsi")) {
    return lhs / rhs;
  }
  if (rhs > 0 && lhs >= 0 && (name == "arith.remui" || name == "arith.remsi")) {
    return lhs % rhs;
  }
  return std::nullopt;
}

std::optional<int64_t> valueIn(int64_t thread, MlirValue index) {
  MlirOperation op = definingOp(index);
  int64_t constant = 0;
  if (isNull(op)) {
    return std::nullopt;
  }
  if (readConstant(index, constant)) {
    return constant;
  }
  std::string_view name = operationName(op);
  if (name == kThread) {
    return isAlongX(op) ? std::optional<int64_t>(thread) : std::nullopt;
  }
  std::vector<int64_t> operands;
  for (intptr_t i = 0, e = mlirOperationGetNumOperands(op); i < e; ++i) {
    auto value = valueIn(thread, mlirOperationGetOperand(op, i));
    if (!value) {
      return std::nullopt;
    }
    operands.push_back(*value);
  }
  if (name == kHint || name == "arith.index_cast" ||
      name == "arith.index_castui") {
    return operands[0];
  }
  if (name == "affine.apply") {
    MlirAffineMap map = mlirAffineMapAttrGetValue(getAttribute(op, "map"));
    return valueOf(mlirAffineMapGetResult(map, 0), mlirAffineMapGetNumDims(map),
                   operands);
  }
  if (name == "affine.delinearize_index" && operands.size() == 1) {
    return digitOf(operands[0], integersOf(getAttribute(op, "static_basis")),
                   mlirOperationGetNumResults(op),
                   mlirOpResultGetResultNumber(index));
  }
  if (name == "affine.linearize_index") {
    return numberOf(operands, integersOf(getAttribute(op, "static_basis")));
  }
  return operands.size() == 2 ? binary(name, operands[0], operands[1])
                              : std::nullopt;
}

MlirValue recompute(const Builder &at, MlirValue index, ValueMap &values) {
  auto found = values.find(index.ptr);
  if (found != values.end()) {
    return found->second;
  }
  MlirOperation op = definingOp(index);
  if (isNull(op)) {
    return index;
  }
  for (intptr_t i = 0, e = mlirOperationGetNumOperands(op); i < e; ++i) {
    recompute(at, mlirOperationGetOperand(op, i), values);
  }
  if (operationName(op) == kHint) {
    MlirValue hinted = mlirOperationGetOperand(op, 0);
    auto other = values.find(hinted.ptr);
    values[index.ptr] = other == values.end() ? hinted : other->second;
  } else {
    at.clone(op, values);
  }
  return values[index.ptr];
}

} // namespace iree_tuner
