#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>

#include "base/result.h"
#include "tercel/tercel.h"

// How results of the C++ half become statuses, and how structures of another version of the header are read and written.
namespace tercel::capi {

tercel_status status_of(ErrorCode code);

// Writes the formatted sentence where there is room for one and returns `status`. Allocates nothing.
[[gnu::format(printf, 3, 4)]] tercel_status fail(tercel_error* error, tercel_status status, const char* format, ...);
tercel_status fail(tercel_error* error, const Error& failure);

// Runs `body` (-> tercel_status); exceptions end here.
template <typename Body>
tercel_status guarded(tercel_error* error, Body body) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc&) { return fail(error, TERCEL_EXHAUSTED, "there is not enough memory"); } catch (...) {
    return fail(error, TERCEL_INTERNAL, "an unexpected exception: a defect of Tercel");
  }
}

// The caller's structure as this build knows it: members that the caller's header lacks are zero. False when struct_size is
// not set. `given` may be null: all zero.
template <typename Struct>
bool read_struct(const Struct* given, Struct& known) {
  known = {};
  if (!given) return true;
  if (given->struct_size < sizeof(size_t)) return false;
  std::memcpy(static_cast<void*>(&known), given, std::min(given->struct_size, sizeof(Struct)));
  return true;
}

// The reverse: writes as many members as the caller's header has, and leaves its struct_size.
template <typename Struct>
bool write_struct(Struct* given, const Struct& known) {
  if (!given || given->struct_size < sizeof(size_t)) return false;
  const size_t head = sizeof(size_t), size = std::min(given->struct_size, sizeof(Struct));
  std::memcpy(reinterpret_cast<char*>(given) + head, reinterpret_cast<const char*>(&known) + head, size - head);
  return true;
}

}  // namespace tercel::capi
