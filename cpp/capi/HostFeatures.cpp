// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "capi/HostFeatures.h"

#include <dlfcn.h>

namespace iree_tuner {

template <typename Function>
static void lookUp(Function &function, const char *symbol) {
  function = reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, symbol));
}

static HostFeatures detect() {
  HostFeatures features = {};
  lookUp(features.isRootOpAttr, "ireeAttributeIsACodegenRootOpAttr");
  lookUp(features.rootOpAttrGet, "ireeCodegenRootOpAttrGet");
  lookUp(features.rootOpAttrGetSet, "ireeCodegenRootOpAttrGetSet");
  lookUp(features.pipelineOptionsGetPrefetchNumStages,
         "ireeGPUPipelineOptionsAttrGetPrefetchNumStages");
  lookUp(features.pipelineOptionsGetPrefetchSharedMemory,
         "ireeGPUPipelineOptionsAttrGetPrefetchSharedMemory");
  features.pipelinesAreAttributes =
      dlsym(RTLD_DEFAULT, "ireeGPUPipelineAttrGet") != nullptr;
  lookUp(features.emitRemark, "mlirEmitRemark");
  return features;
}

MlirAttribute mmaAttrGet(MlirContext context, uint32_t intrinsic,
                         bool isVirtual) {
  void *get = dlsym(RTLD_DEFAULT, isVirtual ? "ireeGPUVirtualMMAAttrGet"
                                            : "ireeGPUMMAAttrGet");
  if (!get) {
    return MlirAttribute{nullptr};
  }
  if (dlsym(RTLD_DEFAULT, "ireeGPUMMAAttrGetColMajor")) {
    using Get = MlirAttribute (*)(MlirContext, uint32_t, bool);
    return reinterpret_cast<Get>(get)(context, intrinsic, /*colMajor=*/false);
  }
  using Get = MlirAttribute (*)(MlirContext, uint32_t);
  return reinterpret_cast<Get>(get)(context, intrinsic);
}

MlirAttribute pipelineOptionsAttrGet(MlirContext context,
                                     const int64_t *prefetchNumStages,
                                     const bool *noReduceBankConflicts,
                                     const bool *useIgemmConvolution,
                                     const MlirAttribute *reorderWorkgroups) {
  void *get = dlsym(RTLD_DEFAULT, "ireeGPUPipelineOptionsAttrGet");
  if (!get) {
    return MlirAttribute{nullptr};
  }
  if (hostFeatures().pipelineOptionsGetPrefetchNumStages) {
    using Get = MlirAttribute (*)(MlirContext, const int64_t *, const bool *,
                                  const bool *, const MlirAttribute *);
    return reinterpret_cast<Get>(get)(context, prefetchNumStages,
                                      noReduceBankConflicts,
                                      useIgemmConvolution, reorderWorkgroups);
  }
  bool prefetch = prefetchNumStages && *prefetchNumStages > 1;
  using Get = MlirAttribute (*)(MlirContext, const bool *, const bool *,
                                const bool *, const MlirAttribute *);
  return reinterpret_cast<Get>(get)(
      context, prefetchNumStages ? &prefetch : nullptr, noReduceBankConflicts,
      useIgemmConvolution, reorderWorkgroups);
}

const HostFeatures &hostFeatures() {
  static const HostFeatures features = detect();
  return features;
}

} // namespace iree_tuner
