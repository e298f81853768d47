#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace tercel {

// Text of a bounded length, copied without allocating. What is longer is cut, never inside of a character of UTF-8.
template <size_t kBytes>
class FixedText {
 public:
  void set(std::string_view text) {
    length_ = std::min(text.size(), kBytes);
    const auto splits = [&](size_t at) { return (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80; };
    if (length_ < text.size() && splits(length_)) {
      do --length_;
      while (length_ > 0 && splits(length_));
    }
    std::copy_n(text.begin(), length_, bytes_.begin());
  }
  std::string_view view() const { return {bytes_.data(), length_}; }

 private:
  std::array<char, kBytes> bytes_;
  size_t length_ = 0;
};

}  // namespace tercel
