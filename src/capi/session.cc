#include "engine/session.h"

#include "capi/handles.h"
#include "capi/status.h"

using tercel::capi::fail;
using tercel::capi::read_struct;
using tercel::engine::Session;

extern "C" {

tercel_status tercel_session_open(tercel_plan* plan, const tercel_session_options* options, tercel_session** session,
                                  tercel_error* error) {
  return tercel::capi::guarded(error, [&] {
    tercel_session_options wanted;
    if (!plan || !session) return fail(error, TERCEL_INVALID, "a plan and a place for the session are needed");
    *session = nullptr;
    if (!read_struct(options, wanted))
      return fail(error, TERCEL_INVALID, "struct_size of the options is not set: use TERCEL_INIT");
    if (wanted.threads < 0) return fail(error, TERCEL_INVALID, "a session cannot have %d threads", wanted.threads);
    tercel::engine::SessionOptions chosen{
        .threads = wanted.threads, .check_numerics = wanted.check_numerics != 0, .lock_memory = wanted.lock_memory != 0};
    if (wanted.memory_bytes_max) chosen.memory_bytes_max = wanted.memory_bytes_max;
    auto opened = Session::open(plan->program, chosen);
    if (!opened.ok()) return fail(error, opened.error());
    auto shared = std::make_shared<tercel::capi::SharedSession>();
    shared->session = opened.take();
    *session = new tercel_session{std::move(shared)};
    return tercel_status{TERCEL_OK};
  });
}

void tercel_session_close(tercel_session* session) { delete session; }

int32_t tercel_session_threads(const tercel_session* session) { return session ? session->shared->session->threads() : 0; }

const char* tercel_session_notice(const tercel_session* session) {
  return session ? session->shared->session->notice().c_str() : "";
}

}  // extern "C"
