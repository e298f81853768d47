#include "load/answer.h"

#include <simdjson.h>

#include <algorithm>

namespace tercel::load {
namespace {

constexpr size_t kSentenceBytes = 240;

std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text.substr(0, kSentenceBytes)) line += static_cast<unsigned char>(c) >= 0x20 && c != 0x7f ? c : ' ';
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

}  // namespace

struct AnswerReader::State {
  simdjson::ondemand::parser parser;
  simdjson::padded_string text{kCapturedBytesMax};

  simdjson::padded_string_view padded(std::string_view json) {
    std::copy(json.begin(), json.end(), text.data());
    return simdjson::padded_string_view(text.data(), json.size(), kCapturedBytesMax + simdjson::SIMDJSON_PADDING);
  }

  // The bytes that the outputs announce, or an error code of the library.
  simdjson::error_code announced(std::string_view json, uint64_t& bytes, bool& has_outputs) {
    simdjson::ondemand::document document;
    if (const auto failure = parser.iterate(padded(json)).get(document)) return failure;
    simdjson::ondemand::array outputs;
    if (const auto failure = document["outputs"].get_array().get(outputs)) return failure;
    has_outputs = true;
    for (auto output : outputs) {
      uint64_t size = 0;
      const auto failure = output["parameters"]["binary_data_size"].get_uint64().get(size);
      if (failure == simdjson::NO_SUCH_FIELD) continue;
      if (failure) return failure;
      bytes += std::min(size, kAnswerBytesMax);
    }
    return simdjson::SUCCESS;
  }
};

AnswerReader::AnswerReader() : state_(std::make_unique<State>()) {}
AnswerReader::~AnswerReader() = default;

Result<void> AnswerReader::check_answer(const Response& response) {
  const uint64_t json_bytes = response.infer_header_length.value_or(response.body_bytes);
  if (json_bytes > response.body_bytes) return invalid("the answer's Inference-Header-Content-Length is longer than its body");
  if (json_bytes > response.captured.size()) {
    if (response.captured.starts_with('{')) return {};
    return invalid("a 200 whose body is not JSON");
  }
  uint64_t announced = 0;
  bool has_outputs = false;
  const auto failure = state_->announced(std::string_view(response.captured).substr(0, json_bytes), announced, has_outputs);
  if (failure == simdjson::NO_SUCH_FIELD && !has_outputs) return invalid("a 200 whose JSON has no 'outputs'");
  if (failure) return invalid("a 200 whose body is not an inference answer: " + std::string(simdjson::error_message(failure)));
  if (announced != response.body_bytes - json_bytes)
    return invalid("the answer announces " + std::to_string(announced) + " bytes of tensors and brings " +
                   std::to_string(response.body_bytes - json_bytes));
  return {};
}

std::string AnswerReader::error_of(const Response& response) {
  simdjson::ondemand::document document;
  std::string_view sentence;
  if (!state_->parser.iterate(state_->padded(response.captured)).get(document) && !document["error"].get_string().get(sentence))
    return one_line(sentence);
  return one_line(response.captured);
}

}  // namespace tercel::load
