#include <cstring>

#include "engine/control_flow.h"
#include "ops/control.h"

namespace tercel::engine {

namespace {

// A tensor cut along one axis: `outer` runs of `count` slices of `inner` bytes.
struct Cut {
  size_t outer = 1, count = 0, inner = 1;

  Cut() = default;
  Cut(const TensorType& type, int axis)
      : outer(static_cast<size_t>(type.shape.elements(0, axis))),
        count(static_cast<size_t>(type.shape.size(axis))),
        inner(static_cast<size_t>(type.shape.elements(axis + 1, type.shape.rank())) * dtype_size(type.dtype)) {}

  void read(size_t slice, const void* whole, std::byte* part) const {
    for (size_t o = 0; o < outer && inner; ++o)
      std::memcpy(part + o * inner, static_cast<const std::byte*>(whole) + (o * count + slice) * inner, inner);
  }
  void write(size_t slice, std::byte* whole, const std::byte* part) const {
    for (size_t o = 0; o < outer && inner; ++o) std::memcpy(whole + (o * count + slice) * inner, part + o * inner, inner);
  }
};

int64_t attribute_at(const plan::ProgramNode& node, std::string_view name, size_t i) {
  const auto values = node.attributes.get_ints(name);
  return i < values.size() ? values[i] : 0;
}

struct ScanInput {
  explicit ScanInput(MemoryBudget& budget) : slice(budget) {}
  TensorType slice_type;
  Cut cut;
  bool backward = false;
  Block slice;
};

struct ScanOutput {
  explicit ScanOutput(MemoryBudget& budget) : slice(budget) {}
  TensorType slice_type, type;
  Cut cut;
  bool backward = false;
  Block slice;
};

class ScanRun {
 public:
  ScanRun(BarrierRun& run, size_t states, size_t scanned, size_t outputs)
      : run_(run), states_(states), scanned_(scanned), body_inputs_(run.inputs) {
    for (size_t i = 0; i < scanned; ++i) inputs_.emplace_back(run.environment.budget);
    for (size_t i = 0; i < outputs; ++i) outputs_.emplace_back(run.environment.budget);
    while (run.barrier.carried.size() < 2 * states) run.barrier.carried.emplace_back(run.environment.budget);
    for (size_t i = 0; i < states + scanned; ++i) body_inputs_[i].known = nullptr;
  }

  Result<std::vector<TensorType>> all() {
    TRY(prepare());
    for (int64_t i = 0; i < length_; ++i) {
      TRY(check_iteration(run_.context, i));
      TRY(one(i));
    }
    return collect();
  }

 private:
  Result<void> prepare() {
    for (size_t i = 0; i < scanned_; ++i) {
      ScanInput& input = inputs_[i];
      const TensorType& type = run_.inputs[states_ + i].type;
      const int axis = TRY(normalize_axis(attribute_at(run_.node, "scan_input_axes", i), type.shape.rank()));
      input.cut = Cut(type, axis);
      input.backward = attribute_at(run_.node, "scan_input_directions", i) != 0;
      input.slice_type.dtype = type.dtype;
      for (int d = 0; d < type.shape.rank(); ++d)
        if (d != axis) input.slice_type.shape.push_back(type.shape[d]);
      const auto length = static_cast<int64_t>(input.cut.count);
      if (i > 0 && length != length_)
        return invalid("its scanned inputs have " + std::to_string(length_) + " and " + std::to_string(length) + " slices");
      length_ = length;
      TRY(input.slice.ensure(input.slice_type.bytes()));
      body_inputs_[states_ + i] = {.present = true, .type = input.slice_type, .data = input.slice.data()};
    }
    return {};
  }

  Result<void> one(int64_t iteration) {
    for (size_t i = 0; i < scanned_; ++i) {
      const int64_t slice = inputs_[i].backward ? length_ - 1 - iteration : iteration;
      inputs_[i].cut.read(static_cast<size_t>(slice), run_.inputs[states_ + i].data, inputs_[i].slice.data());
    }
    BoundGraph& body = *TRY(body_of(run_, ops::kBody, body_inputs_));
    std::vector<Block*> targets;
    for (size_t i = 0; i < states_; ++i) targets.push_back(&run_.barrier.carried[2 * i + (iteration & 1)]);
    for (ScanOutput& output : outputs_) targets.push_back(&output.slice);
    if (body.output_count() != targets.size())
      return invalid("its body has " + std::to_string(body.output_count()) + " outputs where " + std::to_string(targets.size()) +
                     " are wanted");
    const auto types = TRY(run_into(run_.context, body, body_inputs_, targets));
    for (size_t i = 0; i < states_; ++i) body_inputs_[i] = {.present = true, .type = types[i], .data = targets[i]->data()};
    for (size_t i = 0; i < outputs_.size(); ++i) TRY(store(i, types[states_ + i], iteration));
    return {};
  }

  // Lays the whole output out when its first slice, or its declaration, tells the type.
  Result<void> begin_output(size_t i, const TensorType& slice_type) {
    ScanOutput& output = outputs_[i];
    const int rank = slice_type.shape.rank() + 1;
    if (rank > kRankMax) return too_large("a scan output would have more than " + std::to_string(kRankMax) + " axes");
    const int axis = TRY(normalize_axis(attribute_at(run_.node, "scan_output_axes", i), rank));
    output.slice_type = slice_type;
    output.type = {slice_type.dtype, {}};
    for (int d = 0; d < rank; ++d) output.type.shape.push_back(d == axis ? Dim(length_) : slice_type.shape[d < axis ? d : d - 1]);
    TRY(checked_elements(output.type.shape));
    output.cut = Cut(output.type, axis);
    output.backward = attribute_at(run_.node, "scan_output_directions", i) != 0;
    return run_.barrier.buffers[states_ + i].ensure(output.type.bytes());
  }

  Result<void> store(size_t i, const TensorType& type, int64_t iteration) {
    ScanOutput& output = outputs_[i];
    if (iteration == 0) TRY(begin_output(i, type));
    if (!(type == output.slice_type))
      return invalid("a scan output changes from " + to_string(output.slice_type.shape) + " to " + to_string(type.shape) +
                     " between iterations");
    const int64_t slice = output.backward ? length_ - 1 - iteration : iteration;
    output.cut.write(static_cast<size_t>(slice), run_.barrier.buffers[states_ + i].data(), output.slice.data());
    return {};
  }

  Result<std::vector<TensorType>> collect() {
    std::vector<TensorType> types;
    for (size_t i = 0; i < states_; ++i) {
      types.push_back(body_inputs_[i].type);
      const size_t bytes = types.back().bytes();
      TRY(run_.barrier.buffers[i].ensure(bytes));
      if (bytes) std::memcpy(run_.barrier.buffers[i].data(), body_inputs_[i].data, bytes);
    }
    const auto* reference = run_.node.attributes.get<ops::GraphRef>(ops::kBody);
    for (size_t i = 0; i < outputs_.size(); ++i) {
      if (length_ == 0) TRY(begin_output(i, declared_type(run_.environment.graph(reference->index), states_ + i)));
      types.push_back(outputs_[i].type);
    }
    return types;
  }

  BarrierRun& run_;
  size_t states_, scanned_;
  int64_t length_ = 0;
  std::vector<RuntimeInput> body_inputs_;
  std::vector<ScanInput> inputs_;
  std::vector<ScanOutput> outputs_;
};

}  // namespace

Result<std::vector<TensorType>> run_scan(BarrierRun& run) {
  const int64_t scanned = run.node.attributes.get_int("num_scan_inputs", 0);
  const int64_t states = ops::carried_count("Scan", run.node.attributes, run.inputs.size());
  const size_t outputs = run.barrier.buffers.size();
  const auto* body = run.node.attributes.get<ops::GraphRef>(ops::kBody);
  if (scanned < 1 || states < 0 || static_cast<size_t>(states) > outputs || !body ||
      run.environment.graph(body->index).outputs.size() != outputs)
    return invalid("its inputs, outputs and body do not fit together");
  for (size_t i = 0; i < run.inputs.size(); ++i)
    if (!run.inputs[i].present) return invalid("its input " + std::to_string(i) + " is missing");
  return ScanRun(run, static_cast<size_t>(states), static_cast<size_t>(scanned), outputs - static_cast<size_t>(states)).all();
}

}  // namespace tercel::engine
