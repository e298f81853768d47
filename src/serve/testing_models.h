#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <memory>
#include <thread>

#include "platform/clock.h"
#include "registry/instance.h"

namespace tercel::serve {

// Models without an engine, for tests of what is around one: the output `y<i>` is a copy of input `x<i>`. What a version
// does is written in its folder name and settings by the test; see open_echo.
struct EchoBehaviour {
  std::vector<request::TensorSignature> inputs = {{"x0", DType::kFloat32, {-1, 4}}};
  std::chrono::microseconds takes{0};
  bool warm = true;
  bool fails = false;
  float fails_on = 0;                   // a request that holds this value fails, and whatever shares its batch
  uint32_t rows_max = 1;                // of a batch
  bool yields = false;                  // between steps of 0.1 ms
  std::atomic<int>* running = nullptr;  // counts the runs that are under way, when given
};

class EchoInstance final : public registry::Instance {
 public:
  explicit EchoInstance(EchoBehaviour behaviour) : behaviour_(std::move(behaviour)) {}

  bool is_warm(const request::InferRequest&) const override { return behaviour_.warm; }
  Result<void> prepare(const request::InferRequest&) override { return {}; }
  Result<int64_t> longest_step_ns(const request::InferRequest&) override { return 0; }

  Result<void> run(const request::InferRequest& request, request::InferReply& reply, const engine::RunControl& control) override {
    check(!busy_.exchange(true), "two requests at once on one instance");
    if (behaviour_.running) ++*behaviour_.running;
    const auto result = take_time(control);
    if (behaviour_.running) --*behaviour_.running;
    busy_ = false;
    TRY(result);
    if (behaviour_.fails || fails_on(request)) return Error(ErrorCode::kInternal, "this model always fails");
    return copy(request, reply);
  }

 private:
  // In steps, between which it yields and may be stopped.
  Result<void> take_time(const engine::RunControl& control) const {
    constexpr int64_t kStepNs = 100'000;
    for (int64_t left = std::chrono::nanoseconds(behaviour_.takes).count(); left > 0;) {
      if (control.yield) control.yield->pass();
      if (control.cancel && control.cancel->load()) return Error(ErrorCode::kCancelled, "cancelled");
      const int64_t begun = platform::now_ns();
      std::this_thread::sleep_for(std::chrono::nanoseconds(std::min(left, kStepNs)));
      left -= platform::now_ns() - begun;
    }
    return {};
  }

  bool fails_on(const request::InferRequest& request) const {
    if (behaviour_.fails_on == 0) return false;
    const auto* const values = static_cast<const float*>(request.inputs[0].data);
    return std::find(values, values + request.inputs[0].type.shape.elements(), behaviour_.fails_on) !=
           values + request.inputs[0].type.shape.elements();
  }

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

inline registry::OpenedVariant echo_variant(const EchoBehaviour& behaviour, uint32_t instances, int64_t compute_ns) {
  registry::OpenedVariant variant;
  registry::InstanceGroup& group = variant.groups.emplace_back();
  for (uint32_t i = 0; i < instances; ++i) group.instances.push_back(std::make_unique<EchoInstance>(behaviour));
  if (compute_ns > 0) variant.costs.push_back({1, 1, compute_ns, compute_ns});
  if (compute_ns > 0 && behaviour.rows_max > 1) variant.costs.push_back({1, behaviour.rows_max, compute_ns, compute_ns});
  if (behaviour.yields) variant.longest_step_ns = 200'000;
  return variant;
}

inline registry::OpenedModel echo_model(const EchoBehaviour& behaviour, uint32_t instances, int64_t compute_ns) {
  registry::OpenedModel model;
  model.platform = "tercel_plan";
  model.signature.inputs = behaviour.inputs;
  model.rows_max = behaviour.rows_max;
  for (size_t i = 0; i < behaviour.inputs.size(); ++i) {
    model.signature.outputs.push_back(behaviour.inputs[i]);
    model.signature.outputs.back().name = "y" + std::to_string(i);
  }
  model.variants.push_back(echo_variant(behaviour, instances, compute_ns));
  return model;
}

// A rung of a ladder of echoes, which differ in nothing but their time.
struct EchoRung {
  const char* name;
  float accuracy;
  std::chrono::microseconds takes;
  bool yields = false;
};

// The most accurate first.
inline registry::OpenedModel echo_ladder(const std::vector<EchoRung>& rungs, uint32_t instances) {
  registry::OpenedModel model = echo_model({}, 0, 0);
  model.variants.clear();
  for (const EchoRung& rung : rungs) {
    const int64_t compute_ns = std::max<int64_t>(std::chrono::nanoseconds(rung.takes).count(), 1000);
    auto& variant =
        model.variants.emplace_back(echo_variant({.takes = rung.takes, .yields = rung.yields}, instances, compute_ns));
    variant.name = rung.name;
    variant.accuracy = rung.accuracy;
  }
  return model;
}

}  // namespace tercel::serve
