#include <algorithm>
#include <array>
#include <cstring>

#include "engine/longest_step.h"
#include "registry/plan_opener.h"

namespace tercel::registry {
namespace {

// Input shapes that are remembered as bound: fewer than a session keeps, and both forget the least recently used.
inline constexpr int kStepRuns = 3;
inline constexpr size_t kWarmShapes = 48;

class EngineInstance final : public Instance {
 public:
  explicit EngineInstance(std::unique_ptr<engine::Session> session) : session_(std::move(session)) {
    const auto& graph = session_->program().main();
    inputs_.resize(graph.inputs.size());
    shapes_.resize(graph.inputs.size());
    outputs_.resize(graph.outputs.size());
    buffers_.resize(graph.outputs.size());
    wanted_.resize(graph.outputs.size());
  }

  bool is_warm(const request::InferRequest& request) const override {
    return std::any_of(warm_.begin(), warm_.end(), [&](const auto& shapes) {
      return std::equal(shapes.begin(), shapes.end(), request.inputs.begin(), request.inputs.end(),
                        [](const Shape& shape, const request::TensorView& input) { return shape == input.type.shape; });
    });
  }

  Result<void> prepare(const request::InferRequest& request) override {
    for (size_t i = 0; i < shapes_.size(); ++i) shapes_[i] = request.inputs[i].type.shape;
    TRY(session_->bind(shapes_));
    remember();
    return {};
  }

  Result<int64_t> longest_step_ns(const request::InferRequest& request) override {
    set_inputs(request);
    const engine::Binding& binding = *TRY(session_->bind(shapes_));
    return TRY(engine::measure_longest_step(*session_, binding, inputs_, outputs_, kStepRuns)).ns;
  }

  Result<void> run(const request::InferRequest& request, request::InferReply& reply, const engine::RunControl& control) override {
    set_inputs(request);
    std::fill(wanted_.begin(), wanted_.end(), false);
    for (const auto& output : request.outputs) wanted_[output.index] = true;
    const engine::Binding& binding = *TRY(session_->bind(shapes_));
    TRY(compute(binding, reply, control));
    remember();
    return {};
  }

 private:
  void set_inputs(const request::InferRequest& request) {
    for (size_t i = 0; i < inputs_.size(); ++i) {
      inputs_[i] = {request.inputs[i].type, request.inputs[i].data};
      shapes_[i] = request.inputs[i].type.shape;
    }
  }

  // Into the reply where the sizes are known, else copied there.
  Result<void> compute(const engine::Binding& binding, request::InferReply& reply, const engine::RunControl& control) {
    if (!has_fixed_sizes(binding)) {
      TRY(session_->run(binding, inputs_, {}, outputs_, control));
      return copy(reply);
    }
    TRY(place(session_->output_types(binding), reply));
    TRY(session_->run(binding, inputs_, buffers_, outputs_, control));
    return publish(reply), Result<void>();
  }

  bool has_fixed_sizes(const engine::Binding& binding) const {
    for (size_t i = 0; i < wanted_.size(); ++i)
      if (wanted_[i] && !session_->has_fixed_size(binding, i)) return false;
    return true;
  }

  // Buffers for the wanted outputs, one behind the other.
  Result<void> place(std::span<const TensorType> types, request::InferReply& reply) {
    TRY(reserve(types, reply));
    size_t offset = 0;
    for (size_t i = 0; i < types.size(); ++i) {
      buffers_[i] = wanted_[i] ? reply.memory.data() + offset : nullptr;
      if (wanted_[i]) offset += align_up(types[i].bytes(), kTensorAlignment);
    }
    return {};
  }

  Result<void> reserve(std::span<const TensorType> types, request::InferReply& reply) const {
    if (reply.memory.reserve(std::max<size_t>(total_bytes(types), 1))) return {};
    return Error(ErrorCode::kExhausted, "no memory for the answer; try again later");
  }

  size_t total_bytes(std::span<const TensorType> types) const {
    size_t total = 0;
    for (size_t i = 0; i < wanted_.size(); ++i)
      if (wanted_[i]) total += align_up(types[i].bytes(), kTensorAlignment);
    return total;
  }

  void publish(request::InferReply& reply) const {
    reply.outputs.resize(outputs_.size());
    for (size_t i = 0; i < outputs_.size(); ++i) reply.outputs[i] = {outputs_[i].type, wanted_[i] ? outputs_[i].data : nullptr};
  }

  Result<void> copy(request::InferReply& reply) {
    std::vector<TensorType> types;
    for (const auto& output : outputs_) types.push_back(output.type);
    TRY(reserve(types, reply));
    size_t offset = 0;
    for (size_t i = 0; i < outputs_.size(); ++i) {
      if (!wanted_[i]) continue;
      std::byte* const target = reply.memory.data() + offset;
      if (outputs_[i].type.bytes() > 0) std::memcpy(target, outputs_[i].data, outputs_[i].type.bytes());
      outputs_[i].data = target;
      offset += align_up(outputs_[i].type.bytes(), kTensorAlignment);
    }
    return publish(reply), Result<void>();
  }

  void remember() {
    const auto known = std::find(warm_.begin(), warm_.end(), shapes_);
    if (known != warm_.end()) {
      std::rotate(warm_.begin(), known, known + 1);
      return;
    }
    if (warm_.size() == kWarmShapes) warm_.pop_back();
    warm_.insert(warm_.begin(), shapes_);
  }

  const std::unique_ptr<engine::Session> session_;
  std::vector<engine::InputView> inputs_;
  std::vector<engine::OutputView> outputs_;
  std::vector<Shape> shapes_;
  std::vector<void*> buffers_;
  std::vector<char> wanted_;
  std::vector<std::vector<Shape>> warm_;  // most recent first
};

}  // namespace

std::unique_ptr<Instance> make_instance(std::unique_ptr<engine::Session> session) {
  return std::make_unique<EngineInstance>(std::move(session));
}

}  // namespace tercel::registry
