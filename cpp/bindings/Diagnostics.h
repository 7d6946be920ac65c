// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef IREE_TUNER_BINDINGS_DIAGNOSTICS_H
#define IREE_TUNER_BINDINGS_DIAGNOSTICS_H

#include "capi/IREECompiler.h"

#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace iree_tuner {

/// Collects the diagnostics that this thread emits on a context, as pairs of a
/// severity ("error", "warning", "remark", "note") and a text with its place.
class DiagnosticCapture {
public:
  explicit DiagnosticCapture(MlirContext context);
  ~DiagnosticCapture();
  DiagnosticCapture(const DiagnosticCapture &) = delete;
  DiagnosticCapture &operator=(const DiagnosticCapture &) = delete;

  std::vector<std::pair<std::string, std::string>> diagnostics;
  /// The texts of the errors, one a line.
  std::string errors() const;

private:
  static MlirLogicalResult receive(MlirDiagnostic diagnostic, void *self);

  MlirContext context;
  std::thread::id thread;
  MlirDiagnosticHandlerID id;
};

} // namespace iree_tuner

#endif // IREE_TUNER_BINDINGS_DIAGNOSTICS_H
