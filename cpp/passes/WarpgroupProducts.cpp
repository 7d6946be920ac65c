// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Hopper's warpgroup products in the place of nvgpu.mma.sync.
//
// `wgmma` multiplies for four warps at once, reads both operands from shared
// memory, and runs while its warps do something else. A loop of copies
// (CopyLoop.h) becomes, with N buffers,
//
//   wait for the copies of step i; barrier; products of step i, not awaited;
//   copies of step i + N - 2; wait for the products of step i - 1
//
// At its barrier every warp has seen the products of step i - 2 end, so their
// buffer is free. The buffers get the layout that wgmma reads without bank
// conflicts: lines of 64 elements along the contiguous dimension, whose eight
// chunks of 16 bytes change places by the number of the line.
//
// Warpgroups.h says which loops qualify.
//
// PTX has the instruction for sm_90a alone. The pass changes the target of the
// executable variant around it: it names the code's architecture, and the
// shared memory that it may use.

#include "passes/ExternalPass.h"
#include "passes/Operations.h"
#include "passes/SharedMemory.h"
#include "passes/Warpgroups.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <vector>

namespace iree_tuner {

/// Sums that a lane holds of a fragment.
constexpr int kLaneSums = 4;
/// Bytes at which the layout repeats: eight lines.
constexpr int64_t kRepeat = 1024;
/// What sm_90a lets a workgroup allocate.
constexpr char kSharedBytes[] = "232448";

/// Where an element of a buffer lies in the new layout, in elements. `outer`
/// and `inner` are its place in the old one; chunks stay whole.
static MlirValue place(const Builder &at, const Operand &operand,
                       MlirValue outer, MlirValue inner) {
  auto permuted = [&](MlirValue row) {
    // ((group * 4 + warp) * tiles + tile) * 16 + rest, warp and tile exchanged.
    int64_t tiles = operand.warpTiles;
    if (tiles <= 1) {
      return row;
    }
    std::string t = std::to_string(tiles), wide = std::to_string(tiles * 64);
    std::string narrow = std::to_string(tiles * 16);
    return at.apply("(d0) -> ((d0 floordiv " + wide + ") * " + wide +
                        " + ((d0 floordiv 16) mod " + t + ") * 64 + ((d0 mod " +
                        wide + ") floordiv " + narrow + ") * 16 + d0 mod 16)",
                    {row});
  };
  if (operand.hasInnerSums) {
    outer = permuted(outer);
  } else {
    inner = permuted(inner);
  }
  MlirType index = mlirIndexTypeGet(at.context());
  MlirValue chunk = mlirOperationGetResult(
      at.create("arith.xori",
                {at.apply("(d0) -> ((d0 floordiv 8) mod 8)", {inner}),
                 at.apply("(d0) -> (d0 mod 8)", {outer})},
                {index}),
      0);
  return at.apply("(d0, d1, d2) -> ((d1 floordiv 64) * " +
                      std::to_string(operand.outer * kLine) +
                      " + d0 * 64 + d2 * 8 + d1 mod 8)",
                  {outer, inner, chunk});
}

/// Where the copies of step `number` go.
static Destination intoLayout(const Warpgroups &found,
                              const MlirOperation *larger, MlirValue number,
                              int depth) {
  return [&found, larger, number, depth](const Builder &at, MlirOperation copy,
                                         ValueMap &values) {
    MlirValue memref = mlirOperationGetOperand(copy, 0);
    bool isLhs = memref.ptr == mlirOperationGetResult(found.lhs.buffer, 0).ptr;
    const Operand &operand = isLhs ? found.lhs : found.rhs;
    std::vector<int64_t> shape = shapeOf(mlirValueGetType(memref));
    MlirValue indices[2] = {at.constant(0), at.constant(0)};
    for (size_t i = 0; i < shape.size(); ++i) {
      MlirValue index = mlirOperationGetOperand(copy, 1 + i);
      auto other = values.find(index.ptr);
      index = other == values.end() ? index : other->second;
      if (i + 1 == shape.size()) {
        indices[1] = index;
      } else {
        indices[0] =
            at.apply("(d0, d1) -> (d0 * " + std::to_string(shape[i]) + " + d1)",
                     {indices[0], index});
      }
    }
    MlirValue slot =
        at.apply("(d0) -> (d0 mod " + std::to_string(depth) + ")", {number});
    return std::vector<MlirValue>{mlirOperationGetResult(larger[!isLhs], 0),
                                  slot,
                                  place(at, operand, indices[0], indices[1])};
  };
}

/// An assembly statement that the compiler neither moves nor leaves out.
static MlirOperation makeAsm(const Builder &at, const std::string &text,
                             const std::string &constraints,
                             const std::vector<MlirValue> &operands,
                             const std::vector<MlirType> &results) {
  return at.create(
      "llvm.inline_asm", operands, results,
      {{"asm_string", mlirStringAttrGet(at.context(), stringRef(text))},
       {"constraints", mlirStringAttrGet(at.context(), stringRef(constraints))},
       {"has_side_effects", mlirUnitAttrGet(at.context())}});
}

/// The type of `count` f32 in a structure.
static MlirType floats(const Builder &at, size_t count) {
  std::string text = "!llvm.struct<(";
  for (size_t i = 0; i < count; ++i) {
    text += i ? ", f32" : "f32";
  }
  return mlirTypeParseGet(at.context(), stringRef(text + ")>"));
}

/// An assembly statement on sums, which it takes and returns in registers.
static void onSums(const Builder &at, std::string text,
                   const std::vector<MlirValue> &operands,
                   const std::string &kinds, std::vector<MlirValue> &sums) {
  std::string constraints;
  for (size_t i = 0; i < sums.size(); ++i) {
    constraints += i ? ",=f" : "=f";
  }
  constraints += kinds;
  std::vector<MlirValue> all = operands;
  for (size_t i = 0; i < sums.size(); ++i) {
    constraints += "," + std::to_string(i);
    all.push_back(sums[i]);
  }
  MlirOperation statement =
      makeAsm(at, text, constraints, all, {floats(at, sums.size())});
  MlirType type = mlirValueGetType(sums[0]);
  for (size_t i = 0; i < sums.size(); ++i) {
    sums[i] = mlirOperationGetResult(
        at.create("llvm.extractvalue", {mlirOperationGetResult(statement, 0)},
                  {type},
                  {{"position", at.integers({static_cast<int64_t>(i)})}}),
        0);
  }
}

/// The four sums of a lane, out of vector<2x2xf32>.
static void unpack(const Builder &at, MlirValue vector,
                   std::vector<MlirValue> &sums) {
  MlirType type = mlirShapedTypeGetElementType(mlirValueGetType(vector));
  for (int64_t i = 0; i < kLaneSums; ++i) {
    sums.push_back(mlirOperationGetResult(
        at.create("vector.extract", {vector}, {type},
                  {{"static_position", at.integers({i / 2, i % 2})}}),
        0));
  }
}

static MlirValue pack(const Builder &at, MlirType type, const MlirValue *sums) {
  MlirValue vector = mlirOperationGetResult(
      at.create("arith.constant", {}, {type},
                {{"value", at.attribute("dense<0.0> : vector<2x2xf32>")}}),
      0);
  for (int64_t i = 0; i < kLaneSums; ++i) {
    vector = mlirOperationGetResult(
        at.create("vector.insert", {sums[i], vector}, {type},
                  {{"static_position", at.integers({i / 2, i % 2})}}),
        0);
  }
  return vector;
}

/// The shared-memory address of a buffer's slice as a descriptor says it, with
/// the constant parts: how far lines' blocks and groups of eight lines lie
/// apart, and the layout.
static MlirValue describe(const Builder &at, const Operand &operand,
                          MlirOperation larger, MlirValue slot) {
  MlirContext context = at.context();
  MlirType index = mlirIndexTypeGet(context);
  MlirType wide = mlirIntegerTypeGet(context, 64);
  MlirValue base = mlirOperationGetResult(
      at.create("memref.extract_aligned_pointer_as_index",
                {mlirOperationGetResult(larger, 0)}, {index}),
      0);
  MlirValue address =
      at.apply("(d0, d1) -> (((d0 + d1 * " + std::to_string(operand.bytes()) +
                   ") mod 262144) floordiv 16)",
               {base, slot});
  MlirValue number = mlirOperationGetResult(
      at.create("arith.index_castui", {address}, {wide}), 0);
  int64_t apart =
      operand.hasInnerSums ? 1 : operand.outer * kLine * kElementBytes / 16;
  int64_t constant = apart << 16 | (kRepeat / 16) << 32 | int64_t{1} << 62;
  MlirValue rest = mlirOperationGetResult(
      at.create("arith.constant", {}, {wide},
                {{"value", mlirIntegerAttrGet(wide, constant)}}),
      0);
  return mlirOperationGetResult(at.create("arith.addi", {number, rest}, {wide}),
                                0);
}

/// A descriptor further on by so many bytes, and by `groupBytes` for each
/// warpgroup before this one.
static MlirValue further(const Builder &at, MlirValue descriptor, int64_t bytes,
                         MlirValue group, int64_t groupBytes) {
  MlirType wide = mlirIntegerTypeGet(at.context(), 64);
  MlirValue distance =
      at.apply("(d0) -> (d0 * " + std::to_string(groupBytes / 16) + " + " +
                   std::to_string(bytes / 16) + ")",
               {group});
  MlirValue number = mlirOperationGetResult(
      at.create("arith.index_castui", {distance}, {wide}), 0);
  return mlirOperationGetResult(
      at.create("arith.addi", {descriptor, number}, {wide}), 0);
}

/// How many bytes on the sums from `sum` start.
static int64_t bytesTo(const Operand &operand, int64_t sum) {
  if (!operand.hasInnerSums) {
    return sum * kLine * kElementBytes;
  }
  int64_t block = operand.outer * kLine;
  return (sum / kLine * block + sum % kLine) * kElementBytes;
}

/// How many bytes on the tile of rows `tile` starts.
static int64_t bytesToRows(const Operand &operand, int64_t tile) {
  return operand.hasInnerSums ? tile * kTileRows * kLine * kElementBytes
                              : tile * operand.outer * kLine * kElementBytes;
}

/// The instruction, for `columns` columns, on sums, two descriptors.
static std::string instruction(const Warpgroups &found, int64_t columns) {
  std::string text = "{\n.reg .pred p;\nsetp.ne.b32 p, 1, 0;\n"
                     "wgmma.mma_async.sync.aligned.m64n" +
                     std::to_string(columns) + "k16.f32." + found.type + "." +
                     found.type + " {";
  int64_t sums = columns / 2;
  for (int64_t i = 0; i < sums; ++i) {
    text += (i ? ", $" : "$") + std::to_string(i);
  }
  text += "}, $" + std::to_string(sums) + ", $" + std::to_string(sums + 1) +
          ", p, 1, 1, ";
  text += found.lhs.hasInnerSums ? "0, " : "1, ";
  text += found.rhs.hasInnerSums ? "0;\n}" : "1;\n}";
  return text;
}

/// Computes a step's products; the last ones' users get the new sums.
static void multiply(const Builder &at, const Warpgroups &found,
                     const MlirOperation *larger, MlirValue slot) {
  MlirValue lhs = describe(at, found.lhs, larger[0], slot);
  MlirValue rhs = describe(at, found.rhs, larger[1], slot);
  MlirValue group = at.apply("(d0) -> (d0 floordiv 128)", {found.thread});
  int64_t columns = found.rhs.others();
  int64_t tiles = found.lhs.warpTiles;
  std::map<std::array<int64_t, 3>, const Part *> partAt;
  for (const Part &part : found.parts) {
    partAt[{static_cast<int64_t>(part.step), part.row, part.column}] = &part;
  }
  std::vector<std::vector<MlirValue>> sums(tiles);
  for (int64_t tile = 0; tile < tiles; ++tile) {
    for (int64_t column = 0; column < columns; column += kFragmentColumns) {
      unpack(at, mlirOperationGetOperand(partAt[{0, tile, column}]->product, 2),
             sums[tile]);
    }
  }
  makeAsm(at, "wgmma.fence.sync.aligned;", "", {}, {});
  for (size_t step = 0; step < found.steps; ++step) {
    for (int64_t tile = 0; tile < tiles; ++tile) {
      int64_t sum = partAt[{static_cast<int64_t>(step), tile, 0}]->sum;
      MlirValue left = further(
          at, lhs, bytesTo(found.lhs, sum) + bytesToRows(found.lhs, tile),
          group, bytesToRows(found.lhs, tiles));
      MlirValue right = further(at, rhs, bytesTo(found.rhs, sum), group, 0);
      onSums(at, instruction(found, columns), {left, right}, ",l,l",
             sums[tile]);
    }
  }
  makeAsm(at, "wgmma.commit_group.sync.aligned;", "", {}, {});
  int64_t last = static_cast<int64_t>(found.steps) - 1;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    for (int64_t column = 0; column < columns; column += kFragmentColumns) {
      MlirValue old =
          mlirOperationGetResult(partAt[{last, tile, column}]->product, 0);
      mlirValueReplaceAllUsesOfWith(
          old, pack(at, mlirValueGetType(old),
                    &sums[tile][column / kFragmentColumns * kLaneSums]));
    }
  }
}

/// Waits, behind the loop, until the sums it returns are complete.
static void complete(const CopyLoop &loop) {
  Builder at(mlirOperationGetNextInBlock(loop.loop));
  std::vector<MlirValue> sums;
  std::vector<std::pair<MlirValue, std::vector<MlirOperation>>> users;
  for (intptr_t i = 0, e = mlirOperationGetNumResults(loop.loop); i < e; ++i) {
    MlirValue result = mlirOperationGetResult(loop.loop, i);
    users.push_back({result, usersOf(result)});
  }
  for (const auto &[result, ops] : users) {
    unpack(at, result, sums);
  }
  onSums(at, "wgmma.wait_group.sync.aligned 0;", {}, "", sums);
  size_t next = 0;
  for (const auto &[result, ops] : users) {
    MlirValue vector = pack(at, mlirValueGetType(result), &sums[next]);
    next += kLaneSums;
    for (MlirOperation op : ops) {
      for (intptr_t i = 0, e = mlirOperationGetNumOperands(op); i < e; ++i) {
        if (mlirOperationGetOperand(op, i).ptr == result.ptr) {
          mlirOperationSetOperand(op, i, vector);
        }
      }
    }
  }
}

static void rewrite(const CopyLoop &loop, const Warpgroups &found, int depth) {
  const Operand *operands[2] = {&found.lhs, &found.rhs};
  MlirOperation larger[2];
  for (int i = 0; i < 2; ++i) {
    larger[i] = allocateInstead(
        operands[i]->buffer, {depth, operands[i]->outer * operands[i]->inner},
        kRepeat);
  }
  int ahead = depth - 2;
  ValueMap none;
  Builder before(loop.loop);
  before.clone(loop.barriers[0], none);
  MlirValue group = {nullptr};
  for (int i = 0; i < ahead; ++i) {
    int64_t induction = loop.lower + i * loop.step;
    if (induction < loop.upper) {
      startCopies(before, loop, before.constant(induction), MlirValue{nullptr},
                  intoLayout(found, larger, before.constant(i), depth));
    }
    group = makeGroup(before, loop);
  }

  Builder at(mlirBlockGetFirstOperation(loop.body));
  std::string number = "(d0 - " + std::to_string(loop.lower) + ") floordiv " +
                       std::to_string(loop.step);
  // The driver's assembler takes seconds to unroll a loop of few steps.
  makeAsm(at, ".pragma \"nounroll\";", "", {}, {});
  MlirValue here = at.apply("(d0) -> (" + number + ")", {loop.induction()});
  waitFor(at, group, ahead - 1);
  // The copies are to be seen by what reads for the products.
  makeAsm(at, "fence.proxy.async.shared::cta;", "", {}, {});
  at.clone(loop.barriers[0], none);
  multiply(at, found, larger,
           at.apply("(d0) -> (d0 mod " + std::to_string(depth) + ")", {here}));
  MlirValue then =
      at.apply("(d0) -> (d0 + " + std::to_string(ahead * loop.step) + ")",
               {loop.induction()});
  startCopies(
      at, loop, then, isStepOf(at, loop, then),
      intoLayout(
          found, larger,
          at.apply("(d0) -> (d0 + " + std::to_string(ahead) + ")", {here}),
          depth));
  makeGroup(at, loop);
  makeAsm(at, "wgmma.wait_group.sync.aligned 1;", "", {}, {});

  // Users first: the products, then what they read, then the buffers.
  std::vector<MlirOperation> products;
  for (const Part &part : found.parts) {
    products.push_back(part.product);
  }
  std::reverse(products.begin(), products.end());
  std::vector<MlirOperation> pending;
  for (MlirOperation product : products) {
    for (intptr_t i = 0; i < 2; ++i) {
      pending.push_back(definingOp(mlirOperationGetOperand(product, i)));
    }
    mlirOperationDestroy(product);
  }
  eraseOld(loop);
  complete(loop);
  eraseUnused(pending);
}

static void replace(std::string &text, const std::string &from,
                    const std::string &to) {
  size_t at = text.find(from);
  if (at == std::string::npos) {
    return;
  }
  size_t end = text.find_first_of(",>", at);
  text.replace(at, end - at, to);
}

/// Makes sm_90a the target of the executable variant that holds `op`.
static void targetHopper(MlirOperation op) {
  while (!isNull(op) && operationName(op) != "hal.executable.variant") {
    op = mlirOperationGetParentOperation(op);
  }
  if (isNull(op)) {
    return;
  }
  std::string text = printed(getAttribute(op, "target"));
  replace(text, "arch = ", "arch = \"sm_90a\"");
  replace(text, "features = ", "features = \"+ptx80\"");
  replace(text, "max_workgroup_memory_bytes = ",
          std::string("max_workgroup_memory_bytes = ") + kSharedBytes);
  MlirAttribute target =
      mlirAttributeParseGet(mlirOperationGetContext(op), stringRef(text));
  mlirOperationSetAttributeByName(op, stringRef("target"), target);
}

template <int depth>
static MlirLogicalResult warpgroupProducts(MlirOperation top) {
  MlirLogicalResult result = rewriteCopyLoops(
      top, "warpgroups cannot compute the products", [](CopyLoop &loop) {
        Warpgroups found;
        std::string why = examineWarpgroups(loop, found);
        if (why.empty()) {
          rewrite(loop, found, depth);
        }
        return why;
      });
  if (result.value) {
    targetHopper(top);
  }
  return result;
}

static constexpr char kDescription[] =
    "Computes products by Hopper's wgmma, with as many buffers as the pass's "
    "name says";
const PassDefinition kWarpgroupProducts3 = {"iree-tuner-warpgroup-products-3",
                                            kDescription, warpgroupProducts<3>};
const PassDefinition kWarpgroupProducts4 = {"iree-tuner-warpgroup-products-4",
                                            kDescription, warpgroupProducts<4>};
const PassDefinition kWarpgroupProducts5 = {"iree-tuner-warpgroup-products-5",
                                            kDescription, warpgroupProducts<5>};
const PassDefinition kWarpgroupProducts6 = {"iree-tuner-warpgroup-products-6",
                                            kDescription, warpgroupProducts<6>};

} // namespace iree_tuner
