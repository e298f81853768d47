#include <dlfcn.h>

#include <filesystem>

#include "driver/driver.h"
#include "ort_api.h"

namespace tercel::peers {
namespace {

// What is opened stays until the process ends, which frees it.
class OnnxRuntime : public Engine {
 public:
  std::string name() const override { return "onnxruntime"; }
  std::string version() const override { return api_.version; }

  Result<void> load(const EngineOptions& options) override {
    void* library = dlopen(options.library.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return io_error("--library " + options.library + ": " + dlerror());
    api_ = TRY(OrtApi::of(library));
    TRY(api_.check(api_.create_env(OrtApi::kError, "tercel", &env_)));
    return {};
  }

  Result<void> open(const EngineOptions& options, std::span<const Port> inputs, std::span<const Port> outputs) override {
    OrtApi::SessionOptions* settings = TRY(session_options(options));
    const bool ready = !options.prepared.empty() && std::filesystem::exists(options.prepared);
    const std::string& model = ready ? options.prepared : options.model;
    if (ready) TRY(api_.check(api_.set_optimization(settings, OrtApi::kNone)));
    else if (!options.prepared.empty()) TRY(api_.check(api_.save_optimized(settings, options.prepared.c_str())));
    TRY(api_.check(api_.create_session(env_, model.c_str(), settings, &session_)));
    TRY(api_.check(api_.create_run_options(&run_options_)));
    TRY(api_.check(api_.create_binding(session_, &binding_)));
    OrtApi::MemoryInfo* memory = nullptr;
    TRY(api_.check(api_.create_cpu_memory_info(OrtApi::kDeviceAllocator, OrtApi::kDefaultMemory, &memory)));
    for (const Port& port : inputs) TRY(api_.check(api_.bind_input(binding_, port.name.c_str(), TRY(value_of(memory, port)))));
    for (const Port& port : outputs) TRY(api_.check(api_.bind_output(binding_, port.name.c_str(), TRY(value_of(memory, port)))));
    return {};
  }

  Result<void> run() override { return api_.check(api_.run(session_, run_options_, binding_)); }

 private:
  Result<OrtApi::SessionOptions*> session_options(const EngineOptions& options) {
    OrtApi::SessionOptions* settings = nullptr;
    TRY(api_.check(api_.create_session_options(&settings)));
    TRY(api_.check(api_.set_intra_threads(settings, options.threads)));
    TRY(api_.check(api_.set_inter_threads(settings, 1)));
    TRY(api_.check(api_.set_entry(settings, "session.set_denormal_as_zero", "1")));
    TRY(api_.check(api_.set_entry(settings, "session.intra_op.allow_spinning", options.spin ? "1" : "0")));
    for (const auto& [name, extent] : options.dimensions) TRY(api_.check(api_.set_dimension(settings, name.c_str(), extent)));
    return settings;
  }

  Result<OrtApi::Value*> value_of(const OrtApi::MemoryInfo* memory, const Port& port) {
    const auto type = port.dtype == DType::kFloat32 ? OrtApi::kFloat : OrtApi::kInt64;
    OrtApi::Value* value = nullptr;
    TRY(api_.check(
        api_.create_tensor(memory, port.data.get(), port.bytes(), port.shape.data(), port.shape.size(), type, &value)));
    return value;
  }

  OrtApi api_{};
  OrtApi::Env* env_ = nullptr;
  OrtApi::Session* session_ = nullptr;
  OrtApi::RunOptions* run_options_ = nullptr;
  OrtApi::Binding* binding_ = nullptr;
};

}  // namespace
}  // namespace tercel::peers

int main(int argc, char** argv) {
  tercel::peers::OnnxRuntime engine;
  return tercel::peers::drive(engine, argc, argv);
}
