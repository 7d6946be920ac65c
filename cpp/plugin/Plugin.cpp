// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What libIREETunerPlugin.so exports: the entry point that
// `iree-opt --load-pass-plugin` calls, and the C seam of the bindings.

#include "capi/IREETuner.h"
#include "passes/Configuration.h"
#include "passes/ExternalPass.h"
#include "passes/Operations.h"
#include "plugin/HostRegistry.h"

#include <algorithm>
#include <cstdio>
#include <dlfcn.h>
#include <exception>

using namespace iree_tuner;

/// Copies as much of the message as fits, and always its end mark.
static bool report(const std::string &text, char *message, size_t capacity) {
  if (message && capacity > 0) {
    size_t length = std::min(text.size(), capacity - 1);
    std::memcpy(message, text.data(), length);
    message[length] = '\0';
  }
  return text.empty();
}

/// `iree-compile --load` opens this library and calls nothing in it. Python
/// asks for the passes when it needs them: to find the registry takes a while.
__attribute__((constructor)) static void registerWhenLoaded() {
  if (!dlsym(RTLD_DEFAULT, "Py_IsInitialized")) {
    ireeTunerRegisterPasses(nullptr, 0);
  }
}

extern "C" {

bool ireeTunerRegisterPasses(char *message, size_t capacity) {
  try {
    return report(registerPassesOnce(), message, capacity);
  } catch (...) {
    return report("iree-tuner cannot register its passes: out of memory",
                  message, capacity);
  }
}

MlirLogicalResult ireeTunerRunPass(MlirStringRef argument, MlirOperation op) {
  for (const PassDefinition *const *pass = kPasses; *pass; ++pass) {
    if (view(argument) == (*pass)->argument) {
      return runGuarded(**pass, op);
    }
  }
  mlirEmitError(mlirOperationGetLocation(op), "no such iree-tuner pass");
  return failure();
}

MlirAttribute ireeTunerLoweringConfigEntries(MlirAttribute config) {
  try {
    return loweringConfigEntries(config);
  } catch (...) {
    return MlirAttribute{nullptr};
  }
}

int64_t ireeTunerRootOpMarkSet(MlirAttribute mark) {
  return rootOpMarkSet(mark);
}

bool ireeTunerFindElfSymbol(const char *path, const char *symbol,
                            uint64_t *value, char *message, size_t capacity) {
  try {
    return report(findElfSymbol(path, symbol, *value), message, capacity);
  } catch (...) {
    return report("out of memory", message, capacity);
  }
}

struct PassPluginLibraryInfo {
  uint32_t apiVersion;
  const char *pluginName;
  const char *pluginVersion;
  void (*registerCallbacks)();
};

IREE_TUNER_EXPORTED PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return PassPluginLibraryInfo{
      /*apiVersion=*/1, "iree-tuner", IREE_TUNER_VERSION, [] {
        char message[2048];
        if (!ireeTunerRegisterPasses(message, sizeof(message))) {
          std::fprintf(stderr, "error: %s\n", message);
        }
      }};
}

} // extern "C"
