// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef IREE_TUNER_BINDINGS_PARSEATTRIBUTE_H
#define IREE_TUNER_BINDINGS_PARSEATTRIBUTE_H

#include "bindings/Diagnostics.h"

#include <nanobind/nanobind.h>

#include <string>

namespace iree_tuner {

/// Reads an attribute; ValueError with the compiler's errors.
inline MlirAttribute parseAttribute(const std::string &text,
                                    MlirContext context) {
  DiagnosticCapture capture(context);
  MlirAttribute attr =
      mlirAttributeParseGet(context, MlirStringRef{text.data(), text.size()});
  if (isNull(attr)) {
    throw nanobind::value_error(capture.errors().c_str());
  }
  return attr;
}

} // namespace iree_tuner

#endif // IREE_TUNER_BINDINGS_PARSEATTRIBUTE_H
