#include <openvino/c/openvino.h>

#include <filesystem>

#include "driver/driver.h"
#include "platform/mapped_file.h"

namespace tercel::peers {
namespace {

constexpr uint64_t kPreparedBytesMax = uint64_t{4} << 30;

Result<void> check(ov_status_e status, const char* what) {
  if (status == OK) [[likely]]
    return {};
  const char* message = ov_get_last_err_msg();
  return unsupported(std::string(what) + ": " + (message && *message ? message : ov_get_error_info(status)));
}

// What is opened stays until the process ends, which frees it.
class OpenVino : public Engine {
 public:
  std::string name() const override { return "openvino"; }
  std::string version() const override { return version_; }

  Result<void> load(const EngineOptions&) override {
    TRY(check(ov_core_create(&core_), "ov_core_create"));
    ov_core_version_list_t versions{};  // loads the CPU plugin, which must not count as opening the model
    TRY(check(ov_core_get_versions_by_device_name(core_, "CPU", &versions), "loading the CPU plugin"));
    if (versions.size > 0) version_ = versions.versions[0].version.buildNumber;
    return {};
  }

  Result<void> open(const EngineOptions& options, std::span<const Port> inputs, std::span<const Port> outputs) override {
    TRY(configure(options));
    ov_compiled_model_t* compiled = TRY(compiled_model(options, inputs));
    TRY(check(ov_compiled_model_create_infer_request(compiled, &request_), "ov_compiled_model_create_infer_request"));
    for (const Port& port : inputs) TRY(bind(port));
    for (const Port& port : outputs) TRY(bind(port));
    return {};
  }

  Result<void> run() override { return check(ov_infer_request_infer(request_), "ov_infer_request_infer"); }

 private:
  Result<void> configure(const EngineOptions& options) {
    const std::string threads = std::to_string(options.threads);
    const ov_property_t properties[] = {{ov_property_key_inference_num_threads, threads.c_str()},
                                        {ov_property_key_hint_performance_mode, "LATENCY"},
                                        {ov_property_key_num_streams, "1"},
                                        {ov_property_key_hint_inference_precision, "f32"},
                                        {ov_property_key_hint_enable_cpu_pinning, options.pin ? "YES" : "NO"},
                                        {"CPU_DENORMALS_OPTIMIZATION", "YES"}};
    return check(ov_core_set_properties(core_, "CPU", std::size(properties), properties), "ov_core_set_properties");
  }

  Result<ov_compiled_model_t*> compiled_model(const EngineOptions& options, std::span<const Port> inputs) {
    ov_compiled_model_t* compiled = nullptr;
    if (!options.prepared.empty() && std::filesystem::exists(options.prepared)) {
      file_ = TRY(platform::MappedFile::open(options.prepared, kPreparedBytesMax));
      const auto* content = reinterpret_cast<const char*>(file_->bytes().data());
      TRY(check(ov_core_import_model(core_, content, file_->bytes().size(), "CPU", &compiled), "ov_core_import_model"));
      return compiled;
    }
    ov_model_t* model = nullptr;
    TRY(check(ov_core_read_model(core_, options.model.c_str(), nullptr, &model), "ov_core_read_model"));
    TRY(reshape(model, inputs));
    TRY(check(ov_core_compile_model_props(core_, model, "CPU", 0, nullptr, &compiled), "ov_core_compile_model"));
    if (!options.prepared.empty())
      TRY(check(ov_compiled_model_export_model(compiled, options.prepared.c_str()), "ov_compiled_model_export_model"));
    return compiled;
  }

  // Fixed shapes are the fastest form of a model for OpenVINO.
  static Result<void> reshape(ov_model_t* model, std::span<const Port> inputs) {
    std::vector<const char*> names;
    std::vector<ov_partial_shape_t> shapes;
    for (const Port& port : inputs) {
      names.push_back(port.name.c_str());
      TRY(check(
          ov_partial_shape_create_static(static_cast<int64_t>(port.shape.size()), port.shape.data(), &shapes.emplace_back()),
          "shape"));
    }
    return check(ov_model_reshape(model, names.data(), shapes.data(), names.size()), "ov_model_reshape");
  }

  Result<void> bind(const Port& port) {
    ov_shape_t shape{};
    ov_tensor_t* tensor = nullptr;
    TRY(check(ov_shape_create(static_cast<int64_t>(port.shape.size()), port.shape.data(), &shape), "ov_shape_create"));
    const auto type = port.dtype == DType::kFloat32 ? F32 : I64;
    TRY(check(ov_tensor_create_from_host_ptr(type, shape, port.data.get(), &tensor), "ov_tensor_create_from_host_ptr"));
    return check(ov_infer_request_set_tensor(request_, port.name.c_str(), tensor), "ov_infer_request_set_tensor");
  }

  std::string version_;
  std::shared_ptr<const platform::MappedFile> file_;  // weights may stay in it
  ov_core_t* core_ = nullptr;
  ov_infer_request_t* request_ = nullptr;
};

}  // namespace
}  // namespace tercel::peers

int main(int argc, char** argv) {
  tercel::peers::OpenVino engine;
  return tercel::peers::drive(engine, argc, argv);
}
