// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bindings/Diagnostics.h"

namespace iree_tuner {

static void appendTo(MlirStringRef text, void *string) {
  static_cast<std::string *>(string)->append(text.data, text.length);
}

static const char *severityName(MlirDiagnostic diagnostic) {
  switch (mlirDiagnosticGetSeverity(diagnostic)) {
  case MlirDiagnosticError:
    return "error";
  case MlirDiagnosticWarning:
    return "warning";
  case MlirDiagnosticNote:
    return "note";
  case MlirDiagnosticRemark:
    return "remark";
  }
  return "error";
}

static std::string textOf(MlirDiagnostic diagnostic) {
  std::string text;
  mlirLocationPrint(mlirDiagnosticGetLocation(diagnostic), appendTo, &text);
  text += ": ";
  mlirDiagnosticPrint(diagnostic, appendTo, &text);
  return text;
}

DiagnosticCapture::DiagnosticCapture(MlirContext context)
    : context(context), thread(std::this_thread::get_id()),
      id(mlirContextAttachDiagnosticHandler(context, receive, this, nullptr)) {}

DiagnosticCapture::~DiagnosticCapture() {
  mlirContextDetachDiagnosticHandler(context, id);
}

MlirLogicalResult DiagnosticCapture::receive(MlirDiagnostic diagnostic,
                                             void *data) {
  auto &self = *static_cast<DiagnosticCapture *>(data);
  // Another thread may work on the same context; its handler comes next.
  if (std::this_thread::get_id() != self.thread) {
    return failure();
  }
  try {
    self.diagnostics.emplace_back(severityName(diagnostic), textOf(diagnostic));
    intptr_t numNotes = mlirDiagnosticGetNumNotes(diagnostic);
    for (intptr_t i = 0; i < numNotes; ++i) {
      self.diagnostics.emplace_back(
          "note", textOf(mlirDiagnosticGetNote(diagnostic, i)));
    }
  } catch (...) {
    return failure();
  }
  return success();
}

std::string DiagnosticCapture::errors() const {
  std::string text;
  for (const auto &[severity, message] : diagnostics) {
    if (severity == "error") {
      text += (text.empty() ? "" : "\n") + message;
    }
  }
  return text;
}

} // namespace iree_tuner
