#include "driver/port.h"

#include <charconv>
#include <cstring>
#include <string_view>

#include "base/checked.h"

namespace tercel::peers {
namespace {

constexpr int64_t kPortBytesMax = int64_t{1} << 30;

bool parse_number(std::string_view text, int64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= 0;
}

bool parse_shape(std::string_view text, std::vector<int64_t>& shape) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('x'), text.size());
    if (!parse_number(text.substr(0, end), shape.emplace_back()) || end + 1 == text.size()) return false;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return true;
}

bool parse_values(std::string_view text, Port& port) {
  port.values = text.substr(0, 3) == "ids" ? "ids" : text;
  if (port.values == "ids") return parse_number(text.substr(3), port.rows) && port.rows > 0 && port.dtype == DType::kInt64;
  if (port.values == "mask") return port.dtype == DType::kInt64;
  return text.empty() || (text == "normal" && port.dtype == DType::kFloat32);
}

}  // namespace

Result<Port> parse_port(const std::string& text) {
  const Error error = invalid("'" + text + "' is no port: want NAME=float32|int64:SHAPE[:normal|mask|idsROWS]");
  const size_t equals = text.rfind('='), colon = text.find(':', equals);
  if (equals == std::string::npos || equals == 0 || colon == std::string::npos) return error;
  Port port;
  port.name = text.substr(0, equals);
  const std::string type = text.substr(equals + 1, colon - equals - 1);
  if (type != "float32" && type != "int64") return error;
  port.dtype = type == "float32" ? DType::kFloat32 : DType::kInt64;
  const size_t second = std::min(text.find(':', colon + 1), text.size());
  if (!parse_shape(std::string_view(text).substr(colon + 1, second - colon - 1), port.shape)) return error;
  if (!parse_values(std::string_view(text).substr(std::min(second + 1, text.size())), port)) return error;
  int64_t bytes = static_cast<int64_t>(dtype_size(port.dtype));
  for (const int64_t extent : port.shape) {
    const auto product = checked_multiply(bytes, extent);
    if (!product || *product > kPortBytesMax) return too_large("'" + text + "' has more than 1 GiB");
    bytes = *product;
  }
  port.elements = static_cast<size_t>(bytes) / dtype_size(port.dtype);
  const size_t reserved = align_up(std::max<size_t>(port.bytes(), 1), 64);
  port.data.reset(std::aligned_alloc(64, reserved));
  if (!port.data) return io_error("no memory for '" + text + "'");
  std::memset(port.data.get(), 0, reserved);
  return port;
}

}  // namespace tercel::peers
