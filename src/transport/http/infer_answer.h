#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "registry/instance.h"
#include "request/infer.h"
#include "request/signature.h"

namespace tercel::transport::http {

// The body of an answer: JSON, then the binary tensors in the order of the JSON.
struct InferAnswer {
  std::string json;
  std::vector<std::span<const std::byte>> binary;  // into the reply's memory
  size_t binary_bytes = 0;
  bool has_binary = false;  // true for an empty binary tensor, too
};

// What an answer says of its deadline: what was left of it when the answer was written, below zero when it is late.
struct Slack {
  request::Class request_class = request::Class::kSoft;
  int64_t us = 0;
};

// Who answered. `variant`: of a ladder, else null.
struct AnsweredBy {
  const std::string& model;
  int64_t version = 0;
  const registry::OpenedVariant* variant = nullptr;
};

// Writes the answer to `request`, whose outputs are in `reply`. Reuses the memory of `answer`.
void write_infer_answer(const AnsweredBy& by, const request::Signature& signature, const request::InferRequest& request,
                        const request::InferReply& reply, const std::optional<Slack>& slack, InferAnswer& answer);

}  // namespace tercel::transport::http
