#pragma once

#include <cstdint>

namespace tercel::engine {

// Whether requests follow each other so closely that helpers had better stay awake between them. One thread.
class Rush {
 public:
  void begin(int64_t now_ns) {
    if (now_ns - last_end_ns_ > kGapNsMax) close_ = 0;
    else if (close_ < kEnough) ++close_;
  }
  // True after some requests in a row that each began soon after the one before it had ended.
  bool end(int64_t now_ns) {
    last_end_ns_ = now_ns;
    return close_ >= kEnough;
  }

 private:
  static constexpr int64_t kGapNsMax = 20'000;
  static constexpr int kEnough = 8;

  int64_t last_end_ns_ = 0;
  int close_ = 0;
};

}  // namespace tercel::engine
