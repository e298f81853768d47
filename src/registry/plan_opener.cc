#include "registry/plan_opener.h"

#include <algorithm>
#include <filesystem>

#include "plan/plan.h"
#include "platform/clock.h"
#include "platform/cpus.h"

namespace tercel::registry {
namespace {

inline constexpr int kWarmUpRuns = 5;

using Program = std::shared_ptr<const plan::Program>;

Result<Program> open_program(const std::string& directory, const ModelSettings& settings, const CompileOnnx& compile) {
  const std::string plan_path = directory + "/model.plan", onnx_path = directory + "/model.onnx";
  std::error_code failure;
  if (std::filesystem::exists(plan_path, failure)) return plan::open(plan_path);
  if (!std::filesystem::exists(onnx_path, failure)) return not_found(directory + " holds neither model.plan nor model.onnx");
  if (!compile) {
    return unsupported(onnx_path +
                       " is not compiled, and this server runs plans only: make a model.plan with 'tercel compile', or "
                       "use 'tercel serve'");
  }
  return compile(onnx_path, settings.profile);
}

std::vector<int64_t> dims_of(const Shape& shape) {
  std::vector<int64_t> dims;
  for (const Dim extent : shape.dims()) dims.push_back(extent.is_known() ? extent.size() : -1);
  return dims;
}

// The smallest shapes that the plan was made for.
std::vector<Shape> smallest_shapes(const plan::Program& program) {
  std::vector<Shape> shapes;
  for (const auto& range : program.profile) {
    Shape shape;
    for (size_t axis = 0; axis < range.low.size(); ++axis) {
      shape.push_back(range.low[axis] == 0 && range.high[axis] > 0 ? 1 : range.low[axis]);
    }
    shapes.push_back(shape);
  }
  return shapes;
}

// Runs on zeros; the fastest time counts, because the slower ones met cold caches.
Result<int64_t> warm_up(Instance& instance, const plan::Program& program) {
  const auto shapes = smallest_shapes(program);
  request::InferRequest request;
  request::InferReply reply;
  for (size_t i = 0; i < shapes.size(); ++i) {
    TRY(checked_elements(shapes[i]));
    const TensorType type{program.profile[i].dtype, shapes[i]};
    std::byte* const zeros = request.reserve(i, std::max<size_t>(type.bytes(), 1));
    if (!zeros) return Error(ErrorCode::kExhausted, "no memory for the warm-up");
    std::fill_n(zeros, type.bytes(), std::byte{0});
    request.inputs.push_back({type, zeros});
  }
  for (uint32_t i = 0; i < program.main().outputs.size(); ++i) request.outputs.push_back({i, true});
  int64_t fastest_ns = INT64_MAX;
  for (int run = 0; run < kWarmUpRuns; ++run) {
    const int64_t begun_ns = platform::now_ns();
    TRY(instance.run(request, reply));
    fastest_ns = std::min(fastest_ns, platform::now_ns() - begun_ns);
  }
  return std::max<int64_t>(fastest_ns, 1);
}

Result<OpenedModel> open_version(const std::string& directory, const ModelSettings& settings, const CompileOnnx& compile,
                                 const OpenerOptions& options) {
  const Program program = TRY(open_program(directory, settings, compile));
  OpenedModel model;
  model.platform = "tercel_plan";
  model.signature = signature_of(*program);
  const int share = std::max(1, platform::usable_cpus() / static_cast<int>(settings.instances));
  for (uint32_t i = 0; i < settings.instances; ++i) {
    auto session = TRY(
        engine::Session::open(program, {.threads = settings.threads > 0 ? settings.threads : share,
                                        .linger = false,  // the threads that receive and answer want the cores between requests
                                        .lock_memory = options.lock_memory}));
    if (i == 0) model.notice = session->notice();
    auto instance = make_instance(std::move(session));
    const auto warmed = warm_up(*instance, *program);
    if (warmed.ok()) model.compute_ns = *warmed;
    else if (options.lock_memory && warmed.error().code() == ErrorCode::kExhausted) return warmed.error();
    else if (model.notice.empty())
      model.notice = "a run on zeros failed, the first requests will be slow: " + warmed.error().message();
    model.instances.push_back(std::move(instance));
  }
  return model;
}

}  // namespace

request::Signature signature_of(const plan::Program& program) {
  request::Signature signature;
  for (const auto& range : program.profile) {
    request::TensorSignature tensor{range.name, range.dtype, {}};
    for (size_t axis = 0; axis < range.low.size(); ++axis)
      tensor.dims.push_back(range.low[axis] == range.high[axis] ? range.low[axis] : -1);
    signature.inputs.push_back(std::move(tensor));
  }
  for (const auto id : program.main().outputs) {
    const auto& value = program.main().values[id];
    signature.outputs.push_back({value.name, value.type.dtype, dims_of(value.type.shape)});
  }
  return signature;
}

Opener plan_opener(CompileOnnx compile, const OpenerOptions& options) {
  return [compile = std::move(compile), options](const std::string& directory, const ModelSettings& settings) {
    return open_version(directory, settings, compile, options);
  };
}

}  // namespace tercel::registry
