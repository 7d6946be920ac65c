// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The part of the C API of libIREECompiler.so that this project calls.
//
// The wheel ships no headers, so the declarations stand here, by hand. They are
// left undefined at link time and are bound by the host that loads us. Only
// functions that every supported release (3.9 to 3.13) exports are declared;
// the others are looked up by HostFeatures, in one place.

#ifndef IREE_TUNER_CAPI_IREECOMPILER_H
#define IREE_TUNER_CAPI_IREECOMPILER_H

#include <cstddef>
#include <cstdint>
#include <cstring>

extern "C" {

//===----------------------------------------------------------------------===//
// Handles and plain data
//===----------------------------------------------------------------------===//

struct MlirAffineMap {
  const void *ptr;
};
struct MlirAffineExpr {
  const void *ptr;
};
struct MlirAttribute {
  const void *ptr;
};
struct MlirBlock {
  void *ptr;
};
struct MlirContext {
  void *ptr;
};
struct MlirDiagnostic {
  void *ptr;
};
struct MlirDialect {
  void *ptr;
};
struct MlirExternalPass {
  void *ptr;
};
struct MlirIdentifier {
  const void *ptr;
};
struct MlirLocation {
  const void *ptr;
};
struct MlirOpOperand {
  void *ptr;
};
struct MlirOpPassManager {
  void *ptr;
};
struct MlirOperation {
  void *ptr;
};
struct MlirPass {
  void *ptr;
};
struct MlirPassManager {
  void *ptr;
};
struct MlirRegion {
  void *ptr;
};
struct MlirType {
  const void *ptr;
};
struct MlirTypeID {
  const void *ptr;
};
struct MlirValue {
  const void *ptr;
};
struct MlirDialectHandle {
  const void *ptr;
};

struct MlirStringRef {
  const char *data;
  size_t length;
};
struct MlirNamedAttribute {
  MlirIdentifier name;
  MlirAttribute attribute;
};
struct MlirLogicalResult {
  int8_t value;
};

/// Everything that an operation is made of; MLIR fills and takes it over.
struct MlirOperationState {
  MlirStringRef name;
  MlirLocation location;
  intptr_t nResults;
  MlirType *results;
  intptr_t nOperands;
  MlirValue *operands;
  intptr_t nRegions;
  MlirRegion *regions;
  intptr_t nSuccessors;
  MlirBlock *successors;
  intptr_t nAttributes;
  MlirNamedAttribute *attributes;
  bool enableResultTypeInference;
};

enum MlirDiagnosticSeverity {
  MlirDiagnosticError,
  MlirDiagnosticWarning,
  MlirDiagnosticNote,
  MlirDiagnosticRemark
};
enum MlirWalkResult {
  MlirWalkResultAdvance,
  MlirWalkResultInterrupt,
  MlirWalkResultSkip
};
enum MlirWalkOrder { MlirWalkPreOrder, MlirWalkPostOrder };

typedef uint64_t MlirDiagnosticHandlerID;
typedef void (*MlirStringCallback)(MlirStringRef, void *);
typedef MlirWalkResult (*MlirOperationWalkCallback)(MlirOperation, void *);
typedef MlirLogicalResult (*MlirDiagnosticHandler)(MlirDiagnostic, void *);

struct MlirExternalPassCallbacks {
  void (*construct)(void *userData);
  void (*destruct)(void *userData);
  MlirLogicalResult (*initialize)(MlirContext context, void *userData);
  void *(*clone)(void *userData);
  void (*run)(MlirOperation op, MlirExternalPass pass, void *userData);
};

//===----------------------------------------------------------------------===//
// MLIR, in 3.9 and later
//===----------------------------------------------------------------------===//

// Contexts, dialects, locations, diagnostics.
MlirContext mlirContextCreateWithThreading(bool threadingEnabled);
void mlirContextDestroy(MlirContext context);
MlirDialect mlirContextGetOrLoadDialect(MlirContext context,
                                        MlirStringRef name);
MlirStringRef mlirDialectGetNamespace(MlirDialect dialect);
MlirDiagnosticHandlerID mlirContextAttachDiagnosticHandler(
    MlirContext context, MlirDiagnosticHandler handler, void *userData,
    void (*deleteUserData)(void *));
void mlirContextDetachDiagnosticHandler(MlirContext context,
                                        MlirDiagnosticHandlerID id);
void mlirDiagnosticPrint(MlirDiagnostic diagnostic, MlirStringCallback callback,
                         void *userData);
MlirLocation mlirDiagnosticGetLocation(MlirDiagnostic diagnostic);
MlirDiagnosticSeverity mlirDiagnosticGetSeverity(MlirDiagnostic diagnostic);
intptr_t mlirDiagnosticGetNumNotes(MlirDiagnostic diagnostic);
MlirDiagnostic mlirDiagnosticGetNote(MlirDiagnostic diagnostic, intptr_t pos);
void mlirEmitError(MlirLocation location, const char *message);
void mlirLocationPrint(MlirLocation location, MlirStringCallback callback,
                       void *userData);

// Operations.
MlirContext mlirOperationGetContext(MlirOperation op);
MlirLocation mlirOperationGetLocation(MlirOperation op);
MlirIdentifier mlirOperationGetName(MlirOperation op);
MlirOperation mlirOperationGetParentOperation(MlirOperation op);
intptr_t mlirOperationGetNumRegions(MlirOperation op);
MlirRegion mlirOperationGetRegion(MlirOperation op, intptr_t pos);
MlirBlock mlirRegionGetFirstBlock(MlirRegion region);
void mlirOperationWalk(MlirOperation op, MlirOperationWalkCallback callback,
                       void *userData, MlirWalkOrder order);
intptr_t mlirOperationGetNumDiscardableAttributes(MlirOperation op);
MlirNamedAttribute mlirOperationGetDiscardableAttribute(MlirOperation op,
                                                        intptr_t pos);
MlirAttribute mlirOperationGetDiscardableAttributeByName(MlirOperation op,
                                                         MlirStringRef name);
MlirAttribute mlirOperationGetInherentAttributeByName(MlirOperation op,
                                                      MlirStringRef name);
MlirAttribute mlirOperationGetAttributeByName(MlirOperation op,
                                              MlirStringRef name);
void mlirOperationSetAttributeByName(MlirOperation op, MlirStringRef name,
                                     MlirAttribute attr);
bool mlirOperationRemoveAttributeByName(MlirOperation op, MlirStringRef name);
MlirStringRef mlirIdentifierStr(MlirIdentifier identifier);
MlirIdentifier mlirIdentifierGet(MlirContext context, MlirStringRef text);

// Operations that are made, moved and removed.
MlirOperationState mlirOperationStateGet(MlirStringRef name,
                                         MlirLocation location);
void mlirOperationStateAddResults(MlirOperationState *state, intptr_t count,
                                  MlirType const *results);
void mlirOperationStateAddOperands(MlirOperationState *state, intptr_t count,
                                   MlirValue const *operands);
void mlirOperationStateAddOwnedRegions(MlirOperationState *state,
                                       intptr_t count,
                                       MlirRegion const *regions);
void mlirOperationStateAddAttributes(MlirOperationState *state, intptr_t count,
                                     MlirNamedAttribute const *attributes);
MlirOperation mlirOperationCreate(MlirOperationState *state);
MlirOperation mlirOperationClone(MlirOperation op);
void mlirOperationDestroy(MlirOperation op);
void mlirOperationSetOperand(MlirOperation op, intptr_t pos, MlirValue value);
MlirBlock mlirOperationGetBlock(MlirOperation op);
MlirOperation mlirOperationGetNextInBlock(MlirOperation op);
bool mlirOperationIsBeforeInBlock(MlirOperation op, MlirOperation other);
void mlirOperationMoveBefore(MlirOperation op, MlirOperation reference);
MlirRegion mlirRegionCreate(void);
void mlirRegionTakeBody(MlirRegion target, MlirRegion source);
void mlirRegionAppendOwnedBlock(MlirRegion region, MlirBlock block);
MlirValue mlirBlockAddArgument(MlirBlock block, MlirType type,
                               MlirLocation location);
MlirBlock mlirBlockCreate(intptr_t count, MlirType const *arguments,
                          MlirLocation const *locations);
void mlirBlockAppendOwnedOperation(MlirBlock block, MlirOperation op);
void mlirBlockInsertOwnedOperationBefore(MlirBlock block,
                                         MlirOperation reference,
                                         MlirOperation op);
MlirOperation mlirBlockGetFirstOperation(MlirBlock block);
MlirOperation mlirBlockGetTerminator(MlirBlock block);
MlirValue mlirBlockGetArgument(MlirBlock block, intptr_t pos);

// Affine maps, types, values.
intptr_t mlirAffineMapGetNumDims(MlirAffineMap map);
intptr_t mlirAffineMapGetNumResults(MlirAffineMap map);
MlirAffineExpr mlirAffineMapGetResult(MlirAffineMap map, intptr_t pos);
bool mlirAffineExprIsADim(MlirAffineExpr expr);
intptr_t mlirAffineDimExprGetPosition(MlirAffineExpr expr);
bool mlirAffineExprIsASymbol(MlirAffineExpr expr);
intptr_t mlirAffineSymbolExprGetPosition(MlirAffineExpr expr);
bool mlirAffineExprIsAConstant(MlirAffineExpr expr);
int64_t mlirAffineConstantExprGetValue(MlirAffineExpr expr);
bool mlirAffineExprIsAAdd(MlirAffineExpr expr);
bool mlirAffineExprIsAMul(MlirAffineExpr expr);
bool mlirAffineExprIsAMod(MlirAffineExpr expr);
bool mlirAffineExprIsAFloorDiv(MlirAffineExpr expr);
bool mlirAffineExprIsACeilDiv(MlirAffineExpr expr);
MlirAffineExpr mlirAffineBinaryOpExprGetLHS(MlirAffineExpr expr);
MlirAffineExpr mlirAffineBinaryOpExprGetRHS(MlirAffineExpr expr);
intptr_t mlirOperationGetNumOperands(MlirOperation op);
MlirValue mlirOperationGetOperand(MlirOperation op, intptr_t pos);
intptr_t mlirOperationGetNumResults(MlirOperation op);
MlirValue mlirOperationGetResult(MlirOperation op, intptr_t pos);
MlirType mlirValueGetType(MlirValue value);
bool mlirValueIsAOpResult(MlirValue value);
MlirOperation mlirOpResultGetOwner(MlirValue value);
bool mlirValueIsABlockArgument(MlirValue value);
MlirBlock mlirBlockArgumentGetOwner(MlirValue value);
intptr_t mlirBlockArgumentGetArgNumber(MlirValue value);
intptr_t mlirOpResultGetResultNumber(MlirValue value);
void mlirValueSetType(MlirValue value, MlirType type);
void mlirValueReplaceAllUsesOfWith(MlirValue value, MlirValue with);
MlirOpOperand mlirValueGetFirstUse(MlirValue value);
bool mlirOpOperandIsNull(MlirOpOperand use);
MlirOperation mlirOpOperandGetOwner(MlirOpOperand use);
unsigned mlirOpOperandGetOperandNumber(MlirOpOperand use);
MlirOpOperand mlirOpOperandGetNextUse(MlirOpOperand use);
MlirType mlirTypeParseGet(MlirContext context, MlirStringRef text);
MlirType mlirIndexTypeGet(MlirContext context);
MlirType mlirIntegerTypeGet(MlirContext context, unsigned bits);
bool mlirTypeIsAVector(MlirType type);
bool mlirTypeIsAMemRef(MlirType type);
MlirType mlirShapedTypeGetElementType(MlirType type);
MlirType mlirVectorTypeGet(intptr_t rank, const int64_t *shape,
                           MlirType element);
MlirType mlirMemRefTypeGet(MlirType element, intptr_t rank,
                           const int64_t *shape, MlirAttribute layout,
                           MlirAttribute memorySpace);
MlirAttribute mlirMemRefTypeGetMemorySpace(MlirType type);
MlirLogicalResult mlirMemRefTypeGetStridesAndOffset(MlirType type,
                                                    int64_t *strides,
                                                    int64_t *offset);
void mlirTypePrint(MlirType type, MlirStringCallback callback, void *userData);
bool mlirTypeIsAShaped(MlirType type);
bool mlirShapedTypeHasRank(MlirType type);
int64_t mlirShapedTypeGetRank(MlirType type);
bool mlirShapedTypeIsDynamicDim(MlirType type, intptr_t dim);
int64_t mlirShapedTypeGetDimSize(MlirType type, intptr_t dim);
MlirAttribute mlirLinalgGetIndexingMapsAttribute(MlirOperation op);

// Attributes.
bool mlirAttributeIsAAffineMap(MlirAttribute attr);
MlirAffineMap mlirAffineMapAttrGetValue(MlirAttribute attr);
MlirContext mlirAttributeGetContext(MlirAttribute attr);
MlirDialect mlirAttributeGetDialect(MlirAttribute attr);
MlirAttribute mlirAttributeParseGet(MlirContext context, MlirStringRef text);
void mlirAttributePrint(MlirAttribute attr, MlirStringCallback callback,
                        void *userData);
bool mlirAttributeIsAArray(MlirAttribute attr);
MlirAttribute mlirArrayAttrGet(MlirContext ctx, intptr_t numElements,
                               MlirAttribute const *elements);
intptr_t mlirArrayAttrGetNumElements(MlirAttribute attr);
MlirAttribute mlirArrayAttrGetElement(MlirAttribute attr, intptr_t pos);
bool mlirAttributeIsADictionary(MlirAttribute attr);
MlirAttribute mlirDictionaryAttrGet(MlirContext context, intptr_t numElements,
                                    MlirNamedAttribute const *elements);
intptr_t mlirDictionaryAttrGetNumElements(MlirAttribute attr);
MlirNamedAttribute mlirDictionaryAttrGetElement(MlirAttribute attr,
                                                intptr_t pos);
MlirAttribute mlirDictionaryAttrGetElementByName(MlirAttribute attr,
                                                 MlirStringRef name);
bool mlirAttributeIsAInteger(MlirAttribute attr);
int64_t mlirIntegerAttrGetValueInt(MlirAttribute attr);
bool mlirBoolAttrGetValue(MlirAttribute attr);
bool mlirAttributeIsAString(MlirAttribute attr);
MlirAttribute mlirStringAttrGet(MlirContext context, MlirStringRef text);
MlirStringRef mlirStringAttrGetValue(MlirAttribute attr);
MlirAttribute mlirIntegerAttrGet(MlirType type, int64_t value);
MlirAttribute mlirBoolAttrGet(MlirContext context, int value);
bool mlirAttributeIsADenseI64Array(MlirAttribute attr);
intptr_t mlirDenseArrayGetNumElements(MlirAttribute attr);
int64_t mlirDenseI64ArrayGetElement(MlirAttribute attr, intptr_t pos);
MlirAttribute mlirDenseI64ArrayGet(MlirContext context, intptr_t count,
                                   int64_t const *values);
MlirAttribute mlirStridedLayoutAttrGet(MlirContext context, int64_t offset,
                                       intptr_t count, const int64_t *strides);
bool mlirAttributeIsAUnit(MlirAttribute attr);
MlirAttribute mlirUnitAttrGet(MlirContext context);

// Passes.
MlirTypeID mlirTypeIDCreate(const void *ptr);
MlirPass mlirCreateExternalPass(MlirTypeID passID, MlirStringRef name,
                                MlirStringRef argument,
                                MlirStringRef description, MlirStringRef opName,
                                intptr_t numDependentDialects,
                                MlirDialectHandle *dependentDialects,
                                MlirExternalPassCallbacks callbacks,
                                void *userData);
void mlirExternalPassSignalFailure(MlirExternalPass pass);
MlirPassManager mlirPassManagerCreate(MlirContext context);
void mlirPassManagerDestroy(MlirPassManager passManager);
MlirOpPassManager
mlirPassManagerGetAsOpPassManager(MlirPassManager passManager);
MlirLogicalResult mlirParsePassPipeline(MlirOpPassManager passManager,
                                        MlirStringRef pipeline,
                                        MlirStringCallback callback,
                                        void *userData);

//===----------------------------------------------------------------------===//
// IREE, in 3.9 and later
//===----------------------------------------------------------------------===//

struct ireeCodegenCompilationInfoParameters {
  MlirAttribute loweringConfig;
  MlirAttribute translationInfo;
};
struct ireeCodegenTranslationInfoParameters {
  MlirAttribute passPipeline;
  MlirAttribute codegenSpec;
  const int64_t *workgroupSize;
  size_t numWorkgroupSizeElements;
  int64_t subgroupSize;
  MlirAttribute configuration;
};

bool ireeAttributeIsACodegenCompilationInfoAttr(MlirAttribute attr);
ireeCodegenCompilationInfoParameters
ireeCodegenCompilationInfoAttrGetParameters(MlirAttribute attr);
bool ireeAttributeIsACodegenTranslationInfoAttr(MlirAttribute attr);
ireeCodegenTranslationInfoParameters
ireeCodegenTranslationInfoAttrGetParameters(MlirAttribute attr);
MlirAttribute
ireeCodegenCompilationInfoAttrGet(MlirContext context,
                                  ireeCodegenCompilationInfoParameters info);
MlirAttribute
ireeCodegenTranslationInfoAttrGet(MlirContext context,
                                  ireeCodegenTranslationInfoParameters info);
bool ireeAttributeIsAGPULoweringConfigAttr(MlirAttribute attr);
MlirAttribute ireeGPULoweringConfigAttrGet(MlirContext context,
                                           MlirAttribute entries);
MlirAttribute ireeGPULoweringConfigAttrGetAttributes(MlirAttribute attr);

bool ireeAttributeIsAGPUPipelineOptionsAttr(MlirAttribute attr);
MlirAttribute ireeGPUPipelineOptionsAttrGetNoReduceSharedMemoryBankConflicts(
    MlirAttribute attr);
MlirAttribute
ireeGPUPipelineOptionsAttrGetUseIgemmConvolution(MlirAttribute attr);
MlirAttribute
ireeGPUPipelineOptionsAttrGetReorderWorkgroupsStrategy(MlirAttribute attr);
MlirAttribute ireeGPUReorderWorkgroupsStrategyAttrGet(MlirContext context,
                                                      uint32_t value);
uint32_t ireeGPUReorderWorkgroupsStrategyAttrGetValue(MlirAttribute attr);

// Matrix-multiply intrinsics of the GPU targets.
struct ireeGPUMMAInfo {
  MlirType aElementType;
  MlirType bElementType;
  MlirType cElementType;
  MlirType aVectorType;
  MlirType bVectorType;
  MlirType cVectorType;
  int64_t mElements;
  int64_t nElements;
  int64_t kElements;
};
struct ireeGPUMMASingleSubgroupLayout {
  MlirAttribute outer;
  MlirAttribute thread;
  MlirAttribute tstrides;
  MlirAttribute element;
};
struct ireeGPUTargetInfo {
  MlirIdentifier arch;
  MlirAttribute subgroupSizeChoices;
  MlirAttribute maxWorkgroupSizes;
  int32_t maxThreadCountPerWorkgroup;
  int32_t maxWorkgroupMemoryBytes;
  MlirAttribute mmaIntrinsics;
  uint32_t wgpCount;
  int32_t simdsPerWgp;
};

bool ireeAttributeIsAGPUMMAAttr(MlirAttribute attr);
bool ireeAttributeIsAGPUVirtualMMAAttr(MlirAttribute attr);
bool ireeAttributeIsAGPUMMAIntrinsicAttr(MlirAttribute attr);
MlirAttribute ireeGPUMMAIntrinsicAttrGet(MlirContext context, uint32_t value);
uint32_t ireeGPUMMAIntrinsicAttrGetValue(MlirAttribute attr);
bool ireeAttributeIsAGPUVirtualMMAIntrinsicAttr(MlirAttribute attr);
MlirAttribute ireeGPUVirtualMMAIntrinsicAttrGet(MlirContext context,
                                                uint32_t value);
uint32_t ireeGPUVirtualMMAIntrinsicAttrGetValue(MlirAttribute attr);
ireeGPUMMAInfo ireeGPUMMAAttrGetInfo(MlirAttribute attr);
ireeGPUMMASingleSubgroupLayout
ireeGPUGetSingleSubgroupLayout(MlirAttribute attr, uint32_t operand);
/// Crashes on a target without GPU information: see targetInfo().
ireeGPUTargetInfo
ireeHALExecutableTargetAttrGetGPUTargetInfo(MlirAttribute attr);

} // extern "C"

namespace iree_tuner {

inline MlirStringRef stringRef(const char *text) {
  return MlirStringRef{text, std::strlen(text)};
}
inline bool isNull(MlirAttribute attr) { return attr.ptr == nullptr; }
inline bool isNull(MlirOperation op) { return op.ptr == nullptr; }
inline MlirLogicalResult success() { return MlirLogicalResult{1}; }
inline MlirLogicalResult failure() { return MlirLogicalResult{0}; }
inline bool failed(MlirLogicalResult result) { return result.value == 0; }

} // namespace iree_tuner

#endif // IREE_TUNER_CAPI_IREECOMPILER_H
