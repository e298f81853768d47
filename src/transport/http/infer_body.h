#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "request/infer.h"
#include "request/signature.h"

namespace tercel::transport::http {

// Reads the body of an inference request: JSON, and behind it the binary tensors. One per thread: it keeps its memory from
// request to request.
class InferBodyParser {
 public:
  InferBodyParser();
  ~InferBodyParser();

  // Fills `request` from `body` as the signature wants it. `body` has kBufferPadding readable bytes behind it and stays in
  // place as long as the request: binary tensors that lie aligned to their element are used where they are.
  // `header_length`: the value of Inference-Header-Content-Length; none: all of it is JSON; 0: all of it is the one tensor
  // of a model with one input (a raw request).
  // Unknown keys and parameters are ignored; parameters that would change the answer and are not supported are refused.
  Result<void> parse(std::span<const std::byte> body, std::optional<uint64_t> header_length, const request::Signature& signature,
                     request::InferRequest& request);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The body of a repository index request: {"ready": true} asks for ready models only; empty asks for all. `text` has
// kBufferPadding readable bytes behind it.
Result<bool> wants_only_ready(std::string_view text);

}  // namespace tercel::transport::http
