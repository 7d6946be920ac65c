// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What an op computes, as far as tiling it is concerned: its loops, its
// operands and how the loops index them.

#include "bindings/IREEObjects.h"
#include "bindings/Populate.h"
#include "capi/IREETuner.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <optional>
#include <tuple>

namespace nb = nanobind;

namespace iree_tuner {

/// The op's ArrayAttr of indexing maps; null if it has none. Named linalg
/// ops imply theirs.
static MlirAttribute indexingMaps(MlirOperation op) {
  MlirAttribute maps =
      mlirOperationGetAttributeByName(op, stringRef("indexing_maps"));
  if (isNull(maps)) {
    // Gives null for an op that is no structured op.
    maps = mlirLinalgGetIndexingMapsAttribute(op);
  }
  return maps;
}

static std::vector<MlirType> operandTypes(MlirOperation op) {
  std::vector<MlirType> types;
  for (intptr_t i = 0, e = mlirOperationGetNumOperands(op); i < e; ++i) {
    types.push_back(mlirValueGetType(mlirOperationGetOperand(op, i)));
  }
  return types;
}

static std::vector<MlirType> resultTypes(MlirOperation op) {
  std::vector<MlirType> types;
  for (intptr_t i = 0, e = mlirOperationGetNumResults(op); i < e; ++i) {
    types.push_back(mlirValueGetType(mlirOperationGetResult(op, i)));
  }
  return types;
}

/// Size of each loop, -1 if dynamic or not bound by an operand alone; and
/// whether the op's results are indexed by it, which makes it parallel.
static std::vector<std::pair<int64_t, bool>> loops(MlirOperation op,
                                                   MlirAttribute maps) {
  std::vector<std::pair<int64_t, bool>> result;
  intptr_t numMaps = mlirArrayAttrGetNumElements(maps);
  intptr_t numOperands = mlirOperationGetNumOperands(op);
  intptr_t numResults = mlirOperationGetNumResults(op);
  for (intptr_t i = 0; i < numMaps; ++i) {
    MlirAttribute attr = mlirArrayAttrGetElement(maps, i);
    if (!mlirAttributeIsAAffineMap(attr)) {
      throw nb::value_error("an indexing map is no affine map");
    }
    MlirAffineMap map = mlirAffineMapAttrGetValue(attr);
    if (result.empty()) {
      result.resize(mlirAffineMapGetNumDims(map), {-1, false});
    }
    // The last maps are those of the outputs, one for each result; an op on
    // buffers has no result, and one output.
    bool isOutput = i >= numMaps - std::max<intptr_t>(numResults, 1);
    bool hasShape = false;
    MlirType type = {nullptr};
    if (i < numOperands) {
      type = mlirValueGetType(mlirOperationGetOperand(op, i));
      hasShape = mlirTypeIsAShaped(type) && mlirShapedTypeHasRank(type) &&
                 mlirShapedTypeGetRank(type) == mlirAffineMapGetNumResults(map);
    }
    for (intptr_t d = 0, e = mlirAffineMapGetNumResults(map); d < e; ++d) {
      MlirAffineExpr expr = mlirAffineMapGetResult(map, d);
      if (!mlirAffineExprIsADim(expr)) {
        continue;
      }
      size_t loop = static_cast<size_t>(mlirAffineDimExprGetPosition(expr));
      if (loop >= result.size()) {
        continue;
      }
      result[loop].second |= isOutput;
      if (hasShape && !mlirShapedTypeIsDynamicDim(type, d)) {
        result[loop].first = mlirShapedTypeGetDimSize(type, d);
      }
    }
  }
  return result;
}

/// Indexing maps, loops, operand types, result types.
static std::tuple<std::optional<MlirAttribute>,
                  std::vector<std::pair<int64_t, bool>>, std::vector<MlirType>,
                  std::vector<MlirType>>
problem(MlirOperation op) {
  MlirAttribute maps = indexingMaps(op);
  if (isNull(maps) || !mlirAttributeIsAArray(maps)) {
    return {std::nullopt, {}, operandTypes(op), resultTypes(op)};
  }
  return {maps, loops(op, maps), operandTypes(op), resultTypes(op)};
}

void populateProblem(nb::module_ &module) {
  module.def("problem", &problem, nb::arg("operation"),
             "Indexing maps, loops as (size, is parallel), operand types and "
             "result types.");
}

} // namespace iree_tuner
