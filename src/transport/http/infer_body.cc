#include "transport/http/infer_body.h"

#include <cstring>
#include <string>
#include <vector>

#include "request/datatype.h"
#include "transport/http/json_tensor.h"
#include "transport/http/limits.h"

namespace tercel::transport::http {
namespace {

namespace od = simdjson::ondemand;
static_assert(request::kBufferPadding >= simdjson::SIMDJSON_PADDING);

// A parser that grew past this for one huge body gives the memory back.
inline constexpr size_t kParserKeptBytes = size_t{8} << 20;

// What the JSON says of one input before it is checked. The views point into the parser's memory.
struct InputText {
  std::string_view name, datatype;
  Shape shape;
  bool has_name = false, has_datatype = false, has_shape = false, has_data = false;
  std::optional<uint64_t> binary_bytes;
  bool is_described() const { return has_name && has_datatype && has_shape; }
};

struct OutputText {
  uint32_t index = 0;
  std::optional<bool> binary;
};

// Parses one body; lives as long as that takes.
class Body {
 public:
  Body(std::span<const std::byte> binary, size_t json_bytes, const request::Signature& signature, request::InferRequest& request,
       std::vector<OutputText>& outputs)
      : binary_(binary), json_bytes_(json_bytes), signature_(signature), request_(request), outputs_(outputs) {}

  Result<void> read(od::document& document);

 private:
  Result<void> read_inputs(od::value value);
  Result<void> read_input(od::object object);
  Result<void> read_description(od::object& object, InputText& text);
  Result<void> read_late_data(od::object& object, const InputText& text);
  Result<void> read_input_parameters(od::value value, InputText& text);
  Result<void> read_data(od::value& data, const InputText& text);
  Result<void> take_binary(const InputText& text);
  Result<size_t> resolve(const InputText& text, TensorType& type) const;
  Result<void> read_outputs(od::value value);
  Result<void> read_output(od::object object);
  Result<void> read_parameters(od::value value);
  Result<void> read_time(od::value& value, std::optional<int64_t>& target, std::string_view name);
  Result<void> read_min_accuracy(od::value& value);
  Result<void> read_class(od::value& value);
  Result<void> read_reservation(od::value& value);
  Result<void> finish();

  std::span<const std::byte> binary_;  // what is left of it
  const size_t json_bytes_;
  const request::Signature& signature_;
  request::InferRequest& request_;
  std::vector<OutputText>& outputs_;
  size_t inputs_read_ = 0;
  bool binary_by_default_ = false;
};

std::string in_quotes(std::string_view text) { return "'" + std::string(text.substr(0, 256)) + "'"; }

std::string names_of(const std::vector<request::TensorSignature>& tensors) {
  std::string names;
  for (const auto& tensor : tensors) {
    if (names.size() > 512) return names + ", ...";
    names += (names.empty() ? "" : ", ") + in_quotes(tensor.name);
  }
  return names;
}

// Keys are compared as they are written: unescaping them would use up the parser's string memory twice where an object is
// read twice, and no key of the protocol needs an escape.
Result<void> for_each_field(od::object& object, std::string_view what, auto&& visit) {
  for (auto item : object) {
    od::field field;
    if (const auto failure = std::move(item).get(field)) return json_error(failure, what);
    TRY(visit(field.key(), field.value()));
  }
  return {};
}

Result<std::string_view> string_of(od::value& value, std::string_view what) {
  std::string_view text;
  if (const auto failure = value.get_string().get(text)) return json_error(failure, what);
  return text;
}

Result<od::object> object_of(od::value& value, std::string_view what) {
  od::object object;
  if (const auto failure = value.get_object().get(object)) return json_error(failure, what);
  return object;
}

Result<Shape> shape_of(od::value& value) {
  od::array array;
  if (const auto failure = value.get_array().get(array)) return json_error(failure, "shape");
  Shape shape;
  for (auto item : array) {
    uint64_t size;
    if (const auto failure = item.get_uint64().get(size)) return json_error(failure, "an extent of shape (integers from 0)");
    if (shape.rank() == kRankMax) return too_large("shape has more than " + std::to_string(kRankMax) + " extents");
    if (size > static_cast<uint64_t>(kElementsMax))
      return too_large("an extent of shape is larger than " + std::to_string(kElementsMax));
    shape.push_back(static_cast<int64_t>(size));
  }
  TRY(checked_elements(shape));
  return shape;
}

Result<void> Body::read(od::document& document) {
  od::object root;
  if (const auto failure = document.get_object().get(root)) return json_error(failure, "the request");
  bool has_inputs = false;
  TRY(for_each_field(root, "the request", [&](od::raw_json_string key, od::value value) -> Result<void> {
    if (key == "inputs") {
      if (has_inputs) return invalid("inputs is given twice");
      has_inputs = true;
      return read_inputs(value);
    }
    if (key == "outputs") return read_outputs(value);
    if (key == "parameters") return read_parameters(value);
    if (key != "id") return {};
    const auto id = TRY(string_of(value, "id"));
    if (id.size() > kIdBytesMax) return too_large("id is longer than " + std::to_string(kIdBytesMax) + " bytes");
    request_.id = id;
    return {};
  }));
  if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) {
    return invalid(
        "the request is not valid JSON: something follows the closing brace (binary data needs the header "
        "Inference-Header-Content-Length)");
  }
  if (!has_inputs) return invalid("the request has no inputs; the model wants " + names_of(signature_.inputs));
  return finish();
}

Result<void> Body::read_inputs(od::value value) {
  od::array array;
  if (const auto failure = value.get_array().get(array)) return json_error(failure, "inputs");
  for (auto item : array) {
    od::object object;
    if (const auto failure = item.get_object().get(object)) return json_error(failure, "an element of inputs");
    if (++inputs_read_ > kTensorsMax) return too_large("more than " + std::to_string(kTensorsMax) + " inputs");
    TRY(read_input(object));
  }
  return {};
}

Result<void> Body::read_input(od::object object) {
  InputText text;
  const auto described = read_description(object, text);
  if (!described.ok()) return text.has_name ? described.error().within("input " + in_quotes(text.name)) : described.error();
  if (!text.has_name) return invalid("an input has no name");
  const auto where = [&] { return "input " + in_quotes(text.name); };  // made for errors only: it allocates
  if (!text.has_datatype) return invalid(where() + " has no datatype");
  if (!text.has_shape) return invalid(where() + " has no shape");
  if (text.has_data && text.binary_bytes) return invalid(where() + " has both data and binary_data_size");
  if (text.binary_bytes) return take_binary(text);
  if (!text.has_data)
    return invalid(where() + " has no data: give \"data\", or the parameter binary_data_size and the bytes behind the JSON");
  return {};
}

// Data that comes behind its description, as clients write it, is read at once; else the object is read again.
Result<void> Body::read_description(od::object& object, InputText& text) {
  bool is_late = false;
  TRY(for_each_field(object, "an input", [&](od::raw_json_string key, od::value value) -> Result<void> {
    if (key == "name") {
      if (text.has_name) return invalid("an input has two names");
      text.name = TRY(string_of(value, "the name of an input"));
      text.has_name = true;
    } else if (key == "datatype") {
      if (text.has_datatype) return invalid("datatype is given twice");
      text.datatype = TRY(string_of(value, "datatype"));
      text.has_datatype = true;
    } else if (key == "shape") {
      if (text.has_shape) return invalid("shape is given twice");
      text.shape = TRY(shape_of(value));
      text.has_shape = true;
    } else if (key == "parameters") {
      return read_input_parameters(value, text);
    } else if (key == "data") {
      if (text.has_data) return invalid("data is given twice");
      text.has_data = true;
      if (text.is_described()) return read_data(value, text);
      is_late = true;
    }
    return {};
  }));
  return is_late && text.is_described() ? read_late_data(object, text) : Result<void>();
}

Result<void> Body::read_late_data(od::object& object, const InputText& text) {
  bool is_empty;
  if (const auto failure = object.reset().get(is_empty)) return json_error(failure, "an input");
  return for_each_field(object, "an input", [&](od::raw_json_string key, od::value value) -> Result<void> {
    return key == "data" ? read_data(value, text) : Result<void>();
  });
}

Result<void> Body::read_input_parameters(od::value value, InputText& text) {
  auto object = TRY(object_of(value, "parameters"));
  return for_each_field(object, "parameters", [&](od::raw_json_string key, od::value item) -> Result<void> {
    if (key == "shared_memory_region") return unsupported("shared memory is not offered: send the tensor in the request");
    if (key != "binary_data_size") return {};
    uint64_t bytes;
    if (const auto failure = item.get_uint64().get(bytes)) return json_error(failure, "binary_data_size");
    text.binary_bytes = bytes;
    return {};
  });
}

Result<size_t> Body::resolve(const InputText& text, TensorType& type) const {
  const auto index = request::find(signature_.inputs, text.name, inputs_read_ - 1);
  if (!index) return invalid("the model has no input " + in_quotes(text.name) + "; it has " + names_of(signature_.inputs));
  if (request_.inputs[*index].data) return invalid("input " + in_quotes(text.name) + " is given twice");
  const auto dtype = request::datatype_of(text.datatype);
  if (!dtype && text.datatype == "BYTES")
    return unsupported("input " + in_quotes(text.name) + " has datatype BYTES: strings are not computed with");
  if (!dtype) {
    return invalid("input " + in_quotes(text.name) + " has the unknown datatype " + in_quotes(text.datatype) +
                   "; known are BOOL, INT8 to INT64, "
                   "UINT8 to UINT64, FP16, BF16, FP32 and FP64");
  }
  type = {*dtype, text.shape};
  TRY(request::matches(signature_.inputs[*index], type));
  return *index;
}

Result<void> Body::read_data(od::value& data, const InputText& text) {
  TensorType type;
  const size_t index = TRY(resolve(text, type));
  const int64_t elements = type.shape.elements();
  // Each value takes a digit and a comma: a shape that claims more than that is not given memory.
  if (static_cast<uint64_t>(elements) > json_bytes_ / 2 + 1) {
    return invalid("data holds fewer values than its shape needs (" + std::to_string(elements) + ")");
  }
  std::byte* const target = request_.reserve(index, std::max<size_t>(type.bytes(), 1));
  if (!target) return Error(ErrorCode::kExhausted, "no memory for this input; try again later");
  TRY(read_json_tensor(data, type.dtype, elements, target));
  request_.inputs[index] = {type, target};
  return {};
}

Result<void> Body::take_binary(const InputText& text) {
  TensorType type;
  const size_t index = TRY(resolve(text, type));
  const auto bytes = checked_multiply(type.shape.elements(), static_cast<int64_t>(dtype_size(type.dtype)));
  const auto where = [&] { return "input " + in_quotes(text.name); };  // made for errors only: it allocates
  if (!bytes || static_cast<uint64_t>(*bytes) != *text.binary_bytes) {
    return invalid(where() + " has binary_data_size " + std::to_string(*text.binary_bytes) + ", its shape and datatype need " +
                   (bytes ? std::to_string(*bytes) : "more than fits"));
  }
  const auto size = static_cast<size_t>(*bytes);
  if (size > binary_.size()) {
    return invalid(where() + " needs " + std::to_string(size) + " binary bytes, but only " + std::to_string(binary_.size()) +
                   " are left behind the JSON");
  }
  const std::byte* data = binary_.data();
  binary_ = binary_.subspan(size);
  if (reinterpret_cast<uintptr_t>(data) % dtype_size(type.dtype) != 0 || size == 0) {
    std::byte* const copy = request_.reserve(index, std::max<size_t>(size, 1));
    if (!copy) return Error(ErrorCode::kExhausted, "no memory for " + where() + "; try again later");
    if (size > 0) std::memcpy(copy, data, size);
    data = copy;
  }
  request_.inputs[index] = {type, data};
  return {};
}

Result<void> Body::read_outputs(od::value value) {
  od::array array;
  if (const auto failure = value.get_array().get(array)) return json_error(failure, "outputs");
  for (auto item : array) {
    od::object object;
    if (const auto failure = item.get_object().get(object)) return json_error(failure, "an element of outputs");
    if (outputs_.size() == kTensorsMax) return too_large("more than " + std::to_string(kTensorsMax) + " outputs");
    TRY(read_output(object));
  }
  return {};
}

Result<void> Body::read_output(od::object object) {
  OutputText output;
  bool has_name = false;
  TRY(for_each_field(object, "an output", [&](od::raw_json_string key, od::value value) -> Result<void> {
    if (key == "name") {
      const auto name = TRY(string_of(value, "the name of an output"));
      const auto index = request::find(signature_.outputs, name, outputs_.size());
      if (!index) return invalid("the model has no output " + in_quotes(name) + "; it has " + names_of(signature_.outputs));
      output.index = static_cast<uint32_t>(*index);
      has_name = true;
      return {};
    }
    if (key != "parameters") return {};
    auto parameters = TRY(object_of(value, "parameters"));
    return for_each_field(parameters, "parameters", [&](od::raw_json_string parameter, od::value item) -> Result<void> {
      if (parameter == "shared_memory_region")
        return unsupported("shared memory is not offered: take the tensor from the answer");
      if (parameter == "classification") return unsupported("classification is not offered: take the scores and sort them");
      if (parameter != "binary_data") return {};
      bool binary;
      if (const auto failure = item.get_bool().get(binary)) return json_error(failure, "binary_data");
      output.binary = binary;
      return {};
    });
  }));
  if (!has_name) return invalid("an output has no name");
  for (const auto& other : outputs_) {
    if (other.index == output.index)
      return invalid("output " + in_quotes(signature_.outputs[output.index].name) + " is asked for twice");
  }
  outputs_.push_back(output);
  return {};
}

Result<void> Body::read_parameters(od::value value) {
  auto object = TRY(object_of(value, "parameters"));
  return for_each_field(object, "parameters", [&](od::raw_json_string key, od::value item) -> Result<void> {
    if (key == "deadline_us") return read_time(item, request_.wish.deadline_us, "deadline_us");
    if (key == "timeout") return read_time(item, request_.wish.timeout_us, "timeout");
    if (key == "class") return read_class(item);
    if (key == "reservation") return read_reservation(item);
    if (key == "min_accuracy") return read_min_accuracy(item);
    if (key != "binary_data_output") return {};
    if (const auto failure = item.get_bool().get(binary_by_default_)) return json_error(failure, "binary_data_output");
    return {};
  });
}

Result<void> Body::read_time(od::value& value, std::optional<int64_t>& target, std::string_view name) {
  int64_t us;
  if (target) return invalid("the parameter " + std::string(name) + " is given twice");
  if (const auto failure = value.get_int64().get(us)) return json_error(failure, name);
  target = us;
  return {};
}

Result<void> Body::read_min_accuracy(od::value& value) {
  double least;
  if (request_.wish.min_accuracy) return invalid("the parameter min_accuracy is given twice");
  if (const auto failure = value.get_double().get(least)) return json_error(failure, "min_accuracy");
  if (!(least >= 0 && least <= 1)) return invalid("the parameter min_accuracy must be a number from 0 to 1");
  request_.wish.min_accuracy = static_cast<float>(least);
  return {};
}

Result<void> Body::read_class(od::value& value) {
  const auto name = TRY(string_of(value, "class"));
  if (request_.wish.parameter_class) return invalid("the parameter class is given twice");
  request_.wish.parameter_class = request::class_of(name);
  if (!request_.wish.parameter_class)
    return invalid("the parameter class is " + in_quotes(name) + ": guaranteed, hard, soft or bulk");
  return {};
}

Result<void> Body::read_reservation(od::value& value) {
  const auto text = TRY(string_of(value, "reservation"));
  if (request_.wish.parameter_reservation) return invalid("the parameter reservation is given twice");
  request_.wish.parameter_reservation = request::reservation_id_of(text);
  if (!request_.wish.parameter_reservation)
    return invalid("the parameter reservation is " + in_quotes(text) +
                   ": 16 digits from 0 to f, as POST v2/reservations answers");
  return {};
}

Result<void> choose_outputs(const request::Signature& signature, const std::vector<OutputText>& asked, bool binary_by_default,
                            request::InferRequest& request) {
  for (const auto& output : asked) request.outputs.push_back({output.index, output.binary.value_or(binary_by_default)});
  if (asked.empty()) {
    for (uint32_t i = 0; i < signature.outputs.size(); ++i) request.outputs.push_back({i, binary_by_default});
  }
  for (const auto& output : request.outputs) {
    const auto& tensor = signature.outputs[output.index];
    if (!output.binary && (tensor.dtype == DType::kFloat16 || tensor.dtype == DType::kBFloat16)) {
      return unsupported("output " + in_quotes(tensor.name) +
                         " holds 16-bit floats, which have no JSON form: ask for it as binary data "
                         "(parameter binary_data of the output, or binary_data_output of the request)");
    }
  }
  return {};
}

Result<void> Body::finish() {
  for (size_t i = 0; i < signature_.inputs.size(); ++i) {
    if (!request_.inputs[i].data) {
      return invalid("input " + in_quotes(signature_.inputs[i].name) + " is missing; the model wants " +
                     names_of(signature_.inputs));
    }
  }
  if (!binary_.empty()) return invalid(std::to_string(binary_.size()) + " bytes follow the last tensor");
  return choose_outputs(signature_, outputs_, binary_by_default_, request_);
}

// A raw request: the body is the tensor. Its one free extent, if any, follows from the size.
Result<void> read_raw(std::span<const std::byte> body, const request::Signature& signature, request::InferRequest& request) {
  if (signature.inputs.size() != 1)
    return invalid("a raw request (Inference-Header-Content-Length: 0) needs a model with one input");
  const auto& input = signature.inputs[0];
  TensorType type{input.dtype, {}};
  int free_axis = -1;
  for (const int64_t extent : input.dims) {
    if (extent < 0 && free_axis >= 0) return invalid("a raw request needs an input with at most one free extent");
    if (extent < 0) free_axis = type.shape.rank();
    type.shape.push_back(extent < 0 ? 1 : extent);
  }
  const int64_t fixed = TRY(checked_elements(type.shape));
  if (free_axis >= 0 && fixed > 0) type.shape[free_axis] = static_cast<int64_t>(body.size() / dtype_size(type.dtype)) / fixed;
  if (type.bytes() != body.size()) {
    return invalid("the body of " + std::to_string(body.size()) + " bytes does not fill input " + in_quotes(input.name) +
                   " of shape " + request::dims_text(input.dims));
  }
  request.inputs[0] = {type, body.data()};
  return choose_outputs(signature, {}, true, request);
}

}  // namespace

struct InferBodyParser::State {
  od::parser parser;
  std::vector<OutputText> outputs;
};

InferBodyParser::InferBodyParser() : state_(std::make_unique<State>()) {}
InferBodyParser::~InferBodyParser() = default;

Result<void> InferBodyParser::parse(std::span<const std::byte> body, std::optional<uint64_t> header_length,
                                    const request::Signature& signature, request::InferRequest& request) {
  request.clear();
  request.inputs.resize(signature.inputs.size());
  if (header_length == 0 && !body.empty()) return read_raw(body, signature, request);
  const uint64_t json_bytes = header_length.value_or(body.size());
  if (json_bytes > body.size()) {
    return invalid("Inference-Header-Content-Length is " + std::to_string(json_bytes) + ", but the body has only " +
                   std::to_string(body.size()) + " bytes");
  }
  if (json_bytes == 0) return invalid("the body is empty; it must be a JSON object with inputs");
  state_->outputs.clear();
  od::document document;
  const auto* text = reinterpret_cast<const char*>(body.data());
  const auto failure = state_->parser.iterate(text, json_bytes, body.size() + request::kBufferPadding).get(document);
  if (failure) return json_error(failure, "the request");
  Body reader(body.subspan(json_bytes), json_bytes, signature, request, state_->outputs);
  const auto result = reader.read(document);
  if (state_->parser.capacity() > kParserKeptBytes) state_->parser = od::parser();
  return result;
}

Result<bool> wants_only_ready(std::string_view text) {
  bool ready = false;
  if (text.empty()) return ready;
  od::parser parser;
  od::document document;
  if (const auto failure = parser.iterate(text.data(), text.size(), text.size() + request::kBufferPadding).get(document)) {
    return json_error(failure, "the request");
  }
  const auto failure = document["ready"].get_bool().get(ready);
  if (failure && failure != simdjson::NO_SUCH_FIELD) return json_error(failure, "ready");
  return ready;
}

}  // namespace tercel::transport::http
