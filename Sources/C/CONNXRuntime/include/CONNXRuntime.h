// ONNX Runtime's C ABI, as far as this project calls it. Debian 12 has no package with the header, and the library comes
// from the Python wheel, which has none either; so the library is loaded at run time and this header says what is in it.
//
// The ABI is a struct of function pointers that only ever grows at its end: `OrtGetApiBase()->GetApi(version)` gives the
// struct as it was at `version`. Named below are the members that are called, each with its place checked; the gaps
// between them are unnamed pointers. Types and order: onnxruntime_c_api.h of ONNX Runtime 1.17 (API version 17).
#pragma once

#include <stddef.h>
#include <stdint.h>

#define ONNX_RUNTIME_API_VERSION 17u

typedef struct OrtStatus OrtStatus;
typedef struct OrtEnv OrtEnv;
typedef struct OrtSessionOptions OrtSessionOptions;
typedef struct OrtSession OrtSession;
typedef struct OrtValue OrtValue;
typedef struct OrtMemoryInfo OrtMemoryInfo;
typedef struct OrtTypeInfo OrtTypeInfo;
typedef struct OrtTensorTypeAndShapeInfo OrtTensorTypeAndShapeInfo;
typedef struct OrtAllocator OrtAllocator;
typedef struct OrtRunOptions OrtRunOptions;

// C enumerations of the original, whose values are part of the ABI.
enum {
    ONNX_RUNTIME_LOG_ERROR = 3,
    ONNX_RUNTIME_GRAPH_OPTIMIZATION_ALL = 99,
    ONNX_RUNTIME_ELEMENT_FLOAT = 1,
    ONNX_RUNTIME_TYPE_TENSOR = 1,
    ONNX_RUNTIME_ARENA_ALLOCATOR = 1,
    ONNX_RUNTIME_MEMORY_DEFAULT = 0,
};

// Functions that return a status return NULL for success; otherwise the caller releases the status.
typedef struct OrtApi {
    void *unnamed0[1];
    int32_t (*GetErrorCode)(const OrtStatus *status);
    const char *(*GetErrorMessage)(const OrtStatus *status);
    OrtStatus *(*CreateEnv)(int32_t log_level, const char *log_name, OrtEnv **out);
    void *unnamed4[2];
    OrtStatus *(*DisableTelemetryEvents)(const OrtEnv *env);
    void *unnamed7[1];
    OrtStatus *(*CreateSessionFromArray)(
        const OrtEnv *env, const void *model, size_t model_size, const OrtSessionOptions *options, OrtSession **out);
    OrtStatus *(*Run)(
        OrtSession *session, const OrtRunOptions *options, const char *const *input_names,
        const OrtValue *const *inputs, size_t input_count, const char *const *output_names, size_t output_count,
        OrtValue **outputs);
    OrtStatus *(*CreateSessionOptions)(OrtSessionOptions **out);
    void *unnamed11[12];
    OrtStatus *(*SetSessionGraphOptimizationLevel)(OrtSessionOptions *options, int32_t level);
    OrtStatus *(*SetIntraOpNumThreads)(OrtSessionOptions *options, int count);
    OrtStatus *(*SetInterOpNumThreads)(OrtSessionOptions *options, int count);
    void *unnamed26[4];
    OrtStatus *(*SessionGetInputCount)(const OrtSession *session, size_t *out);
    OrtStatus *(*SessionGetOutputCount)(const OrtSession *session, size_t *out);
    void *unnamed32[1];
    OrtStatus *(*SessionGetInputTypeInfo)(const OrtSession *session, size_t index, OrtTypeInfo **out);
    OrtStatus *(*SessionGetOutputTypeInfo)(const OrtSession *session, size_t index, OrtTypeInfo **out);
    void *unnamed35[1];
    OrtStatus *(*SessionGetInputName)(const OrtSession *session, size_t index, OrtAllocator *allocator, char **out);
    OrtStatus *(*SessionGetOutputName)(const OrtSession *session, size_t index, OrtAllocator *allocator, char **out);
    void *unnamed38[11];
    OrtStatus *(*CreateTensorWithDataAsOrtValue)(
        const OrtMemoryInfo *info, void *data, size_t data_size, const int64_t *shape, size_t rank,
        int32_t element_type, OrtValue **out);
    void *unnamed50[5];
    OrtStatus *(*CastTypeInfoToTensorInfo)(const OrtTypeInfo *info, const OrtTensorTypeAndShapeInfo **out);
    OrtStatus *(*GetOnnxTypeFromTypeInfo)(const OrtTypeInfo *info, int32_t *out);
    void *unnamed57[3];
    OrtStatus *(*GetTensorElementType)(const OrtTensorTypeAndShapeInfo *info, int32_t *out);
    OrtStatus *(*GetDimensionsCount)(const OrtTensorTypeAndShapeInfo *info, size_t *out);
    OrtStatus *(*GetDimensions)(const OrtTensorTypeAndShapeInfo *info, int64_t *dimensions, size_t count);
    void *unnamed63[6];
    OrtStatus *(*CreateCpuMemoryInfo)(int32_t allocator_type, int32_t memory_type, OrtMemoryInfo **out);
    void *unnamed70[6];
    OrtStatus *(*AllocatorFree)(OrtAllocator *allocator, void *memory);
    void *unnamed77[1];
    OrtStatus *(*GetAllocatorWithDefaultOptions)(OrtAllocator **out);
    void *unnamed79[13];
    void (*ReleaseEnv)(OrtEnv *env);
    void (*ReleaseStatus)(OrtStatus *status);
    void (*ReleaseMemoryInfo)(OrtMemoryInfo *info);
    void (*ReleaseSession)(OrtSession *session);
    void (*ReleaseValue)(OrtValue *value);
    void *unnamed97[1];
    void (*ReleaseTypeInfo)(OrtTypeInfo *info);
    void *unnamed99[1];
    void (*ReleaseSessionOptions)(OrtSessionOptions *options);
    void *unnamed101[29];
    OrtStatus *(*AddSessionConfigEntry)(OrtSessionOptions *options, const char *key, const char *value);
} OrtApi;

typedef struct OrtApiBase {
    const OrtApi *(*GetApi)(uint32_t version);
    const char *(*GetVersionString)(void);
} OrtApiBase;

/// The library's one exported function, `OrtGetApiBase`.
typedef const OrtApiBase *(*OrtGetApiBaseFunction)(void);

#define ONNX_RUNTIME_SLOT(member, index) \
    _Static_assert(offsetof(OrtApi, member) == (index) * sizeof(void *), #member " is not where it should be")
ONNX_RUNTIME_SLOT(GetErrorCode, 1);
ONNX_RUNTIME_SLOT(GetErrorMessage, 2);
ONNX_RUNTIME_SLOT(CreateEnv, 3);
ONNX_RUNTIME_SLOT(DisableTelemetryEvents, 6);
ONNX_RUNTIME_SLOT(CreateSessionFromArray, 8);
ONNX_RUNTIME_SLOT(Run, 9);
ONNX_RUNTIME_SLOT(CreateSessionOptions, 10);
ONNX_RUNTIME_SLOT(SetSessionGraphOptimizationLevel, 23);
ONNX_RUNTIME_SLOT(SetIntraOpNumThreads, 24);
ONNX_RUNTIME_SLOT(SetInterOpNumThreads, 25);
ONNX_RUNTIME_SLOT(SessionGetInputCount, 30);
ONNX_RUNTIME_SLOT(SessionGetOutputCount, 31);
ONNX_RUNTIME_SLOT(SessionGetInputTypeInfo, 33);
ONNX_RUNTIME_SLOT(SessionGetOutputTypeInfo, 34);
ONNX_RUNTIME_SLOT(SessionGetInputName, 36);
ONNX_RUNTIME_SLOT(SessionGetOutputName, 37);
ONNX_RUNTIME_SLOT(CreateTensorWithDataAsOrtValue, 49);
ONNX_RUNTIME_SLOT(CastTypeInfoToTensorInfo, 55);
ONNX_RUNTIME_SLOT(GetOnnxTypeFromTypeInfo, 56);
ONNX_RUNTIME_SLOT(GetTensorElementType, 60);
ONNX_RUNTIME_SLOT(GetDimensionsCount, 61);
ONNX_RUNTIME_SLOT(GetDimensions, 62);
ONNX_RUNTIME_SLOT(CreateCpuMemoryInfo, 69);
ONNX_RUNTIME_SLOT(AllocatorFree, 76);
ONNX_RUNTIME_SLOT(GetAllocatorWithDefaultOptions, 78);
ONNX_RUNTIME_SLOT(ReleaseEnv, 92);
ONNX_RUNTIME_SLOT(ReleaseStatus, 93);
ONNX_RUNTIME_SLOT(ReleaseMemoryInfo, 94);
ONNX_RUNTIME_SLOT(ReleaseSession, 95);
ONNX_RUNTIME_SLOT(ReleaseValue, 96);
ONNX_RUNTIME_SLOT(ReleaseTypeInfo, 98);
ONNX_RUNTIME_SLOT(ReleaseSessionOptions, 100);
ONNX_RUNTIME_SLOT(AddSessionConfigEntry, 130);
