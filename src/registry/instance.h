#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "registry/settings.h"
#include "request/infer.h"
#include "request/signature.h"

namespace tercel::registry {

// One copy of a model that computes one request at a time. Any thread, but only one at once; the executor sees to that.
class Instance {
 public:
  virtual ~Instance() = default;

  // Whether a request with these input types would compute at once, with nothing to prepare first.
  virtual bool is_warm(const request::InferRequest& request) const = 0;

  // Computes. `request.inputs` were checked against the signature. On success `reply.outputs` holds one view per output of
  // the signature, into `reply.memory`, where `request.outputs` wants it (no data otherwise). Keeps nothing of either.
  virtual Result<void> run(const request::InferRequest& request, request::InferReply& reply) = 0;
};

// A version of a model, open and warm.
struct OpenedModel {
  request::Signature signature;
  std::string platform;  // "tercel_plan"
  std::vector<std::unique_ptr<Instance>> instances;
  int64_t compute_ns = 0;  // measured while warming up; 0 when it was not
  std::string notice;      // what the operator should know ("tuned for avx512, this host has avx2"), or empty
};

// Opens the version in `directory`.
using Opener = std::function<Result<OpenedModel>(const std::string& directory, const ModelSettings& settings)>;

}  // namespace tercel::registry
