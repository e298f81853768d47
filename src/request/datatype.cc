#include "request/datatype.h"

#include <array>

namespace tercel::request {
namespace {

constexpr std::string_view kPrefix = "TYPE_";
// In the order of DType.
constexpr std::array<std::string_view, kDTypeCount> kNames = {
    "TYPE_FP32",  "TYPE_FP64",  "TYPE_FP16",   "TYPE_BF16",   "TYPE_INT8",   "TYPE_INT16", "TYPE_INT32",
    "TYPE_INT64", "TYPE_UINT8", "TYPE_UINT16", "TYPE_UINT32", "TYPE_UINT64", "TYPE_BOOL"};

}  // namespace

std::string_view config_datatype_name(DType dtype) { return kNames[static_cast<size_t>(dtype)]; }

std::string_view datatype_name(DType dtype) { return config_datatype_name(dtype).substr(kPrefix.size()); }

std::optional<DType> datatype_of(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i].substr(kPrefix.size()) == name) return static_cast<DType>(i);
  }
  return std::nullopt;
}

}  // namespace tercel::request
