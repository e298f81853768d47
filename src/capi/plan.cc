#include "plan/plan.h"

#include "capi/handles.h"
#include "capi/status.h"
#include "engine/profile.h"

namespace tercel::capi {
namespace {

tercel_status hand_out(Result<std::shared_ptr<const plan::Program>> program, tercel_plan** plan, tercel_error* error) {
  if (!program.ok()) return fail(error, program.error());
  auto opened = std::make_unique<tercel_plan>();
  opened->ranges = engine::ranges_of(**program);
  opened->program = program.take();
  *plan = opened.release();
  return TERCEL_OK;
}

void describe(const plan::ProgramValue& value, tercel_tensor_info& info) {
  info.name = value.name.c_str();
  info.dtype = static_cast<tercel_dtype>(value.type.dtype);
  info.rank = value.type.shape.rank();
  for (int i = 0; i < info.rank; ++i) {
    const Dim extent = value.type.shape[i];
    info.dims[i] = extent.is_known() ? extent.size() : -1;
    info.low[i] = extent.is_known() ? extent.size() : 0;
    info.high[i] = extent.is_known() ? extent.size() : -1;
  }
}

}  // namespace
}  // namespace tercel::capi

using tercel::capi::fail;
using tercel::capi::guarded;
using tercel::capi::hand_out;
using tercel::capi::write_struct;

extern "C" {

tercel_status tercel_plan_open(const char* path, tercel_plan** plan, tercel_error* error) {
  return guarded(error, [&] {
    if (!path || !plan) return fail(error, TERCEL_INVALID, "a path and a place for the plan are needed");
    *plan = nullptr;
    return hand_out(tercel::plan::open(path), plan, error);
  });
}

tercel_status tercel_plan_open_image(const void* image, size_t bytes, tercel_plan** plan, tercel_error* error) {
  return guarded(error, [&] {
    if (!image || !plan) return fail(error, TERCEL_INVALID, "an image and a place for the plan are needed");
    *plan = nullptr;
    if (reinterpret_cast<uintptr_t>(image) % tercel::kTensorAlignment != 0)
      return fail(error, TERCEL_INVALID, "the image starts at an address that is no multiple of %zu", tercel::kTensorAlignment);
    return hand_out(tercel::plan::parse({static_cast<const std::byte*>(image), bytes}, nullptr), plan, error);
  });
}

void tercel_plan_close(tercel_plan* plan) { delete plan; }

size_t tercel_plan_input_count(const tercel_plan* plan) { return plan ? plan->ranges.size() : 0; }

size_t tercel_plan_output_count(const tercel_plan* plan) { return plan ? plan->program->main().outputs.size() : 0; }

tercel_status tercel_plan_input(const tercel_plan* plan, size_t index, tercel_tensor_info* info) {
  if (!plan || index >= plan->ranges.size()) return TERCEL_NOT_FOUND;
  tercel_tensor_info known = {};
  tercel::capi::describe(plan->program->main().values[plan->program->main().inputs[index]], known);
  const tercel::plan::InputRange& range = plan->ranges[index];
  for (size_t i = 0; i < range.low.size(); ++i) {
    known.low[i] = range.low[i];
    known.high[i] = range.high[i];
    known.dims[i] = range.low[i] == range.high[i] ? range.low[i] : -1;
  }
  return write_struct(info, known) ? TERCEL_OK : TERCEL_INVALID;
}

tercel_status tercel_plan_output(const tercel_plan* plan, size_t index, tercel_tensor_info* info) {
  if (!plan || index >= plan->program->main().outputs.size()) return TERCEL_NOT_FOUND;
  tercel_tensor_info known = {};
  tercel::capi::describe(plan->program->main().values[plan->program->main().outputs[index]], known);
  return write_struct(info, known) ? TERCEL_OK : TERCEL_INVALID;
}

}  // extern "C"
