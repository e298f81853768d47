#include "module/session.h"

#include <nanobind/stl/optional.h>

#include "engine/profile.h"
#include "module/bound.h"
#include "module/errors.h"
#include "module/plan.h"
#include "module/turn.h"

namespace tercel::python {

namespace nb = nanobind;

namespace {

std::shared_ptr<SessionState> open(const Plan& plan, int threads, size_t memory_bytes_max, bool check_numerics,
                                   bool lock_memory) {
  if (threads < 0)
    raise(invalid("threads: " + std::to_string(threads) + " is not a number of threads; 0 takes all of this process's"));
  engine::SessionOptions options;
  options.threads = threads;
  options.memory_bytes_max = memory_bytes_max;
  options.check_numerics = check_numerics;
  options.lock_memory = lock_memory;
  auto state = std::make_shared<SessionState>();
  state->engine = take(engine::Session::open(plan.program, options));
  for (const plan::InputRange& range : engine::ranges_of(*plan.program)) state->inputs.push_back({range.name, range.dtype});
  const plan::ProgramGraph& graph = plan.program->main();
  for (const plan::ValueId id : graph.outputs) state->outputs.push_back({graph.values[id].name, graph.values[id].type.dtype});
  return state;
}

nb::list steps_list(const std::vector<engine::Session::StepInfo>& steps) {
  const nb::object type = nb::module_::import_("tercel.types").attr("Step");
  nb::list list;
  for (const auto& step : steps) list.append(type(text(step.node), text(step.op), text(step.tactic), step.flops, step.bytes));
  return list;
}

class Session {
 public:
  Session(const Plan& plan, int threads, size_t memory_bytes_max, bool check_numerics, bool lock_memory)
      : plan_(plan),
        state_(open(plan, threads, memory_bytes_max, check_numerics, lock_memory)),
        threads_(state_->engine->threads()),
        notice_(state_->engine->notice()) {}

  nb::dict run(nb::handle inputs) const {
    Bound bound(state_, inputs, nb::none(), false);
    bound.run();
    return bound.arrays();
  }

  Bound bind(nb::handle inputs, nb::handle outputs) const { return Bound(state_, inputs, outputs, true); }

  nb::list steps() const {
    const Turn turn(state_->busy);
    if (!state_->engine) raise(invalid("this session is closed"));
    if (!state_->last) raise(invalid("no shapes are bound yet: call bind() or run() first"));
    return steps_list(state_->engine->steps(*state_->last));
  }

  // A Bound of this session keeps the state; the engine, its threads and memory end here.
  void close() {
    const Turn turn(state_->busy);
    state_->last = nullptr;
    state_->engine.reset();
  }

  const Plan& plan() const { return plan_; }
  int threads() const { return threads_; }
  const std::string& notice() const { return notice_; }

 private:
  Plan plan_;
  std::shared_ptr<SessionState> state_;
  int threads_;
  std::string notice_;
};

}  // namespace

void add_session(nb::module_& module) {
  nb::class_<Bound>(module, "Bound",
                    "Inputs and outputs resolved to addresses: made by Session.bind(), then run() again and again.")
      .def(
          "run", &Bound::run, nb::arg("deadline_us") = nb::none(),
          "Computes the outputs from what the inputs hold now. A run that has not begun its last step `deadline_us` microseconds "
          "from now stops with DeadlineError.")
      .def(
          "steps", [](const Bound& bound) { return steps_list(bound.steps()); }, "What a run does, in order.")
      .def_prop_ro("outputs", &Bound::outputs, "The output arrays by name, in the model's order.");
  nb::class_<Session>(module, "Session")
      .def(nb::init<const Plan&, int, size_t, bool, bool>(), nb::arg("plan"), nb::arg("threads"), nb::arg("memory_bytes_max"),
           nb::arg("check_numerics"), nb::arg("lock_memory"))
      .def("run", &Session::run, nb::arg("inputs"), "Computes the outputs, new arrays by name.")
      .def("bind", &Session::bind, nb::arg("inputs"), nb::arg("outputs") = nb::none(),
           "Resolves shapes and addresses once; what comes back runs without allocating.")
      .def("steps", &Session::steps, "What a run of the shapes used last does, in order.")
      .def("close", &Session::close, "Ends its threads and gives its memory back.")
      .def_prop_ro("plan", &Session::plan)
      .def_prop_ro("threads", &Session::threads)
      .def_prop_ro("notice", [](const Session& session) { return text(session.notice()); })
      .def_prop_ro("inputs", [](const Session& session) { return inputs_of(*session.plan().program); })
      .def_prop_ro("outputs", [](const Session& session) { return outputs_of(*session.plan().program); });
}

}  // namespace tercel::python
