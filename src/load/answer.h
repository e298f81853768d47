#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "load/response.h"

namespace tercel::load {

// Looks into the bodies of inference answers. One thread; keeps its memory.
class AnswerReader {
 public:
  AnswerReader();
  ~AnswerReader();
  AnswerReader(const AnswerReader&) = delete;
  AnswerReader& operator=(const AnswerReader&) = delete;

  // Whether the body of a 200 is an answer of the Open Inference Protocol: JSON with outputs, and behind it exactly the
  // binary tensors it announces. Of JSON that is longer than what was captured only the beginning is looked at.
  Result<void> check_answer(const Response& response);

  // The server's sentence in {"error": "..."}, or the beginning of the body; one line without control characters.
  std::string error_of(const Response& response);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tercel::load
