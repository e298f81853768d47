#pragma once

#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <memory>
#include <thread>

#include "registry/instance.h"

namespace tercel::serve {

// Models without an engine, for tests of what is around one: the output `y<i>` is a copy of input `x<i>`. What a version
// does is written in its folder name and settings by the test; see open_echo.
struct EchoBehaviour {
  std::vector<request::TensorSignature> inputs = {{"x0", DType::kFloat32, {-1, 4}}};
  std::chrono::microseconds takes{0};
  bool warm = true;
  bool fails = false;
  std::atomic<int>* running = nullptr;  // counts the runs that are under way, when given
};

class EchoInstance final : public registry::Instance {
 public:
  explicit EchoInstance(EchoBehaviour behaviour) : behaviour_(std::move(behaviour)) {}

  bool is_warm(const request::InferRequest&) const override { return behaviour_.warm; }

  Result<void> run(const request::InferRequest& request, request::InferReply& reply) override {
    check(!busy_.exchange(true), "two requests at once on one instance");
    if (behaviour_.running) ++*behaviour_.running;
    if (behaviour_.takes.count() > 0) std::this_thread::sleep_for(behaviour_.takes);
    if (behaviour_.running) --*behaviour_.running;
    busy_ = false;
    if (behaviour_.fails) return Error(ErrorCode::kInternal, "this model always fails");
    return copy(request, reply);
  }

 private:
  static Result<void> copy(const request::InferRequest& request, request::InferReply& reply) {
    size_t bytes = 0;
    for (const auto& input : request.inputs) bytes += align_up(input.type.bytes(), kTensorAlignment);
    if (!reply.memory.reserve(bytes)) return Error(ErrorCode::kExhausted, "no memory for the answer");
    reply.outputs.resize(request.inputs.size());
    size_t offset = 0;
    for (size_t i = 0; i < request.inputs.size(); ++i) {
      const auto& input = request.inputs[i];
      std::byte* target = reply.memory.data() + offset;
      if (input.type.bytes() > 0) std::memcpy(target, input.data, input.type.bytes());
      reply.outputs[i] = {input.type, target};
      offset += align_up(input.type.bytes(), kTensorAlignment);
    }
    return {};
  }

  const EchoBehaviour behaviour_;
  std::atomic<bool> busy_{false};
};

inline registry::OpenedModel echo_model(const EchoBehaviour& behaviour, uint32_t instances, int64_t compute_ns) {
  registry::OpenedModel model;
  model.platform = "tercel_plan";
  model.signature.inputs = behaviour.inputs;
  model.compute_ns = compute_ns;
  for (size_t i = 0; i < behaviour.inputs.size(); ++i) {
    model.signature.outputs.push_back(behaviour.inputs[i]);
    model.signature.outputs.back().name = "y" + std::to_string(i);
  }
  for (uint32_t i = 0; i < instances; ++i) model.instances.push_back(std::make_unique<EchoInstance>(behaviour));
  return model;
}

}  // namespace tercel::serve
