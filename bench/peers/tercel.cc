#include "base/version.h"
#include "driver/driver.h"
#include "engine/session.h"
#include "plan/plan.h"

namespace tercel::peers {
namespace {

class TercelEngine : public Engine {
 public:
  std::string name() const override { return "tercel"; }
  std::string version() const override { return std::string(kVersion); }
  std::string isa() const override { return std::string(platform::isa_name(platform::host_isa())); }
  Result<void> load(const EngineOptions&) override { return {}; }

  Result<void> open(const EngineOptions& options, std::span<const Port> inputs, std::span<const Port> outputs) override {
    engine::SessionOptions session_options;
    session_options.threads = options.threads;
    session_ = TRY(engine::Session::open(TRY(plan::open(options.model)), session_options));
    const plan::ProgramGraph& graph = session_->program().main();
    std::vector<Shape> shapes;
    for (const plan::ValueId id : graph.inputs) {
      const Port& port = *TRY(find(inputs, graph.values[id].name));
      shapes.emplace_back(std::span(port.shape));
      inputs_.push_back({{port.dtype, shapes.back()}, port.data.get()});
    }
    for (const plan::ValueId id : graph.outputs) buffers_.push_back(TRY(find(outputs, graph.values[id].name))->data.get());
    binding_ = TRY(session_->bind(shapes));
    views_.resize(buffers_.size());
    return {};
  }

  Result<void> run() override { return session_->run(*binding_, inputs_, buffers_, views_); }

 private:
  static Result<const Port*> find(std::span<const Port> ports, const std::string& name) {
    for (const Port& port : ports)
      if (port.name == name) return &port;
    return not_found("the plan has '" + name + "', which no --input or --output names");
  }

  std::unique_ptr<engine::Session> session_;
  const engine::Binding* binding_ = nullptr;
  std::vector<engine::InputView> inputs_;
  std::vector<void*> buffers_;
  std::vector<engine::OutputView> views_;
};

}  // namespace
}  // namespace tercel::peers

int main(int argc, char** argv) {
  tercel::peers::TercelEngine engine;
  return tercel::peers::drive(engine, argc, argv);
}
