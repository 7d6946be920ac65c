// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the loaded compiler can do that not every supported release can.
// This is the only place that asks the host for symbols it may lack.

#ifndef IREE_TUNER_CAPI_HOSTFEATURES_H
#define IREE_TUNER_CAPI_HOSTFEATURES_H

#include "capi/IREECompiler.h"

namespace iree_tuner {

/// Functions that are null if the loaded release does not export them.
struct HostFeatures {
  // 3.11: the root-op mark became `#iree_codegen.root_op<set = N>`; before, it
  // was a unit attribute.
  bool (*isRootOpAttr)(MlirAttribute);
  MlirAttribute (*rootOpAttrGet)(MlirContext, int64_t set);
  int64_t (*rootOpAttrGetSet)(MlirAttribute);
  // 3.10: pipeline options hold a number of prefetch stages; in 3.9 they say
  // only whether to prefetch.
  MlirAttribute (*pipelineOptionsGetPrefetchNumStages)(MlirAttribute);
  MlirAttribute (*pipelineOptionsGetPrefetchSharedMemory)(MlirAttribute);
  // 3.12: pipelines became attributes of their target's dialect; before, they
  // were values of one enumeration.
  bool pipelinesAreAttributes;
  // 3.13: before, mlirEmitError is the only way to emit a diagnostic.
  void (*emitRemark)(MlirLocation, const char *message);
};

/// An `#iree_gpu.mma_layout`, or the virtual kind. From 3.11 on the function
/// has one more argument, whether the accumulator is column-major; it is not.
MlirAttribute mmaAttrGet(MlirContext context, uint32_t intrinsic,
                         bool isVirtual);

/// An `#iree_gpu.pipeline_options`; what is not given is null. In 3.9 the
/// number of stages becomes whether it is above 1.
MlirAttribute pipelineOptionsAttrGet(MlirContext context,
                                     const int64_t *prefetchNumStages,
                                     const bool *noReduceBankConflicts,
                                     const bool *useIgemmConvolution,
                                     const MlirAttribute *reorderWorkgroups);

/// The features of the compiler in this process, looked up once.
const HostFeatures &hostFeatures();

} // namespace iree_tuner

#endif // IREE_TUNER_CAPI_HOSTFEATURES_H
