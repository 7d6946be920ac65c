// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loads the operands of nvgpu.mma.sync from shared memory by nvgpu.ldmatrix.
//
// A fragment consists of 8x8 matrices (Fragments.h). `ldmatrix` hands these out
// if eight lanes of each matrix name its rows, which are 16 bytes of memory
// each; transposed, if they name its columns. Only if all threads' elements lie
// so is a fragment loaded by it. The address of a row is the one that the
// thread computes which holds the row's first element: the same computation for
// another thread.

#include "passes/ExternalPass.h"
#include "passes/Fragments.h"
#include "passes/Operations.h"
#include "passes/SharedMemory.h"

#include <array>
#include <map>
#include <string>
#include <vector>

namespace iree_tuner {

namespace {

/// Rows of a matrix, and elements of a row.
constexpr int kRows = 8;
/// Elements that start a 16-byte address.
constexpr int kAlignment = 8;
/// Matrices that one instruction loads at most.
constexpr int kMostMatrices = 4;

/// A read's indices as the lane computes them that holds a row's first element;
/// empty until they are needed.
struct Source {
  std::vector<MlirValue> ofRows = {};
  std::vector<MlirValue> ofColumns = {};
};

/// A fragment that ldmatrix can load. Its distances are from what `base` reads:
/// the first read of its block that is as far from it in every thread.
struct Loadable {
  Fragment fragment;
  bool isTransposed;
  MlirOperation base;
};

} // namespace

/// Whether the fragment's matrices lie in memory as ldmatrix takes them.
static bool lies(const Fragment &fragment, const Read &read,
                 bool isTransposed) {
  for (size_t first = 0; first < read.addresses.size(); first += kLanes) {
    const int64_t *address = &read.addresses[first];
    for (const Pair &apart : fragment.pairs) {
      auto row = [&](int number) {
        return isTransposed ? address[number / 2] + apart[number % 2]
                            : address[4 * number] + apart[0];
      };
      for (int lane = 0; lane < kLanes; ++lane) {
        for (int i = 0; i < 2; ++i) {
          int across = 2 * (lane % 4) + i, along = lane / 4;
          int64_t expected =
              isTransposed ? row(across) + along : row(along) + across;
          if (address[lane] + apart[i] != expected) {
            return false;
          }
        }
      }
      for (int number = 0; number < kRows; ++number) {
        if (row(number) % kAlignment != 0) {
          return false;
        }
      }
    }
  }
  return true;
}

/// The read's indices in the lane that holds the first element of the row that
/// this lane names.
static std::vector<MlirValue> indicesOfRows(MlirOperation op, const Read &read,
                                            bool isTransposed) {
  Builder at(op);
  std::string lane = isTransposed ? "(d0 mod 8) floordiv 2" : "(d0 mod 8) * 4";
  ValueMap values;
  values[read.thread.ptr] =
      at.apply("(d0) -> ((d0 floordiv 32) * 32 + " + lane + ")", {read.thread});
  std::vector<MlirValue> indices;
  for (intptr_t i = 0; i < numIndices(op); ++i) {
    indices.push_back(
        recompute(at, mlirOperationGetOperand(op, 1 + i), values));
  }
  return indices;
}

/// A distance in elements as one along each dimension.
static std::vector<int64_t> byDimension(int64_t distance,
                                        const std::vector<int64_t> &strides) {
  std::vector<int64_t> result;
  for (int64_t stride : strides) {
    result.push_back(stride ? distance / stride : 0);
    distance -= result.back() * stride;
  }
  return result;
}

/// Whether one instruction can load both fragments of two matrices: the step
/// from the first matrix to the second is the same, and so is the read that
/// their addresses are computed from.
static bool fit(const Loadable &one, const Loadable &other) {
  const Fragment &first = one.fragment, &second = other.fragment;
  return one.isTransposed == other.isTransposed &&
         one.base.ptr == other.base.ptr && first.pairs.size() == 2 &&
         second.pairs.size() == 2 &&
         first.pairs[1][0] - first.pairs[0][0] ==
             second.pairs[1][0] - second.pairs[0][0];
}

/// Where to load: in front of the user, but for a barrier before it.
static MlirOperation placeFor(const Fragment &fragment) {
  MlirOperation place = mlirOperationGetNextInBlock(fragment.read);
  for (MlirOperation op = place; op.ptr != fragment.user.ptr;
       op = mlirOperationGetNextInBlock(op)) {
    if (operationName(op) == kBarrier) {
      return place;
    }
  }
  return fragment.user;
}

/// Loads the matrices by one instruction.
static MlirValue load(const std::vector<Pair> &matrices,
                      const Loadable &loadable, const Read &read,
                      Source &source) {
  const Fragment &fragment = loadable.fragment;
  std::vector<MlirValue> &base =
      loadable.isTransposed ? source.ofColumns : source.ofRows;
  if (base.empty()) {
    base = indicesOfRows(loadable.base, read, loadable.isTransposed);
  }
  alignToAccess(read.buffer);
  Builder at(placeFor(fragment));
  MlirValue memref = mlirOperationGetOperand(loadable.base, 0);
  auto along = [&](int64_t distance) {
    return byDimension(distance, read.strides);
  };
  std::vector<int64_t> first = along(matrices[0][0]);
  std::vector<int64_t> step = along(matrices[1][0] - matrices[0][0]);
  std::vector<int64_t> jump = along(
      matrices.size() == kMostMatrices ? matrices[2][0] - matrices[0][0] : 0);
  std::vector<int64_t> within =
      along(loadable.isTransposed ? matrices[0][1] - matrices[0][0] : 0);
  std::vector<MlirValue> operands = {memref};
  for (size_t i = 0; i < read.strides.size(); ++i) {
    std::string map =
        "(d0, d1) -> (d1 + " + std::to_string(first[i]) +
        " + ((d0 floordiv 8) mod 2) * " + std::to_string(step[i]) +
        " + ((d0 floordiv 16) mod 2) * " + std::to_string(jump[i]) +
        " + (d0 mod 2) * " + std::to_string(within[i]) + ")";
    operands.push_back(at.apply(map, {read.thread, base[i]}));
  }
  MlirContext context = at.context();
  int64_t shape[2] = {static_cast<int64_t>(matrices.size()), 2};
  MlirType type = mlirVectorTypeGet(
      2, shape, mlirShapedTypeGetElementType(mlirValueGetType(memref)));
  return mlirOperationGetResult(
      at.create("nvgpu.ldmatrix", operands, {type},
                {{"transpose", mlirBoolAttrGet(context, loadable.isTransposed)},
                 {"numTiles", mlirIntegerAttrGet(
                                  mlirIntegerTypeGet(context, 32), shape[0])}}),
      0);
}

/// Two matrices of the four that were loaded.
static MlirValue half(MlirValue loaded, int64_t first, MlirOperation user) {
  Builder at(user);
  int64_t shape[2] = {2, 2};
  MlirType type = mlirVectorTypeGet(
      2, shape, mlirShapedTypeGetElementType(mlirValueGetType(loaded)));
  auto pair = [&](int64_t a, int64_t b) {
    return at.attribute("[" + std::to_string(a) + ", " + std::to_string(b) +
                        "]");
  };
  return mlirOperationGetResult(at.create("vector.extract_strided_slice",
                                          {loaded}, {type},
                                          {{"offsets", pair(first, 0)},
                                           {"sizes", pair(2, 2)},
                                           {"strides", pair(1, 1)}}),
                                0);
}

namespace {

/// Fragments of one block that hold the same matrices, in order.
struct Same {
  std::vector<Loadable> fragments;
  bool isLoaded = false;
};

} // namespace

/// Lets the products use what was loaded. Enters what they used before.
static void use(const Same &same, MlirValue loaded, int64_t first,
                std::vector<MlirOperation> &before) {
  for (const auto &[fragment, isTransposed, base] : same.fragments) {
    before.push_back(
        definingOp(mlirOperationGetOperand(fragment.user, fragment.operand)));
    bool isWhole = shapeOf(mlirValueGetType(loaded))[0] ==
                   static_cast<int64_t>(fragment.pairs.size());
    mlirOperationSetOperand(fragment.user, fragment.operand,
                            isWhole ? loaded
                                    : half(loaded, first, fragment.user));
  }
}

/// Loads what a block's products use. Fragments of two matrices go in pairs.
static void loadAll(std::vector<Same> &block, const Reads &reads,
                    std::map<const void *, Source> &sources,
                    std::vector<MlirOperation> &before) {
  for (size_t i = 0; i < block.size(); ++i) {
    if (block[i].isLoaded) {
      continue;
    }
    const Loadable &first = block[i].fragments[0];
    std::vector<Pair> matrices = first.fragment.pairs;
    Same *partner = nullptr;
    for (size_t j = i + 1; j < block.size() && !partner; ++j) {
      if (!block[j].isLoaded && fit(first, block[j].fragments[0])) {
        partner = &block[j];
        const auto &more = partner->fragments[0].fragment.pairs;
        matrices.insert(matrices.end(), more.begin(), more.end());
      }
    }
    const void *read = first.base.ptr;
    MlirValue loaded = load(matrices, first, reads.at(read), sources[read]);
    use(block[i], loaded, 0, before);
    if (partner) {
      use(*partner, loaded, 2, before);
      partner->isLoaded = true;
    }
  }
}

/// Lets the fragment's addresses be computed from those of `base`; false if
/// they are not equally far from these in every thread.
static bool rebase(Loadable &loadable, MlirOperation base, const Reads &reads) {
  const Read &from = reads.at(base.ptr);
  const Read &to = reads.at(loadable.fragment.read.ptr);
  MlirOperation read = loadable.fragment.read;
  bool isLater =
      base.ptr == read.ptr || mlirOperationIsBeforeInBlock(base, read);
  if (!isLater || from.buffer.ptr != to.buffer.ptr ||
      from.thread.ptr != to.thread.ptr) {
    return false;
  }
  int64_t distance = to.addresses[0] - from.addresses[0];
  for (size_t i = 0; i < from.addresses.size(); ++i) {
    if (to.addresses[i] - from.addresses[i] != distance) {
      return false;
    }
  }
  for (Pair &pair : loadable.fragment.pairs) {
    pair = {pair[0] + distance, pair[1] + distance};
  }
  loadable.base = base;
  return true;
}

/// Adds an operand of a product to its block's if ldmatrix can load it.
static void add(MlirOperation product, intptr_t operand, Reads &reads,
                std::vector<Same> &block) {
  Fragment fragment = {product, operand};
  if (!follow(fragment, reads) || mlirOperationGetBlock(fragment.read).ptr !=
                                      mlirOperationGetBlock(product).ptr) {
    return;
  }
  size_t matrices = fragment.pairs.size();
  if (matrices != 2 && matrices != kMostMatrices) {
    return;
  }
  const Read &read = reads.at(fragment.read.ptr);
  bool isTransposed = !lies(fragment, read, false);
  if (isTransposed && !lies(fragment, read, true)) {
    return;
  }
  Loadable loadable = {fragment, isTransposed, fragment.read};
  for (const Same &same : block) {
    if (rebase(loadable, same.fragments[0].base, reads)) {
      break;
    }
  }
  for (Same &same : block) {
    const Loadable &other = same.fragments[0];
    if (other.base.ptr == loadable.base.ptr &&
        other.fragment.pairs == loadable.fragment.pairs) {
      same.fragments.push_back(loadable);
      return;
    }
  }
  block.push_back({{loadable}, false});
}

static MlirLogicalResult loadMatrices(MlirOperation top) {
  Reads reads;
  std::map<const void *, Source> sources;
  // In the order in which the walk meets them.
  std::vector<std::vector<Same>> blocks;
  std::map<const void *, size_t> placeOf;
  walk(top, [&](MlirOperation op) {
    if (operationName(op) != kProduct) {
      return;
    }
    auto [place, isNew] =
        placeOf.try_emplace(mlirOperationGetBlock(op).ptr, blocks.size());
    if (isNew) {
      blocks.emplace_back();
    }
    for (intptr_t operand = 0; operand < 2; ++operand) {
      add(op, operand, reads, blocks[place->second]);
    }
  });
  bool isAny = false;
  std::vector<MlirOperation> before;
  for (std::vector<Same> &block : blocks) {
    isAny |= !block.empty();
    loadAll(block, reads, sources, before);
  }
  eraseUnused(before);
  if (!isAny) {
    mlirEmitError(mlirOperationGetLocation(top),
                  "no operand of a matrix instruction lies in shared memory as "
                  "ldmatrix takes it");
    return failure();
  }
  return success();
}

const PassDefinition kLoadMatrices = {
    "iree-tuner-load-matrices",
    "Loads operands of nvgpu.mma.sync from shared memory by nvgpu.ldmatrix",
    loadMatrices};

} // namespace iree_tuner
