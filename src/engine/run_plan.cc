#include <cstdio>
#include <cstdlib>

#include "engine/profile.h"
#include "engine/session.h"
#include "plan/plan.h"
#include "platform/clock.h"

// tercel-run PLAN: the run half alone. Maps a plan, binds the smallest shapes it serves, runs it on zeros and says what came
// out and how long it took. It links nothing of the compile half, which tests/run_half_test.sh proves.
namespace tercel::engine {
namespace {

Result<std::vector<Tensor>> smallest_inputs(const plan::Program& program) {
  std::vector<Tensor> inputs;
  for (const plan::InputRange& range : ranges_of(program))
    inputs.push_back(TRY(Tensor::zeros(range.dtype, Shape(std::span(range.low)))));
  return inputs;
}

Result<void> run(const char* path) {
  const int64_t start = platform::now_ns();
  const auto session = TRY(Session::open(TRY(plan::open(path))));
  const std::vector<Tensor> inputs = TRY(smallest_inputs(session->program()));
  std::vector<Shape> shapes;
  std::vector<InputView> views;
  for (const Tensor& input : inputs) {
    shapes.push_back(input.shape());
    views.push_back({input.type(), input.data()});
  }
  const Binding& binding = *TRY(session->bind(shapes));
  const int64_t ready = platform::now_ns();
  std::vector<OutputView> outputs(session->output_types(binding).size());
  TRY(session->run(binding, views, {}, outputs));
  const int64_t first = platform::now_ns();
  TRY(session->run(binding, views, {}, outputs));
  const int64_t second = platform::now_ns();
  if (!session->notice().empty()) std::fprintf(stderr, "tercel-run: %s\n", session->notice().c_str());
  for (size_t i = 0; i < outputs.size(); ++i) {
    const plan::ProgramGraph& graph = session->program().main();
    std::printf("%s %s %s\n", graph.values[graph.outputs[i]].name.c_str(), std::string(dtype_name(outputs[i].type.dtype)).c_str(),
                to_string(outputs[i].type.shape).c_str());
  }
  std::printf("open %.1f us, first run %.1f us, next run %.1f us\n", static_cast<double>(ready - start) * 1e-3,
              static_cast<double>(first - ready) * 1e-3, static_cast<double>(second - first) * 1e-3);
  return {};
}

}  // namespace
}  // namespace tercel::engine

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: tercel-run PLAN\n");
    return 2;
  }
  const auto result = tercel::engine::run(argv[1]);
  if (result.ok()) return 0;
  std::fprintf(stderr, "tercel-run: %s\n", result.error().message().c_str());
  return 1;
}
