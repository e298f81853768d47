#pragma once

#include <span>
#include <string>
#include <vector>

#include "top/missed.h"
#include "top/view.h"

namespace tercel::top {

// What a view is shown in.
struct Frame {
  std::string url;
  size_t width = 80;
  size_t height = 0;  // lines; 0: as many as there are
  Order order = Order::kRequests;
  std::string message;  // instead of new numbers: why there are none
  bool has_keys = false;
};

enum class Style : uint8_t { kPlain, kBold, kDim, kRed };

// At most Frame::width columns of printable text.
struct Line {
  std::string text;
  Style style = Style::kPlain;
};

// The view as lines. Columns that do not fit are left out, the least important first; rows that do not fit are counted. What
// comes from the server is made printable: no name or reason can drive a terminal. `view` may be null: nothing was measured yet.
std::vector<Line> lay_out(const View* view, std::span<const Missed> missed, const Frame& frame);

// One JSON object with the same numbers: rates per second, times in seconds, what is not known null.
std::string json_text(const View& view, std::span<const Missed> missed, const std::string& url);

// Without control characters and broken UTF-8, at most so many columns; what is cut ends with '~'.
std::string shown(std::string_view text, size_t columns);

}  // namespace tercel::top
