#pragma once

#include <nanobind/nanobind.h>

#include <string_view>
#include <utility>

#include "base/result.h"

namespace tercel::python {

// The one place where an Error becomes an exception: nanobind carries it to the caller's side of the boundary. Needs the GIL.
// The classes are those of tercel/errors.py, one for each ErrorCode.
[[noreturn]] void raise(const Error& error);

// The value of a result, or its error raised.
template <typename T>
T take(Result<T> result) {
  if (!result.ok()) raise(result.error());
  return result.take();
}

// A str of text that came from a file; what is not UTF-8 in it becomes U+FFFD.
nanobind::str text(std::string_view utf8);

}  // namespace tercel::python
