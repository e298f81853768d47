#include "request/infer.h"

namespace tercel::request {

void InferRequest::clear() {
  id.clear();
  inputs.clear();
  outputs.clear();
  wish = {};
}

std::byte* InferRequest::reserve(size_t input, size_t bytes) {
  while (values.size() <= input) values.emplace_back(budget);
  return values[input].reserve(bytes) ? values[input].data() : nullptr;
}

}  // namespace tercel::request
