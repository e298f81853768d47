#include "load/metadata.h"

#include <simdjson.h>

#include <optional>

#include "load/answer.h"
#include "load/http_get.h"
#include "tensor/shape.h"

namespace tercel::load {
namespace {

// In the order of DType. request/datatype.h has the same names, but nothing here may include what the server is made of.
constexpr std::string_view kNames[kDTypeCount] = {"FP32",  "FP64",  "FP16",   "BF16",   "INT8",   "INT16", "INT32",
                                                  "INT64", "UINT8", "UINT16", "UINT32", "UINT64", "BOOL"};

std::optional<DType> dtype_of(std::string_view name) {
  for (int i = 0; i < kDTypeCount; ++i)
    if (kNames[i] == name) return static_cast<DType>(i);
  return std::nullopt;
}

Result<InputMetadata> parse_input(simdjson::ondemand::object object) {
  InputMetadata input;
  std::string_view text;
  if (object["name"].get_string().get(text)) return invalid("an input of the model's metadata has no 'name'");
  input.name = std::string(text);
  if (object["datatype"].get_string().get(text))
    return invalid("input '" + input.name + "' has no 'datatype' in the model's metadata");
  const auto dtype = dtype_of(text);
  if (!dtype)
    return unsupported("input '" + input.name + "' has the datatype " + std::string(text.substr(0, 40)) +
                       ", which cannot be made up here; numbers and BOOL can");
  input.dtype = *dtype;
  simdjson::ondemand::array dims;
  if (object["shape"].get_array().get(dims)) return invalid("input '" + input.name + "' has no 'shape' in the model's metadata");
  for (auto item : dims) {
    int64_t extent = 0;
    if (item.get_int64().get(extent) || extent < -1 || extent > kElementsMax)
      return invalid("input '" + input.name + "' has an extent that is neither a size nor -1");
    if (input.dims.size() == kRankMax)
      return unsupported("input '" + input.name + "' has more than " + std::to_string(kRankMax) + " dimensions");
    input.dims.push_back(extent);
  }
  return input;
}

}  // namespace

std::string_view protocol_name(DType dtype) { return kNames[static_cast<size_t>(dtype)]; }

std::string model_path(std::string_view model, std::string_view version) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string path = "/v2/models/";
  const auto append = [&](std::string_view text) {
    for (const char c : text) {
      const auto u = static_cast<unsigned char>(c);
      const bool plain =
          (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
      if (plain) path += c;
      else (path += '%', path += kHex[u >> 4], path += kHex[u & 15]);
    }
  };
  append(model);
  if (!version.empty()) {
    path += "/versions/";
    append(version);
  }
  return path;
}

Result<std::vector<InputMetadata>> parse_metadata(std::string_view json) {
  simdjson::ondemand::parser parser;
  const simdjson::padded_string text(json);
  simdjson::ondemand::document document;
  simdjson::ondemand::array list;
  if (parser.iterate(text).get(document) || document["inputs"].get_array().get(list))
    return invalid("the model's metadata is not a JSON object with 'inputs'");
  std::vector<InputMetadata> inputs;
  for (auto item : list) {
    simdjson::ondemand::object object;
    if (item.get_object().get(object)) return invalid("the model's metadata has an input that is not an object");
    if (inputs.size() == kModelInputsMax)
      return too_large("the model has more than " + std::to_string(kModelInputsMax) + " inputs");
    inputs.push_back(TRY(parse_input(object)));
  }
  return inputs;
}

Result<std::vector<InputMetadata>> fetch_metadata(const Address& address, const Endpoint& endpoint, const std::string& model,
                                                  const std::string& version, const std::string& headers) {
  const Response response = TRY(http_get(address, endpoint, model_path(model, version), headers));
  const std::string where = "model '" + model + "' on " + address.url;
  if (response.status != 200) {
    AnswerReader reader;
    return not_found(where + ": the server answered " + std::to_string(response.status) + ", " + reader.error_of(response));
  }
  if (response.captured.size() < response.body_bytes)
    return too_large(where + ": its metadata is longer than " + std::to_string(kCapturedBytesMax) + " bytes");
  auto inputs = parse_metadata(response.captured);
  if (!inputs.ok()) return inputs.error().within(where);
  return inputs;
}

}  // namespace tercel::load
