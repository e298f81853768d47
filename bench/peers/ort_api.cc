#include "ort_api.h"

#include <dlfcn.h>

namespace tercel::peers {
namespace {

constexpr uint32_t kApiVersion = 5;  // the first that has every entry of OrtApi; later libraries serve it too
constexpr int kFailCode = 1;

// An entry of the table; becomes whatever function it is assigned to.
struct Entry {
  void* address;
  template <typename Function>
  operator Function*() const {
    return reinterpret_cast<Function*>(address);
  }
};

struct ApiBase {
  void* const* (*table)(uint32_t version);
  const char* (*version)();
};

OrtApi declare(void* const* t) {
  return {.create_status = Entry(t[0]),
          .error_message = Entry(t[2]),
          .create_env = Entry(t[3]),
          .create_session = Entry(t[7]),
          .create_session_options = Entry(t[10]),
          .save_optimized = Entry(t[11]),
          .set_optimization = Entry(t[23]),
          .set_intra_threads = Entry(t[24]),
          .set_inter_threads = Entry(t[25]),
          .create_run_options = Entry(t[39]),
          .create_tensor = Entry(t[49]),
          .create_cpu_memory_info = Entry(t[69]),
          .release_status = Entry(t[93]),
          .set_dimension = Entry(t[124]),
          .set_entry = Entry(t[130]),
          .run = Entry(t[133]),
          .create_binding = Entry(t[134]),
          .bind_input = Entry(t[136]),
          .bind_output = Entry(t[137])};
}

}  // namespace

Result<OrtApi> OrtApi::of(void* library) {
  const auto base = reinterpret_cast<const ApiBase* (*)()>(dlsym(library, "OrtGetApiBase"));
  if (base == nullptr) return unsupported("the library has no OrtGetApiBase: is it libonnxruntime.so?");
  void* const* table = base()->table(kApiVersion);
  if (table == nullptr) return unsupported("ONNX Runtime does not serve version 5 of its interface");
  OrtApi api = declare(table);
  api.version = base()->version();
  // A text that comes back through three entries says that the table is the one declared.
  Status* probe = api.create_status(kFailCode, "tercel");
  if (probe == nullptr || std::string(api.error_message(probe)) != "tercel")
    return unsupported("ONNX Runtime " + api.version + " has another function table than declared in ort_api.h");
  api.release_status(probe);
  return api;
}

Result<void> OrtApi::check(Status* status) const {
  if (status == nullptr) [[likely]]
    return {};
  const Error error = unsupported(error_message(status));
  release_status(status);
  return error;
}

}  // namespace tercel::peers
