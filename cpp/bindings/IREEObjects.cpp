// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bindings/IREEObjects.h"

#include <string>

namespace nb = nanobind;

namespace iree_tuner {

nb::object ireeClass(const char *name) {
  return nb::module_::import_("iree.compiler.ir").attr(name);
}

void *takePointer(nb::handle object, const char *className) {
  nb::object source = nb::borrow(object);
  // A module stands for the operation it is.
  if (std::string_view(className) == "Operation" &&
      nb::hasattr(source, "operation")) {
    source = source.attr("operation");
  }
  nb::object capsule = source.attr("_CAPIPtr");
  std::string tag = std::string("iree.compiler.ir.") + className + "._CAPIPtr";
  void *pointer = PyCapsule_GetPointer(capsule.ptr(), tag.c_str());
  if (!pointer) {
    nb::raise_python_error();
  }
  return pointer;
}

nb::object makeObject(void *pointer, const char *className) {
  std::string tag = std::string("iree.compiler.ir.") + className + "._CAPIPtr";
  nb::object capsule =
      nb::steal(PyCapsule_New(pointer, tag.c_str(), /*destructor=*/nullptr));
  if (!capsule) {
    nb::raise_python_error();
  }
  // The capsule keeps the pointer to its name; the call ends before `tag` does.
  nb::object created = ireeClass(className).attr("_CAPICreate")(capsule);
  return nb::hasattr(created, "maybe_downcast")
             ? nb::object(created.attr("maybe_downcast")())
             : created;
}

} // namespace iree_tuner
