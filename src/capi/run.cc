#include "capi/handles.h"
#include "capi/status.h"
#include "platform/clock.h"

namespace tercel::capi {
namespace {

tercel_status compute(tercel_binding& binding, const tercel_run_options& options, std::span<int64_t> step_ns,
                      tercel_error* error) {
  const Turn turn(binding.shared->busy);
  if (!turn.mine())
    return fail(error, TERCEL_BUSY, "this session is in use by another thread: give each thread a session of its own");
  for (size_t i = 0; i < binding.inputs.size(); ++i)
    if (!binding.inputs[i].data && binding.inputs[i].type.bytes() > 0)
      return fail(error, TERCEL_INVALID, "input %zu has no memory: call tercel_binding_set_input first", i);
  binding.cancel.store(false, std::memory_order_relaxed);
  const auto result =
      binding.shared->session->run(*binding.bound, binding.inputs, binding.buffers, binding.outputs,
                                   {.cancel = &binding.cancel, .deadline_ns = options.deadline_ns, .step_ns = step_ns});
  return result.ok() ? TERCEL_OK : fail(error, result.error());
}

tercel_status compute_timed(tercel_binding& binding, const tercel_run_options& options, tercel_error* error) {
  tercel_times times;
  if (!read_struct(options.times, times))
    return fail(error, TERCEL_INVALID, "struct_size of the times is not set: use TERCEL_INIT");
  times.start_ns = platform::now_ns();
  const auto status = compute(binding, options, {times.step_ns, times.step_ns ? times.step_capacity : 0}, error);
  times.end_ns = platform::now_ns();
  if (status == TERCEL_OK) write_struct(options.times, times);
  return status;
}

}  // namespace
}  // namespace tercel::capi

using tercel::capi::fail;

extern "C" {

tercel_status tercel_run(tercel_binding* binding, const tercel_run_options* options, tercel_error* error) {
  return tercel::capi::guarded(error, [&] {
    if (!binding) return fail(error, TERCEL_INVALID, "there is no binding to run");
    tercel_run_options wanted;
    if (!tercel::capi::read_struct(options, wanted))
      return fail(error, TERCEL_INVALID, "struct_size of the options is not set: use TERCEL_INIT");
    return wanted.times ? tercel::capi::compute_timed(*binding, wanted, error)
                        : tercel::capi::compute(*binding, wanted, {}, error);
  });
}

void tercel_cancel(tercel_binding* binding) {
  if (binding) binding->cancel.store(true, std::memory_order_relaxed);
}

}  // extern "C"
