#pragma once

#include <string>
#include <utility>
#include <vector>

namespace tercel::onnx::testing {

// Small valid models that together use most of what a file can hold; seeds of the mutation test and of the fuzzer.
std::vector<std::pair<std::string, std::string>> sample_models();  // name, bytes

}  // namespace tercel::onnx::testing
