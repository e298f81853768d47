#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "load/address.h"
#include "tensor/dtype.h"

namespace tercel::load {

inline constexpr size_t kModelInputsMax = 1024;  // that a server may name for one model

// One input as the server describes it.
struct InputMetadata {
  std::string name;
  DType dtype = DType::kFloat32;
  std::vector<int64_t> dims;  // -1 where the extent may vary
};

// "FP32" of a dtype, as the Open Inference Protocol spells it.
std::string_view protocol_name(DType dtype);

// The path of a model: "/v2/models/NAME" or "/v2/models/NAME/versions/V", percent-encoded.
std::string model_path(std::string_view model, std::string_view version);

// The inputs in a model metadata document. Errors say what the document lacks, or which type cannot be sent.
Result<std::vector<InputMetadata>> parse_metadata(std::string_view json);

// Asks the server. Errors say what the server said.
Result<std::vector<InputMetadata>> fetch_metadata(const Address& address, const Endpoint& endpoint, const std::string& model,
                                                  const std::string& version, const std::string& headers);

}  // namespace tercel::load
