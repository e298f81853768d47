#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/result.h"

namespace tercel::peers {

// The part of ONNX Runtime's C interface that a session with bound buffers needs. The library of the Python package comes
// without headers; its functions are reached through one table, whose order is part of the interface: entries are only
// ever appended (onnxruntime_c_api.h, "struct OrtApi"). A number is an entry's place in that table.
struct OrtApi {
  struct Status;
  struct Env;
  struct SessionOptions;
  struct Session;
  struct RunOptions;
  struct MemoryInfo;
  struct Value;
  struct Binding;
  enum LogLevel { kError = 3 };
  enum Optimization { kNone = 0, kAll = 99 };
  enum AllocatorType { kDeviceAllocator = 0 };
  enum MemoryType { kDefaultMemory = 0 };
  enum ElementType { kFloat = 1, kInt64 = 7 };

  // From the loaded library: checks that the table answers as declared here. `version` is the library's.
  static Result<OrtApi> of(void* library);
  // Turns a status into a Result and releases it.
  Result<void> check(Status* status) const;

  std::string version;
  Status* (*create_status)(int code, const char* message);                                                              // 0
  const char* (*error_message)(const Status*);                                                                          // 2
  Status* (*create_env)(LogLevel, const char* log_id, Env**);                                                           // 3
  Status* (*create_session)(const Env*, const char* path, const SessionOptions*, Session**);                            // 7
  Status* (*create_session_options)(SessionOptions**);                                                                  // 10
  Status* (*save_optimized)(SessionOptions*, const char* path);                                                         // 11
  Status* (*set_optimization)(SessionOptions*, Optimization);                                                           // 23
  Status* (*set_intra_threads)(SessionOptions*, int);                                                                   // 24
  Status* (*set_inter_threads)(SessionOptions*, int);                                                                   // 25
  Status* (*create_run_options)(RunOptions**);                                                                          // 39
  Status* (*create_tensor)(const MemoryInfo*, void*, size_t bytes, const int64_t*, size_t rank, ElementType, Value**);  // 49
  Status* (*create_cpu_memory_info)(AllocatorType, MemoryType, MemoryInfo**);                                           // 69
  void (*release_status)(Status*);                                                                                      // 93
  Status* (*set_dimension)(SessionOptions*, const char* name, int64_t extent);                                          // 124
  Status* (*set_entry)(SessionOptions*, const char* key, const char* value);                                            // 130
  Status* (*run)(Session*, const RunOptions*, const Binding*);                                                          // 133
  Status* (*create_binding)(Session*, Binding**);                                                                       // 134
  Status* (*bind_input)(Binding*, const char* name, const Value*);                                                      // 136
  Status* (*bind_output)(Binding*, const char* name, const Value*);                                                     // 137
};

}  // namespace tercel::peers
