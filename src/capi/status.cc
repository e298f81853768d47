#include "capi/status.h"

#include <cstdarg>
#include <cstdio>

#include "base/version.h"
#include "platform/clock.h"
#include "tensor/dtype.h"

namespace tercel::capi {

tercel_status status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid: return TERCEL_INVALID;
    case ErrorCode::kNotFound: return TERCEL_NOT_FOUND;
    case ErrorCode::kUnsupported: return TERCEL_UNSUPPORTED;
    case ErrorCode::kLimit: return TERCEL_LIMIT;
    case ErrorCode::kExhausted:
    case ErrorCode::kUnavailable: return TERCEL_EXHAUSTED;
    case ErrorCode::kCancelled: return TERCEL_CANCELLED;
    case ErrorCode::kDeadline: return TERCEL_DEADLINE;
    case ErrorCode::kIo: return TERCEL_IO;
    case ErrorCode::kNeedsValue:
    case ErrorCode::kInternal: break;
  }
  return TERCEL_INTERNAL;
}

tercel_status fail(tercel_error* error, tercel_status status, const char* format, ...) {
  if (!error || error->struct_size <= offsetof(tercel_error, message)) return status;
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(error->message, error->struct_size - offsetof(tercel_error, message), format, arguments);
  va_end(arguments);
  return status;
}

tercel_status fail(tercel_error* error, const Error& failure) {
  return fail(error, status_of(failure.code()), "%s", failure.message().c_str());
}

}  // namespace tercel::capi

extern "C" {

uint32_t tercel_api_version(void) { return TERCEL_API_VERSION; }

const char* tercel_version(void) { return tercel::kVersion.data(); }

const char* tercel_status_name(tercel_status status) {
  constexpr const char* kNames[] = {"ok",        "invalid",  "not found", "unsupported", "limit",   "exhausted",
                                    "cancelled", "deadline", "io",        "busy",        "internal"};
  return status >= TERCEL_OK && status <= TERCEL_INTERNAL ? kNames[status] : "unknown";
}

size_t tercel_dtype_size(tercel_dtype dtype) {
  return dtype >= 0 && dtype < tercel::kDTypeCount ? tercel::dtype_size(static_cast<tercel::DType>(dtype)) : 0;
}

int64_t tercel_now_ns(void) { return tercel::platform::now_ns(); }

}  // extern "C"
