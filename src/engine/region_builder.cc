#include "engine/region_builder.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

#include "ops/control.h"

namespace tercel::engine {

namespace {

// What one region may keep of values computed while binding, together.
constexpr size_t kEvaluatedTotalMax = size_t{64} << 20;

// Inputs that are considered for their buffer: a Sum of a million inputs must not be looked at a million times.
constexpr size_t kInPlaceInputsMax = 8;

// Operators whose output is their first input under another shape.
constexpr std::array<std::string_view, 6> kRenaming = {"Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Cast"};

bool renames(const TypedNode& node) {
  if (std::find(kRenaming.begin(), kRenaming.end(), node.node->op->name) == kRenaming.end()) return false;
  // Cast renames where it does not convert.
  return node.inputs[0] && node.inputs[0]->type.dtype == node.outputs[0].dtype &&
         node.inputs[0]->type.bytes() == node.outputs[0].bytes();
}

}  // namespace

RegionBuilder::RegionBuilder(RegionRequest request)
    : request_(std::move(request)),
      environment_(*request_.environment),
      graph_(environment_.graph(request_.graph)),
      uses_(*request_.uses),
      values_(request_.values),
      root_(values_.size()),
      copies_(graph_.outputs.size()) {
  std::iota(root_.begin(), root_.end(), plan::ValueId{0});
}

Result<std::unique_ptr<Region>> RegionBuilder::build() {
  for (uint32_t i = request_.first_node; i < graph_.nodes.size(); ++i) {
    const auto visited = visit(i);
    if (!visited.ok()) return visited.error().within(describe(graph_.nodes[i]));
    if (!*visited) return finish(i);
  }
  return finish(static_cast<uint32_t>(graph_.nodes.size()));
}

Result<bool> RegionBuilder::visit(uint32_t index) {
  const plan::ProgramNode& node = graph_.nodes[index];
  TypedNode typed_node = typed(node);
  if (std::find(typed_node.wanted.begin(), typed_node.wanted.end(), 1) == typed_node.wanted.end()) return true;
  if (ops::is_control(node.op->name)) return false;
  std::vector<std::optional<std::vector<Dim>>> dims;
  if (!TRY(infer(typed_node, dims))) return false;
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (!typed_node.wanted[i]) continue;
    values_[node.outputs[i]].typed = true;
    values_[node.outputs[i]].type = typed_node.outputs[i];
  }
  if (rename(typed_node) || take_dims(typed_node, dims)) return true;
  if (TRY(fold(typed_node))) return true;
  TRY(add_step(typed_node, index));
  return true;
}

TypedNode RegionBuilder::typed(const plan::ProgramNode& node) const {
  TypedNode typed{.node = &node, .inputs = {}, .outputs = std::vector<TensorType>(node.outputs.size()), .wanted = {}};
  for (plan::ValueId input : node.inputs) typed.inputs.push_back(input == plan::kNoValue ? nullptr : &values_[input]);
  for (plan::ValueId output : node.outputs) typed.wanted.push_back(uses_.wanted(output));
  return typed;
}

void RegionBuilder::set_known(plan::ValueId id, Tensor contents) {
  values_[id].place = Place::fixed(contents.data());
  values_[id].known = std::move(contents);
}

bool RegionBuilder::rename(const TypedNode& node) {
  if (!renames(node)) return false;
  const plan::ValueId id = node.node->outputs[0], source = node.node->inputs[0];
  const LiveValue& original = values_[source];
  LiveValue& value = values_[id];
  value.source = original.source;
  value.place = original.place;
  if (original.known) value.known = original.known->reshaped(value.type.shape);
  root_[id] = root_[source];
  if (value.place.kind == Place::Kind::kStorage) {
    Storage& storage = storages_[value.place.index];
    storage.last_reader = std::max(storage.last_reader, uses_.last_reader[id]);
  }
  return true;
}

// Shape, Size and arithmetic on them: the rule knows the contents already.
bool RegionBuilder::take_dims(const TypedNode& node, std::span<const std::optional<std::vector<Dim>>> dims) {
  const auto complete = [&](size_t i) {
    const DType dtype = node.outputs[i].dtype;
    return dims[i] && (dtype == DType::kInt64 || dtype == DType::kInt32) &&
           static_cast<int64_t>(dims[i]->size()) == node.outputs[i].shape.elements() &&
           std::all_of(dims[i]->begin(), dims[i]->end(), [](Dim d) { return d.is_known(); });
  };
  for (size_t i = 0; i < dims.size(); ++i)
    if (node.wanted[i] && !complete(i)) return false;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (!node.wanted[i]) continue;
    auto contents = Tensor::zeros(node.outputs[i].dtype, node.outputs[i].shape);
    if (!contents.ok()) return false;
    for (size_t d = 0; d < dims[i]->size(); ++d) {
      const int64_t size = (*dims[i])[d].size();
      if (node.outputs[i].dtype == DType::kInt64) contents->mutable_as<int64_t>()[d] = size;
      else contents->mutable_as<int32_t>()[d] = static_cast<int32_t>(size);
    }
    set_known(node.node->outputs[i], contents.take());
  }
  return true;
}

Result<bool> RegionBuilder::fold(const TypedNode& node) {
  const size_t bytes = node.output_bytes();
  if (!node.node->op->deterministic || !node.all_known() || bytes > kEvaluatedBytesMax) return false;
  if (evaluated_bytes_ + bytes > kEvaluatedTotalMax) return false;
  for (const LiveValue* input : node.inputs)
    if (input) TRY(environment_.packed->check(*input->known));
  auto contents = TRY(evaluate(environment_, node));
  evaluated_bytes_ += bytes;
  for (size_t i = 0; i < contents.size(); ++i)
    if (node.wanted[i]) set_known(node.node->outputs[i], std::move(contents[i]));
  return true;
}

const kernels::KernelRow* RegionBuilder::tuned_row(uint32_t node) const {
  const plan::Bucket* bucket = request_.bucket;
  if (!bucket || node >= bucket->tactics.size() || bucket->tactics[node] == plan::kUntuned) return nullptr;
  return kernels::find_row(environment_.tuned->tactic_names[bucket->tactics[node]]);
}

Result<void> RegionBuilder::add_step(const TypedNode& node, uint32_t index) {
  // Before sizes are added up: sums of what each fits the budget do not overflow.
  if (node.output_bytes() > environment_.budget.max())
    return too_large("its outputs take " + std::to_string(node.output_bytes()) + " bytes, more than the session may use (" +
                     std::to_string(environment_.budget.max()) +
                     "): raise the memory limit of the session, or use smaller shapes");
  const Operands operands(node);
  const PackedSource weights{environment_.packed.get(), {.graph = request_.graph, .node = index, .format = {}}, node.inputs};
  PendingStep step{.node = index, .inputs = node.node->inputs, .outputs = node.node->outputs};
  step.bound = TRY(choose_row(node.node->op->name, operands.context(environment_), tuned_row(index), weights));
  const int64_t in_place = step.bound.row->in_place ? in_place_input(node) : -1;
  std::vector<TensorType> input_types;
  for (const LiveValue* input : node.inputs) {
    input_types.push_back(input ? input->type : TensorType{});
    if (input) step.record.bytes += static_cast<double>(input->type.bytes());
  }
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (!node.wanted[i]) step.outputs[i] = plan::kNoValue;
    else place_output(node, i, i == 0 ? in_place : -1);
  }
  step.record.outputs = node.outputs;
  step.record.bytes += static_cast<double>(node.output_bytes());
  const ops::FlopsRule flops = node.node->op->flops;
  step.record.flops = flops            ? flops(node.node->attributes, input_types, node.outputs)
                      : node.wanted[0] ? static_cast<double>(node.outputs[0].shape.elements())
                                       : 0;
  steps_.push_back(std::move(step));
  return {};
}

// The input whose buffer output 0 may take over: same type, in this region's memory, read by nobody else and nobody later.
int64_t RegionBuilder::in_place_input(const TypedNode& node) const {
  const auto& inputs = node.node->inputs;
  if (!node.wanted[0]) return -1;
  const auto index = static_cast<int32_t>(node.node - graph_.nodes.data());
  for (size_t i = 0; i < std::min(inputs.size(), kInPlaceInputsMax); ++i) {
    const LiveValue* input = node.inputs[i];
    if (!input || input->place.kind != Place::Kind::kStorage || !(input->type == node.outputs[0])) continue;
    const auto shares = [&](const LiveValue* other) {
      return other && other->place.kind == Place::Kind::kStorage && other->place.index == input->place.index;
    };
    if (std::count_if(node.inputs.begin(), node.inputs.end(), shares) != 1) continue;
    if (storages_[input->place.index].last_reader <= index) return static_cast<int64_t>(i);
  }
  return -1;
}

void RegionBuilder::place_output(const TypedNode& node, size_t output, int64_t in_place) {
  LiveValue& value = values_[node.node->outputs[output]];
  const int32_t last_reader = uses_.last_reader[node.node->outputs[output]];
  if (in_place >= 0) {
    value.place = node.inputs[static_cast<size_t>(in_place)]->place;
    storages_[value.place.index].last_reader = last_reader;
    return;
  }
  value.place = Place::storage(static_cast<uint32_t>(storages_.size()));
  storages_.push_back({.bytes = value.type.bytes(), .last_reader = last_reader});
}

Result<std::unique_ptr<Region>> build_region(RegionRequest request) { return RegionBuilder(std::move(request)).build(); }

}  // namespace tercel::engine
