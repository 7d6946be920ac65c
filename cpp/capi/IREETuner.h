// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The C seam of libIREETunerPlugin.so: all that the bindings call. Nothing here
// throws. A failure has emitted a diagnostic on the operation's context, or
// stands in the message buffer that the caller handed in.

#ifndef IREE_TUNER_CAPI_IREETUNER_H
#define IREE_TUNER_CAPI_IREETUNER_H

#include "capi/IREECompiler.h"

#define IREE_TUNER_EXPORTED __attribute__((visibility("default")))

extern "C" {

/// Adds our passes to the host's pass registry, once per process. Returns false
/// and fills `message` (cut to `capacity`, always terminated) on failure.
IREE_TUNER_EXPORTED bool ireeTunerRegisterPasses(char *message,
                                                 size_t capacity);

/// Runs one pass, named as in a pass pipeline, on an op nest of any kind.
IREE_TUNER_EXPORTED MlirLogicalResult ireeTunerRunPass(MlirStringRef argument,
                                                       MlirOperation op);

/// The entries of an `#iree_cpu.lowering_config` or `#iree_gpu.lowering_config`
/// as a DictionaryAttr; null for any other attribute, or if the printed form of
/// the attribute cannot be read back.
IREE_TUNER_EXPORTED MlirAttribute
ireeTunerLoweringConfigEntries(MlirAttribute config);

/// The set of a root-op mark of either form (0 for the unit form); -1 if `mark`
/// is no mark.
IREE_TUNER_EXPORTED int64_t ireeTunerRootOpMarkSet(MlirAttribute mark);

/// Finds the value of a defined function symbol in an ELF file's symbol table.
IREE_TUNER_EXPORTED bool ireeTunerFindElfSymbol(const char *path,
                                                const char *symbol,
                                                uint64_t *value, char *message,
                                                size_t capacity);

} // extern "C"

#endif // IREE_TUNER_CAPI_IREETUNER_H
