#include "transport/http/infer_answer.h"

#include <charconv>
#include <type_traits>

#include "base/json.h"
#include "request/datatype.h"

namespace tercel::transport::http {
namespace {

void write_data(JsonWriter& json, const request::TensorView& tensor) {
  json.key("data").begin_array();
  visit_dtype(tensor.type.dtype, [&]<typename T>() {
    const T* values = static_cast<const T*>(tensor.data);
    const int64_t elements = tensor.type.shape.elements();
    for (int64_t i = 0; i < elements; ++i) {
      if constexpr (std::is_arithmetic_v<T>) json.value(values[i]);
      else json.value(static_cast<float>(values[i]));
    }
  });
  json.end_array();
}

void write_parameters(JsonWriter& json, const AnsweredBy& by, const std::optional<Slack>& slack) {
  json.key("parameters").begin_object();
  if (slack) {
    json.field("class", request::class_name(slack->request_class)).field("slack_us", slack->us);
    json.field("late", slack->us < 0);
  }
  if (by.variant) json.field("variant", by.variant->name).field("accuracy", by.variant->accuracy);
  json.end_object();
}

}  // namespace

void write_infer_answer(const AnsweredBy& by, const request::Signature& signature, const request::InferRequest& request,
                        const request::InferReply& reply, const std::optional<Slack>& slack, InferAnswer& answer) {
  answer.json.clear();
  answer.binary.clear();
  answer.binary_bytes = 0;
  answer.has_binary = false;
  JsonWriter json(answer.json);
  char number[24];
  const std::string_view version_text(number, std::to_chars(number, number + sizeof number, by.version).ptr);
  json.begin_object().field("model_name", by.model).field("model_version", version_text);
  if (!request.id.empty()) json.field("id", request.id);
  if (slack || by.variant) write_parameters(json, by, slack);
  json.key("outputs").begin_array();
  for (const auto& wanted : request.outputs) {
    const auto& tensor = reply.outputs[wanted.index];
    json.begin_object()
        .field("name", signature.outputs[wanted.index].name)
        .field("datatype", request::datatype_name(tensor.type.dtype));
    json.key("shape").begin_array();
    for (const Dim extent : tensor.type.shape.dims()) json.value(extent.size());
    json.end_array();
    if (wanted.binary) {
      const size_t bytes = tensor.type.bytes();
      json.key("parameters").begin_object().field("binary_data_size", bytes).end_object();
      if (bytes > 0) answer.binary.push_back({static_cast<const std::byte*>(tensor.data), bytes});
      answer.binary_bytes += bytes;
      answer.has_binary = true;
    } else {
      write_data(json, tensor);
    }
    json.end_object();
  }
  json.end_array().end_object();
}

}  // namespace tercel::transport::http
