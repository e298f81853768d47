#include "capi/handles.h"
#include "capi/status.h"
#include "engine/profile.h"

tercel_binding::~tercel_binding() {
  if (bound) shared->session->release(*bound);
}

namespace tercel::capi {
namespace {

constexpr const char* kBusy = "this session is in use by another thread: give each thread a session of its own";

Result<std::vector<Shape>> shapes_of(const plan::Program& program, const tercel_shape* shapes, size_t count) {
  std::vector<Shape> wanted;
  if (!shapes) {
    for (const plan::InputRange& range : engine::ranges_of(program)) {
      if (range.low != range.high)
        return invalid("input '" + range.name + "' has extents that the caller chooses: give one shape per input");
      wanted.emplace_back(std::span(range.low));
    }
    return wanted;
  }
  // Before the first of them is read: a count that is wrong says that the caller means another plan.
  if (count != program.main().inputs.size())
    return invalid("the plan has " + std::to_string(program.main().inputs.size()) + " inputs, not " + std::to_string(count) +
                   ": give one shape per input");
  for (size_t i = 0; i < count; ++i) {
    if (shapes[i].rank < 0 || shapes[i].rank > kRankMax)
      return invalid("shape " + std::to_string(i) + " has rank " + std::to_string(shapes[i].rank) + "; 0 to " +
                     std::to_string(kRankMax) + " are possible");
    for (int axis = 0; axis < shapes[i].rank; ++axis)
      if (shapes[i].dims[axis] < 0)
        return invalid("shape " + std::to_string(i) + " has extent " + std::to_string(shapes[i].dims[axis]) + " on axis " +
                       std::to_string(axis));
    wanted.emplace_back(std::span(shapes[i].dims, static_cast<size_t>(shapes[i].rank)));
  }
  return wanted;
}

tercel_status open_binding(const std::shared_ptr<SharedSession>& shared, const tercel_shape* shapes, size_t count,
                           tercel_binding** out, tercel_error* error) {
  engine::Session& session = *shared->session;
  const auto wanted = shapes_of(session.program(), shapes, count);
  if (!wanted.ok()) return fail(error, wanted.error());
  auto binding = std::make_unique<tercel_binding>();
  const Turn turn(shared->busy);
  if (!turn.mine()) return fail(error, TERCEL_BUSY, "%s", kBusy);
  const auto bound = session.bind(*wanted);
  if (!bound.ok()) return fail(error, bound.error());
  const auto ranges = engine::ranges_of(session.program());
  for (size_t i = 0; i < ranges.size(); ++i) binding->inputs.push_back({{ranges[i].dtype, (*wanted)[i]}, nullptr});
  const auto types = session.output_types(**bound);
  binding->output_types.assign(types.begin(), types.end());
  binding->buffers.resize(types.size());
  for (const TensorType& type : types) binding->outputs.push_back({type, nullptr});
  binding->steps = session.steps(**bound);
  session.hold(**bound);
  binding->bound = *bound;
  binding->shared = shared;
  *out = binding.release();
  return TERCEL_OK;
}

using Memory = std::span<const std::byte>;

Memory memory_of(const TensorType& type, const void* data) {
  return data ? Memory(static_cast<const std::byte*>(data), type.bytes()) : Memory();
}

bool overlap(Memory a, Memory b) {
  const auto start = reinterpret_cast<uintptr_t>(a.data()), other = reinterpret_cast<uintptr_t>(b.data());
  return start < other + b.size() && other < start + a.size();
}

// Whether the caller's memory suits a tensor of this type.
tercel_status check_memory(const char* what, size_t index, const TensorType& type, const void* data, size_t bytes,
                           tercel_error* error) {
  if (bytes != type.bytes())
    return fail(error, TERCEL_INVALID, "%s %zu takes %zu bytes, not %zu", what, index, type.bytes(), bytes);
  if (!data && bytes > 0) return fail(error, TERCEL_INVALID, "%s %zu has no data", what, index);
  if (reinterpret_cast<uintptr_t>(data) % dtype_size(type.dtype) != 0)
    return fail(error, TERCEL_INVALID, "the memory of %s %zu is not aligned to its elements of %zu bytes", what, index,
                dtype_size(type.dtype));
  return TERCEL_OK;
}

tercel_status set_input(tercel_binding& binding, size_t index, const void* data, size_t bytes, tercel_error* error) {
  engine::InputView& input = binding.inputs[index];
  if (const auto status = check_memory("input", index, input.type, data, bytes, error)) return status;
  for (size_t i = 0; i < binding.buffers.size(); ++i)
    if (overlap(memory_of(input.type, data), memory_of(binding.output_types[i], binding.buffers[i])))
      return fail(error, TERCEL_INVALID, "the memory of input %zu overlaps that of output %zu", index, i);
  input.data = data;
  return TERCEL_OK;
}

tercel_status set_output(tercel_binding& binding, size_t index, void* data, size_t bytes, tercel_error* error) {
  const TensorType& type = binding.output_types[index];
  if (!binding.shared->session->has_fixed_size(*binding.bound, index))
    return fail(error, TERCEL_INVALID, "the size of output %zu depends on data: read tercel_binding_output() after each run",
                index);
  if (const auto status = check_memory("output", index, type, data, bytes, error)) return status;
  for (size_t i = 0; i < binding.inputs.size(); ++i)
    if (overlap(memory_of(type, data), memory_of(binding.inputs[i].type, binding.inputs[i].data)))
      return fail(error, TERCEL_INVALID, "the memory of output %zu overlaps that of input %zu", index, i);
  for (size_t i = 0; i < binding.buffers.size(); ++i)
    if (i != index && overlap(memory_of(type, data), memory_of(binding.output_types[i], binding.buffers[i])))
      return fail(error, TERCEL_INVALID, "the memory of output %zu overlaps that of output %zu", index, i);
  binding.buffers[index] = data;
  return TERCEL_OK;
}

}  // namespace
}  // namespace tercel::capi

using tercel::capi::fail;
using tercel::capi::guarded;
using tercel::capi::Turn;
using tercel::capi::write_struct;

extern "C" {

tercel_status tercel_binding_open(tercel_session* session, const tercel_shape* shapes, size_t count, tercel_binding** binding,
                                  tercel_error* error) {
  return guarded(error, [&] {
    if (!session || !binding) return fail(error, TERCEL_INVALID, "a session and a place for the binding are needed");
    *binding = nullptr;
    return tercel::capi::open_binding(session->shared, shapes, count, binding, error);
  });
}

void tercel_binding_close(tercel_binding* binding) { delete binding; }

tercel_status tercel_binding_set_input(tercel_binding* binding, size_t index, const void* data, size_t bytes,
                                       tercel_error* error) {
  if (!binding || index >= binding->inputs.size()) return fail(error, TERCEL_NOT_FOUND, "there is no input %zu", index);
  const Turn turn(binding->shared->busy);
  if (!turn.mine()) return fail(error, TERCEL_BUSY, "%s", tercel::capi::kBusy);
  return tercel::capi::set_input(*binding, index, data, bytes, error);
}

tercel_status tercel_binding_set_output(tercel_binding* binding, size_t index, void* data, size_t bytes, tercel_error* error) {
  if (!binding || index >= binding->buffers.size()) return fail(error, TERCEL_NOT_FOUND, "there is no output %zu", index);
  const Turn turn(binding->shared->busy);
  if (!turn.mine()) return fail(error, TERCEL_BUSY, "%s", tercel::capi::kBusy);
  if (data || bytes) return tercel::capi::set_output(*binding, index, data, bytes, error);
  binding->buffers[index] = nullptr;
  return TERCEL_OK;
}

tercel_status tercel_binding_output(const tercel_binding* binding, size_t index, tercel_tensor* tensor) {
  if (!binding || index >= binding->outputs.size()) return TERCEL_NOT_FOUND;
  const tercel::engine::OutputView& view = binding->outputs[index];
  tercel_tensor known = {};
  known.dtype = static_cast<tercel_dtype>(view.type.dtype);
  known.rank = view.type.shape.rank();
  for (int i = 0; i < known.rank; ++i) known.dims[i] = view.type.shape[i].is_known() ? view.type.shape.size(i) : -1;
  known.data = const_cast<void*>(view.data);
  const bool is_known = view.data || binding->shared->session->has_fixed_size(*binding->bound, index);
  known.bytes = is_known ? view.type.bytes() : 0;
  return write_struct(tensor, known) ? TERCEL_OK : TERCEL_INVALID;
}

size_t tercel_binding_step_count(const tercel_binding* binding) { return binding ? binding->steps.size() : 0; }

tercel_status tercel_binding_step(const tercel_binding* binding, size_t index, tercel_step_info* info) {
  if (!binding || index >= binding->steps.size()) return TERCEL_NOT_FOUND;
  const tercel::engine::Session::StepInfo& step = binding->steps[index];
  const tercel_step_info known = {.struct_size = 0,
                                  .node = step.node.c_str(),
                                  .op = step.op.c_str(),
                                  .tactic = step.tactic.c_str(),
                                  .flops = step.flops,
                                  .bytes = step.bytes};
  return write_struct(info, known) ? TERCEL_OK : TERCEL_INVALID;
}

}  // extern "C"
