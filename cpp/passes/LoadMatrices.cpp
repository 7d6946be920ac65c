// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loads the operands of nvgpu.mma.sync from shared memory by nvgpu.ldmatrix.
//
// A fragment of 16-bit elements consists of 8x8 matrices. Of each, lane l holds
// elements 2(l % 4) and 2(l % 4) + 1 of row l / 4. `ldmatrix` hands these out
// if eight lanes of each matrix name its rows, which are 16 bytes of memory
// each; transposed, if they name its columns.
//
// Which memory a fragment holds is not derived from the form of the code. The
// fragment's elements are followed to the read that they come from, whose
// address is evaluated for every thread of the workgroup. Only if all threads'
// elements lie as ldmatrix takes them is the fragment loaded by it. The address
// of a row is the one that the thread computes which holds the row's first
// element: the same computation for another thread.

#include "passes/ExternalPass.h"
#include "passes/Indices.h"
#include "passes/Operations.h"
#include "passes/SharedMemory.h"

#include <array>
#include <map>
#include <string>
#include <vector>

namespace iree_tuner {

namespace {

constexpr int kLanes = 32;
/// Rows of a matrix, and elements of a row.
constexpr int kRows = 8;
/// Elements that start a 16-byte address.
constexpr int kAlignment = 8;
/// Matrices that one instruction loads at most.
constexpr int kMostMatrices = 4;

using Offsets = std::vector<int64_t>;

/// One element of a vector: what was read, how far from the read's indices.
struct Element {
  MlirOperation read = {nullptr};
  Offsets offsets;
};

/// The matrices of one operand. `offsets` are those of both elements that a
/// lane holds of each matrix.
struct Fragment {
  MlirOperation user;
  intptr_t operand;
  MlirOperation read;
  std::vector<std::array<Offsets, 2>> offsets;
  bool isTransposed = false;
};

/// What is known of a read: its addresses in elements, thread by thread.
struct Read {
  bool isKnown = false;
  MlirValue thread = {nullptr};
  std::vector<int64_t> strides;
  std::vector<int64_t> addresses;
  /// The indices as the lane computes them that holds a row's first element.
  std::vector<MlirValue> ofRows;
  std::vector<MlirValue> ofColumns;
};

} // namespace

static intptr_t numIndices(MlirOperation read) {
  return mlirShapedTypeGetRank(
      mlirValueGetType(mlirOperationGetOperand(read, 0)));
}

/// Adds the place that an element of a read's vector has in memory; false if
/// the read is masked, broadcast, or padded.
static bool addPlace(MlirOperation read, const std::vector<int64_t> &position,
                     Offsets &offsets) {
  offsets.assign(numIndices(read), 0);
  if (operationName(read) == "vector.load") {
    size_t outer = offsets.size() - position.size();
    for (size_t i = 0; i < position.size(); ++i) {
      offsets[outer + i] = position[i];
    }
    return true;
  }
  // The memref, its indices and the padding; a mask would follow.
  if (mlirOperationGetNumOperands(read) != numIndices(read) + 2) {
    return false;
  }
  MlirAttribute inBounds = getAttribute(read, "in_bounds");
  for (intptr_t i = 0, e = mlirArrayAttrGetNumElements(inBounds); i < e; ++i) {
    if (!mlirBoolAttrGetValue(mlirArrayAttrGetElement(inBounds, i))) {
      return false;
    }
  }
  MlirAffineMap map =
      mlirAffineMapAttrGetValue(getAttribute(read, "permutation_map"));
  for (size_t i = 0; i < position.size(); ++i) {
    MlirAffineExpr dimension = mlirAffineMapGetResult(map, i);
    if (!mlirAffineExprIsADim(dimension)) {
      return false;
    }
    offsets[mlirAffineDimExprGetPosition(dimension)] += position[i];
  }
  return true;
}

static std::vector<int64_t> reshaped(const std::vector<int64_t> &position,
                                     const std::vector<int64_t> &from,
                                     const std::vector<int64_t> &to) {
  int64_t number = 0;
  for (size_t i = 0; i < from.size(); ++i) {
    number = number * from[i] + position[i];
  }
  std::vector<int64_t> result(to.size());
  for (size_t i = to.size(); i-- > 0;) {
    result[i] = number % to[i];
    number /= to[i];
  }
  return result;
}

/// Follows an element of a vector to the read that it comes from; false if
/// something else than moving made it.
static bool follow(MlirValue vector, std::vector<int64_t> position,
                   Element &element) {
  MlirOperation op = definingOp(vector);
  while (!isNull(op)) {
    std::string_view name = operationName(op);
    if (name == "vector.transfer_read" || name == "vector.load") {
      element.read = op;
      return isInSharedMemory(
                 mlirValueGetType(mlirOperationGetOperand(op, 0))) &&
             addPlace(op, position, element.offsets);
    }
    MlirValue source = mlirOperationGetOperand(op, 0);
    if (name == "vector.extract") {
      std::vector<int64_t> outer =
          integersOf(getAttribute(op, "static_position"));
      if (mlirOperationGetNumOperands(op) != 1) {
        return false;
      }
      position.insert(position.begin(), outer.begin(), outer.end());
    } else if (name == "vector.shape_cast") {
      position = reshaped(position, shapeOf(mlirValueGetType(vector)),
                          shapeOf(mlirValueGetType(source)));
    } else if (name == "vector.transpose") {
      std::vector<int64_t> permutation =
          integersOf(getAttribute(op, "permutation"));
      std::vector<int64_t> before(position.size());
      for (size_t i = 0; i < position.size(); ++i) {
        before[permutation[i]] = position[i];
      }
      position = before;
    } else if (name == "vector.extract_strided_slice") {
      std::vector<int64_t> offsets = integersOf(getAttribute(op, "offsets"));
      for (size_t i = 0; i < offsets.size(); ++i) {
        position[i] += offsets[i];
      }
    } else {
      return false;
    }
    vector = source;
    op = definingOp(vector);
  }
  return false;
}

/// Fills the fragment from the operand of its user; false if its elements do
/// not all come from one read.
static bool followAll(Fragment &fragment) {
  MlirValue vector = mlirOperationGetOperand(fragment.user, fragment.operand);
  std::vector<int64_t> shape = shapeOf(mlirValueGetType(vector));
  if (shape.size() != 2 || shape[1] != 2) {
    return false;
  }
  for (int64_t matrix = 0; matrix < shape[0]; ++matrix) {
    std::array<Offsets, 2> both;
    for (int64_t i = 0; i < 2; ++i) {
      Element element;
      if (!follow(vector, {matrix, i}, element)) {
        return false;
      }
      if (matrix == 0 && i == 0) {
        fragment.read = element.read;
      } else if (fragment.read.ptr != element.read.ptr) {
        return false;
      }
      both[i] = element.offsets;
    }
    fragment.offsets.push_back(both);
  }
  return true;
}

/// Evaluates the read's address in every thread.
static Read evaluate(MlirOperation op) {
  Read read;
  MlirType type = mlirValueGetType(mlirOperationGetOperand(op, 0));
  read.strides.resize(mlirShapedTypeGetRank(type));
  int64_t offset = 0;
  ThreadSource source;
  for (intptr_t i = 0; i < numIndices(op); ++i) {
    findThread(mlirOperationGetOperand(op, 1 + i), source);
  }
  if (!source.isKnown || !source.thread.ptr || source.threads % kLanes != 0 ||
      failed(mlirMemRefTypeGetStridesAndOffset(type, read.strides.data(),
                                               &offset))) {
    return read;
  }
  for (int64_t stride : read.strides) {
    if (stride < 0) {
      return read; // Dynamic.
    }
  }
  read.thread = source.thread;
  for (int64_t thread = 0; thread < source.threads; ++thread) {
    int64_t address = 0;
    for (intptr_t i = 0; i < numIndices(op); ++i) {
      auto index = valueIn(thread, mlirOperationGetOperand(op, 1 + i));
      if (!index) {
        return read;
      }
      address += *index * read.strides[i];
    }
    read.addresses.push_back(address);
  }
  read.isKnown = true;
  return read;
}

static int64_t distance(const Read &read, const Offsets &offsets) {
  int64_t sum = 0;
  for (size_t i = 0; i < offsets.size(); ++i) {
    sum += offsets[i] * read.strides[i];
  }
  return sum;
}

/// Whether the fragment's matrices lie in memory as ldmatrix takes them.
static bool lies(const Fragment &fragment, const Read &read,
                 bool isTransposed) {
  for (size_t first = 0; first < read.addresses.size(); first += kLanes) {
    const int64_t *address = &read.addresses[first];
    for (const auto &both : fragment.offsets) {
      int64_t apart[2] = {distance(read, both[0]), distance(read, both[1])};
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

static Offsets minus(const Offsets &lhs, const Offsets &rhs) {
  Offsets result(lhs.size());
  for (size_t i = 0; i < lhs.size(); ++i) {
    result[i] = lhs[i] - rhs[i];
  }
  return result;
}

/// Whether one instruction can load both fragments of two matrices: the step
/// from the first matrix to the second is the same.
static bool fit(const Fragment &first, const Fragment &second) {
  return first.read.ptr == second.read.ptr &&
         first.isTransposed == second.isTransposed &&
         first.offsets.size() == 2 && second.offsets.size() == 2 &&
         minus(first.offsets[1][0], first.offsets[0][0]) ==
             minus(second.offsets[1][0], second.offsets[0][0]);
}

/// Loads the matrices, by one instruction, in front of the first user.
static MlirValue load(const std::vector<std::array<Offsets, 2>> &matrices,
                      const Fragment &fragment, Read &read) {
  std::vector<MlirValue> &base =
      fragment.isTransposed ? read.ofColumns : read.ofRows;
  if (base.empty()) {
    base = indicesOfRows(fragment.read, read, fragment.isTransposed);
  }
  Builder at(fragment.user);
  MlirValue memref = mlirOperationGetOperand(fragment.read, 0);
  size_t rank = read.strides.size();
  Offsets step = minus(matrices[1][0], matrices[0][0]);
  Offsets jump = matrices.size() == kMostMatrices
                     ? minus(matrices[2][0], matrices[0][0])
                     : Offsets(rank, 0);
  Offsets within = fragment.isTransposed ? minus(matrices[0][1], matrices[0][0])
                                         : Offsets(rank, 0);
  std::vector<MlirValue> operands = {memref};
  for (size_t i = 0; i < rank; ++i) {
    std::string map =
        "(d0, d1) -> (d1 + " + std::to_string(matrices[0][0][i]) +
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
                {{"transpose", mlirBoolAttrGet(context, fragment.isTransposed)},
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
  std::vector<Fragment> fragments;
  bool isLoaded = false;
};

} // namespace

static void use(const Same &same, MlirValue loaded, int64_t first) {
  for (const Fragment &fragment : same.fragments) {
    bool isWhole = shapeOf(mlirValueGetType(loaded))[0] ==
                   static_cast<int64_t>(fragment.offsets.size());
    mlirOperationSetOperand(fragment.user, fragment.operand,
                            isWhole ? loaded
                                    : half(loaded, first, fragment.user));
  }
}

/// Loads what a block's products use. Fragments of two matrices go in pairs.
static void loadAll(std::vector<Same> &block,
                    std::map<const void *, Read> &reads) {
  for (size_t i = 0; i < block.size(); ++i) {
    if (block[i].isLoaded) {
      continue;
    }
    const Fragment &first = block[i].fragments[0];
    std::vector<std::array<Offsets, 2>> matrices = first.offsets;
    Same *partner = nullptr;
    for (size_t j = i + 1; j < block.size() && !partner; ++j) {
      if (!block[j].isLoaded && fit(first, block[j].fragments[0])) {
        partner = &block[j];
        const auto &more = partner->fragments[0].offsets;
        matrices.insert(matrices.end(), more.begin(), more.end());
      }
    }
    MlirValue loaded = load(matrices, first, reads[first.read.ptr]);
    use(block[i], loaded, 0);
    if (partner) {
      use(*partner, loaded, 2);
      partner->isLoaded = true;
    }
  }
}

static MlirLogicalResult loadMatrices(MlirOperation top) {
  std::map<const void *, Read> reads;
  // By block, in the order in which the walk meets them.
  std::vector<const void *> blocks;
  std::map<const void *, std::vector<Same>> byBlock;
  walk(top, [&](MlirOperation op) {
    if (operationName(op) != "nvgpu.mma.sync") {
      return;
    }
    const void *block = mlirOperationGetBlock(op).ptr;
    for (intptr_t operand = 0; operand < 2; ++operand) {
      Fragment fragment = {op, operand, {nullptr}, {}};
      if (!followAll(fragment) ||
          mlirOperationGetBlock(fragment.read).ptr != block) {
        continue;
      }
      if (fragment.offsets.size() != 2 &&
          fragment.offsets.size() != kMostMatrices) {
        continue;
      }
      auto [known, isNew] = reads.try_emplace(fragment.read.ptr);
      if (isNew) {
        known->second = evaluate(fragment.read);
      }
      const Read &read = known->second;
      if (!read.isKnown) {
        continue;
      }
      if (!lies(fragment, read, false)) {
        if (!lies(fragment, read, true)) {
          continue;
        }
        fragment.isTransposed = true;
      }
      if (!byBlock.count(block)) {
        blocks.push_back(block);
      }
      bool isNewFragment = true;
      for (Same &same : byBlock[block]) {
        const Fragment &other = same.fragments[0];
        if (other.read.ptr == fragment.read.ptr &&
            other.offsets == fragment.offsets) {
          same.fragments.push_back(fragment);
          isNewFragment = false;
          break;
        }
      }
      if (isNewFragment) {
        byBlock[block].push_back({{fragment}, false});
      }
    }
  });
  if (blocks.empty()) {
    mlirEmitError(mlirOperationGetLocation(top),
                  "no operand of a matrix instruction lies in shared memory as "
                  "ldmatrix takes it");
    return failure();
  }
  for (const void *block : blocks) {
    loadAll(byBlock[block], reads);
  }
  return success();
}

const PassDefinition kLoadMatrices = {
    "iree-tuner-load-matrices",
    "Loads operands of nvgpu.mma.sync from shared memory by nvgpu.ldmatrix",
    loadMatrices};

} // namespace iree_tuner
