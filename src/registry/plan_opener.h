#pragma once

#include <functional>
#include <memory>
#include <string>

#include "engine/session.h"
#include "registry/instance.h"

namespace tercel::registry {

// Turns a model.onnx into a plan; `profile` is what model.toml says. The compile half is not linked here: who has it passes
// it in.
using CompileOnnx =
    std::function<Result<std::shared_ptr<const plan::Program>>(const std::string& path, const std::vector<std::string>& profile)>;

struct OpenerOptions {
  uint32_t compute_threads = 0;  // that the server computes with; 0: platform::usable_cpus()
  bool lock_memory = false;      // engine::SessionOptions::lock_memory, of every instance
};

// Opens versions that hold a model.plan, or, when `compile` is given, a model.onnx. Each instance is a session, prepared for the
// smallest shapes of the plan and for every batch of them, so that the first request finds it warm; what batches take is measured
// on made-up values. A version whose memory cannot be locked is refused.
Opener plan_opener(CompileOnnx compile = nullptr, const OpenerOptions& options = {});

// The signature of a plan: extents that a profile leaves open are -1.
request::Signature signature_of(const plan::Program& program);

// A session as an instance. Keeps the session's outputs in the reply's memory: written there by the engine where their
// size is known before the run, copied where it depends on data.
std::unique_ptr<Instance> make_instance(std::unique_ptr<engine::Session> session);

}  // namespace tercel::registry
