#include "load/inputs.h"

#include <algorithm>
#include <charconv>
#include <random>
#include <type_traits>

#include "base/json.h"
#include "tensor/npy.h"

namespace tercel::load {
namespace {

constexpr size_t kRandomBodies = 16;
constexpr size_t kRandomBytes = size_t{64} << 20;

std::string dims_text(const std::vector<int64_t>& dims) {
  std::string text = "[";
  for (const int64_t extent : dims) text += (text.size() > 1 ? "," : "") + std::to_string(extent);
  return text + "]";
}

// One input with the shape that is sent, and where its contents come from.
struct Source {
  const InputMetadata* input = nullptr;
  Shape shape;
  bool is_chosen = false;  // by the user
  Tensor data;             // of a .npz; empty: random
  size_t slices = 1;       // requests that `data` is enough for
};

Result<void> apply_shape(std::vector<Source>& sources, const std::string& text) {
  const std::string wrong = "shape '" + text + "'";
  const size_t equals = text.rfind('=');
  const auto found =
      std::find_if(sources.begin(), sources.end(), [&](const Source& s) { return s.input->name == text.substr(0, equals); });
  if (equals == std::string::npos) return invalid(wrong + " is not NAME=1x784");
  if (found == sources.end()) {
    std::string names;
    for (const Source& s : sources) names += (names.empty() ? "" : ", ") + s.input->name;
    return invalid(wrong + ": the model has no such input; it has " + (names.empty() ? "none" : names));
  }
  Shape shape;
  for (size_t at = equals + 1; at <= text.size();) {
    const size_t end = std::min(text.find('x', at), text.size());
    int64_t extent = -1;
    const auto [stop, failure] = std::from_chars(text.data() + at, text.data() + end, extent);
    if (failure != std::errc() || stop != text.data() + end || extent < 0 || extent > kElementsMax || shape.rank() == kRankMax)
      return invalid(wrong + " is not NAME=1x784 with at most " + std::to_string(kRankMax) + " extents");
    shape.push_back(Dim(extent));
    at = end + 1;
  }
  const auto& dims = found->input->dims;
  bool fits = shape.rank() == static_cast<int>(dims.size());
  for (int i = 0; fits && i < shape.rank(); ++i)
    fits = dims[static_cast<size_t>(i)] == -1 || dims[static_cast<size_t>(i)] == shape.size(i);
  if (!fits) return invalid(wrong + " does not fit the model, which wants " + dims_text(dims));
  found->shape = shape;
  found->is_chosen = true;
  return {};
}

// Finds the contents of one input, and with them what the model and the user left open of its shape.
Result<void> take_array(Source& source, const std::vector<NamedTensor>& arrays, const std::string& file) {
  const InputMetadata& input = *source.input;
  const auto found = std::find_if(arrays.begin(), arrays.end(), [&](const NamedTensor& a) { return a.first == input.name; });
  if (found == arrays.end()) {
    std::string names;
    for (const NamedTensor& other : arrays) names += (names.empty() ? "" : ", ") + other.first;
    return invalid(file + " has no array '" + input.name + "', an input of the model; it has " + names);
  }
  const Tensor& array = found->second;
  if (array.dtype() != input.dtype)
    return invalid(file + ": '" + input.name + "' is " + std::string(dtype_name(array.dtype())) + ", the model wants " +
                   std::string(dtype_name(input.dtype)));
  const Shape& have = array.shape();
  bool fits = have.rank() == source.shape.rank();
  for (int i = 0; fits && i < have.rank(); ++i) {
    const bool open = !source.is_chosen && input.dims[static_cast<size_t>(i)] == -1;
    if (i > 0 && open) source.shape[i] = have[i];
    const bool longer = i == 0 && source.shape.size(0) > 0 && have.size(0) >= source.shape.size(0);
    fits = longer || have.size(i) == source.shape.size(i);
  }
  if (!fits)
    return invalid(file + ": '" + input.name + "' is " + to_string(have) + ", which does not fit " + to_string(source.shape) +
                   "; choose with --shape");
  source.data = array;
  if (have.rank() > 0 && source.shape.size(0) > 0) source.slices = static_cast<size_t>(have.size(0) / source.shape.size(0));
  return {};
}

void append_random(std::string& body, const TensorType& type, std::mt19937_64& random) {
  visit_dtype(type.dtype, [&]<typename T>() {
    for (int64_t i = 0; i < type.shape.elements(); ++i) {
      const uint64_t bits = random();
      T value{};
      if constexpr (std::is_integral_v<T>) value = static_cast<T>(bits & 1);
      else value = static_cast<T>(static_cast<float>(static_cast<double>(bits >> 11) * 0x1p-52 - 1));
      body.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
  });
}

std::string json_of(const std::vector<Source>& sources, const std::vector<Parameter>& parameters) {
  std::string text;
  JsonWriter json(text);
  json.begin_object().key("inputs").begin_array();
  for (const Source& source : sources) {
    json.begin_object().field("name", source.input->name).key("shape").begin_array();
    for (const Dim extent : source.shape.dims()) json.value(extent.size());
    const size_t bytes = TensorType{source.input->dtype, source.shape}.bytes();
    json.end_array().field("datatype", protocol_name(source.input->dtype));
    json.key("parameters").begin_object().field("binary_data_size", bytes).end_object().end_object();
  }
  json.end_array().key("parameters").begin_object().field("binary_data_output", true);
  write_parameters(json, parameters);
  json.end_object().end_object();
  return text;
}

Result<size_t> tensor_bytes(const std::vector<Source>& sources) {
  size_t bytes = 0;
  for (const Source& source : sources) {
    const int64_t elements = TRY(checked_elements(source.shape));
    bytes += static_cast<size_t>(elements) * dtype_size(source.input->dtype);
    if (bytes > kRequestBytesMax)
      return too_large("a request would have more than " + std::to_string(kRequestBytesMax) +
                       " bytes; choose smaller shapes with --shape");
  }
  return bytes;
}

std::string body_of(const std::vector<Source>& sources, const std::string& json, size_t index, std::mt19937_64& random) {
  std::string body = json;
  for (const Source& source : sources) {
    const TensorType type{source.input->dtype, source.shape};
    if (source.data.data()) body.append(source.data.as<char>() + index % source.slices * type.bytes(), type.bytes());
    else append_random(body, type, random);
  }
  return body;
}

}  // namespace

Result<Bodies> make_bodies(const std::vector<InputMetadata>& inputs, const ClientOptions& client, uint64_t seed) {
  std::vector<Source> sources;
  for (const InputMetadata& input : inputs) {
    Source source{&input};
    for (const int64_t extent : input.dims) source.shape.push_back(Dim(extent == -1 ? 1 : extent));
    sources.push_back(source);
  }
  for (const std::string& shape : client.shapes) TRY(apply_shape(sources, shape));
  size_t count = kRandomBodies;
  if (!client.inputs.empty()) {
    const auto arrays = TRY(read_npz(client.inputs));
    count = 1;
    for (Source& source : sources) {
      TRY(take_array(source, arrays, client.inputs));
      count = std::max(count, source.slices);
    }
  }
  Bodies made;
  const std::string json = json_of(sources, client.parameters);
  const size_t bytes = TRY(tensor_bytes(sources)) + json.size();
  const size_t room = client.inputs.empty() ? kRandomBytes : kBodiesBytesMax;
  count = std::clamp<size_t>(std::min(count, room / bytes), 1, kBodiesMax);
  made.json_bytes = json.size();
  std::mt19937_64 random(seed);
  for (size_t i = 0; i < count; ++i) made.bodies.push_back(body_of(sources, json, i, random));
  for (const Source& source : sources)
    made.shapes += (made.shapes.empty() ? "" : ", ") + source.input->name + "=" + to_string(source.shape);
  return made;
}

}  // namespace tercel::load
