// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How IREE's Python objects cross into our functions and back: by the capsule
// that each offers as `_CAPIPtr` and takes by `_CAPICreate`.

#ifndef IREE_TUNER_BINDINGS_IREEOBJECTS_H
#define IREE_TUNER_BINDINGS_IREEOBJECTS_H

#include "capi/IREECompiler.h"

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

namespace iree_tuner {

/// The class of that name in `iree.compiler.ir`.
nanobind::object ireeClass(const char *name);

/// Takes out of a Python object the pointer that its capsule holds.
void *takePointer(nanobind::handle object, const char *className);
/// Makes a Python object of `iree.compiler.ir` from a pointer.
nanobind::object makeObject(void *pointer, const char *className);

} // namespace iree_tuner

namespace nanobind::detail {

/// One caster for all: `Class` names the class on the Python side, and stands
/// in the signatures of our functions.
template <typename Handle, typename Class>
struct iree_caster {
  static constexpr auto Name = Class::annotation;
  template <typename T>
  using Cast = Handle;
  template <typename T>
  static constexpr bool can_cast() {
    return true;
  }
  Handle value;
  explicit operator Handle() { return value; }

  bool from_python(handle source, uint8_t, cleanup_list *) noexcept {
    using Pointer = decltype(value.ptr);
    try {
      void *pointer = iree_tuner::takePointer(source, Class::name);
      value.ptr = static_cast<Pointer>(pointer);
      return pointer != nullptr;
    } catch (python_error &error) {
      error.restore();
      PyErr_Clear();
      return false;
    } catch (...) {
      return false;
    }
  }
  static handle from_cpp(Handle source, rv_policy, cleanup_list *) noexcept {
    if (!source.ptr) {
      return none().release();
    }
    try {
      return iree_tuner::makeObject(const_cast<void *>(source.ptr), Class::name)
          .release();
    } catch (python_error &error) {
      error.restore();
      return {};
    } catch (...) {
      return {};
    }
  }
};

struct AttributeClass {
  static constexpr const char *name = "Attribute";
  static constexpr auto annotation = const_name("iree.compiler.ir.Attribute");
};
struct ContextClass {
  static constexpr const char *name = "Context";
  static constexpr auto annotation = const_name("iree.compiler.ir.Context");
};
struct OperationClass {
  static constexpr const char *name = "Operation";
  static constexpr auto annotation = const_name("iree.compiler.ir.Operation");
};
struct TypeClass {
  static constexpr const char *name = "Type";
  static constexpr auto annotation = const_name("iree.compiler.ir.Type");
};

template <>
struct type_caster<MlirAttribute> : iree_caster<MlirAttribute, AttributeClass> {
};
template <>
struct type_caster<MlirContext> : iree_caster<MlirContext, ContextClass> {};
template <>
struct type_caster<MlirOperation> : iree_caster<MlirOperation, OperationClass> {
};
template <>
struct type_caster<MlirType> : iree_caster<MlirType, TypeClass> {};

} // namespace nanobind::detail

#endif // IREE_TUNER_BINDINGS_IREEOBJECTS_H
