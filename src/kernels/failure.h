#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tercel::kernels {

// How a kernel that can fail while it runs says so: those that users bring. Who runs kernels keeps one, looks at it after each,
// and clears it before the next. Set by the thread that runs the kernel, never from within a chunk. Allocates only in error().
class Failure {
 public:
  bool happened() const { return happened_; }
  void clear() { happened_ = false; }

  void set(ErrorCode code, std::string_view message) {
    happened_ = true;
    code_ = code;
    length_ = std::min(message.size(), text_.size());
    std::copy_n(message.begin(), length_, text_.begin());
  }
  Error error() const { return Error(code_, std::string(text_.data(), length_)); }

 private:
  bool happened_ = false;
  ErrorCode code_ = ErrorCode::kInternal;
  size_t length_ = 0;
  std::array<char, 640> text_;
};

}  // namespace tercel::kernels
