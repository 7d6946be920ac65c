// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes operations through MLIR's C API.

#ifndef IREE_TUNER_PASSES_BUILDING_H
#define IREE_TUNER_PASSES_BUILDING_H

#include "capi/IREECompiler.h"

#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace iree_tuner {

/// Which value stands in the place of another one, by the other's address.
using ValueMap = std::unordered_map<const void *, MlirValue>;

/// Makes ops in front of another one, at its location.
class Builder {
public:
  using Attributes = std::vector<std::pair<const char *, MlirAttribute>>;

  explicit Builder(MlirOperation before) : before(before) {}

  MlirContext context() const { return mlirOperationGetContext(before); }
  MlirOperation create(const char *name, const std::vector<MlirValue> &operands,
                       const std::vector<MlirType> &results,
                       const Attributes &attributes = {},
                       const std::vector<MlirRegion> &regions = {}) const;
  /// The same op with other operands, if `values` has others for them. Its
  /// results are entered in `values`. The op must have no regions.
  MlirOperation clone(MlirOperation op, ValueMap &values) const;

  MlirValue constant(int64_t value) const;
  /// `map` is an affine map of one result, printed: "(d0) -> (d0 + 1)".
  MlirValue apply(const std::string &map,
                  const std::vector<MlirValue> &operands) const;
  /// Raises std::runtime_error if the host cannot parse it.
  MlirAttribute attribute(const std::string &text) const;
  MlirAttribute integers(const std::vector<int64_t> &values) const;

private:
  MlirOperation before;
};

/// The op that makes a value; null for a block's argument.
MlirOperation definingOp(MlirValue value);
/// The value's users, one entry for each use.
std::vector<MlirOperation> usersOf(MlirValue value);
/// The value of a constant of type index; false if it is none.
bool readConstant(MlirValue value, int64_t &constant);
/// The elements of a dense array of 64-bit integers; empty for anything else.
std::vector<int64_t> integersOf(MlirAttribute attribute);
std::vector<int64_t> shapeOf(MlirType type);

} // namespace iree_tuner

#endif // IREE_TUNER_PASSES_BUILDING_H
