// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix-multiply intrinsics, and the GPU targets that offer them.

#include "bindings/IREEObjects.h"
#include "bindings/Integers.h"
#include "bindings/Populate.h"
#include "capi/HostFeatures.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <tuple>

namespace nb = nanobind;

namespace iree_tuner {

/// The `#iree_gpu.mma_layout` of an intrinsic, or its virtual kind; an
/// attribute that is one already is given back.
static MlirAttribute mmaAttr(MlirAttribute attr) {
  if (ireeAttributeIsAGPUMMAAttr(attr) ||
      ireeAttributeIsAGPUVirtualMMAAttr(attr)) {
    return attr;
  }
  if (ireeAttributeIsAGPUMMAIntrinsicAttr(attr)) {
    return mmaAttrGet(mlirAttributeGetContext(attr),
                      ireeGPUMMAIntrinsicAttrGetValue(attr),
                      /*isVirtual=*/false);
  }
  if (ireeAttributeIsAGPUVirtualMMAIntrinsicAttr(attr)) {
    return mmaAttrGet(mlirAttributeGetContext(attr),
                      ireeGPUVirtualMMAIntrinsicAttrGetValue(attr),
                      /*isVirtual=*/true);
  }
  throw nb::value_error("not an MMA intrinsic");
}

static std::tuple<int64_t, int64_t, int64_t> mmaShape(MlirAttribute attr) {
  ireeGPUMMAInfo info = ireeGPUMMAAttrGetInfo(mmaAttr(attr));
  return {info.mElements, info.nElements, info.kElements};
}

static std::tuple<MlirType, MlirType, MlirType>
mmaElementTypes(MlirAttribute attr) {
  ireeGPUMMAInfo info = ireeGPUMMAAttrGetInfo(mmaAttr(attr));
  return {info.aElementType, info.bElementType, info.cElementType};
}

static std::tuple<MlirType, MlirType, MlirType>
mmaVectorTypes(MlirAttribute attr) {
  ireeGPUMMAInfo info = ireeGPUMMAAttrGetInfo(mmaAttr(attr));
  return {info.aVectorType, info.bVectorType, info.cVectorType};
}

using Layout = std::tuple<std::vector<int64_t>, std::vector<int64_t>,
                          std::vector<int64_t>, std::vector<int64_t>>;

/// Outer, thread, strides, element; none if the compiler keeps the layout
/// opaque.
static std::optional<Layout> mmaLayout(MlirAttribute intrinsic,
                                       uint32_t operand) {
  if (operand > 2) {
    throw nb::value_error("an MMA intrinsic has operands 0, 1 and 2");
  }
  if (!ireeAttributeIsAGPUMMAIntrinsicAttr(intrinsic) &&
      !ireeAttributeIsAGPUVirtualMMAIntrinsicAttr(intrinsic)) {
    throw nb::value_error("not an MMA intrinsic");
  }
  ireeGPUMMASingleSubgroupLayout layout =
      ireeGPUGetSingleSubgroupLayout(intrinsic, operand);
  Layout result = {integers(layout.outer), integers(layout.thread),
                   integers(layout.tstrides), integers(layout.element)};
  if (std::get<1>(result).empty()) {
    return std::nullopt;
  }
  return result;
}

static void appendTo(MlirStringRef text, void *string) {
  static_cast<std::string *>(string)->append(text.data, text.length);
}

static std::string print(MlirAttribute attr) {
  std::string text;
  mlirAttributePrint(attr, appendTo, &text);
  return text;
}

/// The name in an enumeration attribute, `#iree_gpu<kind NAME>`; empty if its
/// value has none.
static std::string enumeratorName(MlirAttribute attr) {
  std::string text = print(attr);
  size_t start = text.rfind(' ') + 1;
  return text.substr(start, text.rfind('>') - start);
}

/// Every intrinsic of the loaded release: name, value, whether virtual. No
/// function lists them, but one names each value, and values have 16 bits. The
/// context keeps an attribute for each value that we try: use a scratch one.
static std::vector<std::tuple<std::string, uint32_t, bool>>
mmaNames(MlirContext scratch) {
  if (!mlirContextGetOrLoadDialect(scratch, stringRef("iree_gpu")).ptr) {
    throw nb::value_error("the context does not know IREE's GPU dialect");
  }
  std::vector<std::tuple<std::string, uint32_t, bool>> names;
  for (bool isVirtual : {false, true}) {
    auto get = isVirtual ? ireeGPUVirtualMMAIntrinsicAttrGet
                         : ireeGPUMMAIntrinsicAttrGet;
    for (uint32_t value = 0; value <= UINT16_MAX; ++value) {
      std::string name = enumeratorName(get(scratch, value));
      if (!name.empty()) {
        names.emplace_back(std::move(name), value, isVirtual);
      }
    }
  }
  return names;
}

static std::vector<MlirAttribute> elements(MlirAttribute array) {
  std::vector<MlirAttribute> result;
  for (intptr_t i = 0, e = mlirArrayAttrGetNumElements(array); i < e; ++i) {
    result.push_back(mlirArrayAttrGetElement(array, i));
  }
  return result;
}

/// Architecture, subgroup sizes, largest workgroup per dimension, most threads,
/// shared memory in bytes, intrinsics, workgroup processors, SIMDs of each.
using TargetInfo =
    std::tuple<std::string, std::vector<int64_t>, std::vector<int64_t>, int64_t,
               int64_t, std::vector<MlirAttribute>, int64_t, int64_t>;

static std::optional<TargetInfo> targetInfo(MlirAttribute target) {
  // The host takes any attribute for a target, so we look before we ask.
  const std::string prefix = "#hal.executable.target<";
  if (print(target).compare(0, prefix.size(), prefix) != 0) {
    throw nb::value_error("not a #hal.executable.target");
  }
  ireeGPUTargetInfo info = ireeHALExecutableTargetAttrGetGPUTargetInfo(target);
  if (!info.arch.ptr) {
    return std::nullopt;
  }
  MlirStringRef arch = mlirIdentifierStr(info.arch);
  return TargetInfo(
      std::string(arch.data, arch.length), integers(info.subgroupSizeChoices),
      integers(info.maxWorkgroupSizes),
      int64_t{info.maxThreadCountPerWorkgroup},
      int64_t{info.maxWorkgroupMemoryBytes}, elements(info.mmaIntrinsics),
      int64_t{info.wgpCount}, int64_t{info.simdsPerWgp});
}

void populateGPUTarget(nb::module_ &module) {
  module.def("mma_attr", &mmaAttr, nb::arg("intrinsic"),
             "The attribute that a lowering configuration holds as mma_kind.");
  module.def("mma_shape", &mmaShape, nb::arg("intrinsic"), "(m, n, k).");
  module.def("mma_element_types", &mmaElementTypes, nb::arg("intrinsic"),
             "The element types of lhs, rhs and accumulator.");
  module.def("mma_vector_types", &mmaVectorTypes, nb::arg("intrinsic"),
             "What one lane holds of lhs, rhs and accumulator.");
  module.def("mma_layout", &mmaLayout, nb::arg("intrinsic"), nb::arg("operand"),
             "Outer, thread, strides and element counts; None if opaque.");
  module.def("mma_names", &mmaNames, nb::arg("scratch"),
             "Every intrinsic: name, enumeration value, whether virtual.");
  module.def(
      "mma_name",
      [](MlirAttribute intrinsic) {
        return std::make_pair(
            enumeratorName(intrinsic),
            ireeAttributeIsAGPUVirtualMMAIntrinsicAttr(intrinsic));
      },
      nb::arg("intrinsic"), "The intrinsic's name, and whether it is virtual.");
  module.def(
      "gpu_target_info", &targetInfo, nb::arg("target"),
      "What a #hal.executable.target states of its GPU; None if nothing.");
}

} // namespace iree_tuner
