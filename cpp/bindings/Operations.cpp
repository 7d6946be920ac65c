// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Running the passes in-process, and finding the ops that they speak of.

#include "bindings/Diagnostics.h"
#include "bindings/IREEObjects.h"
#include "bindings/Populate.h"
#include "capi/IREETuner.h"

#include <nanobind/stl/pair.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <tuple>

namespace nb = nanobind;

namespace iree_tuner {

using Diagnostics = std::vector<std::pair<std::string, std::string>>;

static std::pair<bool, Diagnostics> runPass(const std::string &name,
                                            MlirOperation op) {
  nb::gil_scoped_release release;
  DiagnosticCapture capture(mlirOperationGetContext(op));
  MlirLogicalResult result =
      ireeTunerRunPass(MlirStringRef{name.data(), name.size()}, op);
  return {!failed(result), std::move(capture.diagnostics)};
}

static void registerPasses() {
  char message[2048];
  if (!ireeTunerRegisterPasses(message, sizeof(message))) {
    throw std::runtime_error(message);
  }
}

/// Every op below `op`, itself included, that carries one of the attributes.
static std::vector<MlirOperation>
opsWithAttribute(MlirOperation op, const std::vector<std::string> &names) {
  struct State {
    const std::vector<std::string> &names;
    std::vector<MlirOperation> found;
  } state = {names, {}};
  mlirOperationWalk(
      op,
      [](MlirOperation visited, void *data) {
        State &state = *static_cast<State *>(data);
        for (const std::string &name : state.names) {
          MlirAttribute attr = mlirOperationGetAttributeByName(
              visited, MlirStringRef{name.data(), name.size()});
          if (!isNull(attr)) {
            state.found.push_back(visited);
            break;
          }
        }
        return MlirWalkResultAdvance;
      },
      &state, MlirWalkPreOrder);
  return std::move(state.found);
}

static std::pair<bool, uint64_t> findElfSymbol(const std::string &path,
                                               const std::string &symbol,
                                               std::string &message) {
  char buffer[2048];
  uint64_t value = 0;
  bool found = ireeTunerFindElfSymbol(path.c_str(), symbol.c_str(), &value,
                                      buffer, sizeof(buffer));
  message = buffer;
  return {found, value};
}

void populateOperations(nb::module_ &module) {
  module.def("run_pass", &runPass, nb::arg("name"), nb::arg("operation"),
             "Runs a pass; returns whether it passed, and its diagnostics.");
  module.def("register_passes", &registerPasses,
             "Adds the passes to the compiler's registry, once a process.");
  module.def("ops_with_attribute", &opsWithAttribute, nb::arg("operation"),
             nb::arg("names"),
             "The ops of the nest that carry one of the attributes, in walk "
             "order.");
  module.def(
      "root_op_mark_set",
      [](MlirAttribute mark) { return ireeTunerRootOpMarkSet(mark); },
      nb::arg("mark"), "The set of a root-op mark; -1 if it is none.");
  module.def(
      "find_elf_symbol",
      [](const std::string &path, const std::string &symbol) {
        std::string message;
        auto [found, value] = findElfSymbol(path, symbol, message);
        if (!found) {
          throw std::runtime_error(message);
        }
        return value;
      },
      nb::arg("path"), nb::arg("symbol"),
      "The value of a function in an ELF file's symbol table.");
}

} // namespace iree_tuner
