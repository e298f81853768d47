#include "module/bound.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <optional>

#include "module/errors.h"
#include "module/ports.h"
#include "module/turn.h"
#include "platform/clock.h"

namespace tercel::python {

namespace nb = nanobind;

namespace {

std::string named(const char* kind, const Port& port) { return std::string(kind) + " '" + port.name + "'"; }

bool overlap(const Array& a, const Array& b) {
  const auto* first = static_cast<const std::byte*>(a.data);
  const auto* second = static_cast<const std::byte*>(b.data);
  const std::less<const std::byte*> before;
  return a.type.bytes() > 0 && b.type.bytes() > 0 && before(first, second + b.type.bytes()) &&
         before(second, first + a.type.bytes());
}

// On the clock of RunControl.
int64_t deadline_after(double microseconds) {
  if (!(microseconds >= 0))
    raise(invalid("deadline_us is " + std::to_string(microseconds) + ": give the microseconds left, 0 or more"));
  constexpr double kLongestUs = 1e12;  // eleven days
  return platform::now_ns() + static_cast<int64_t>(std::min(microseconds, kLongestUs) * 1e3);
}

}  // namespace

void Bound::Release::operator()(const engine::Binding* binding) const {
  if (state->engine) state->engine->release(*binding);
}

Bound::Bound(std::shared_ptr<SessionState> state, nb::handle inputs, nb::handle outputs, bool aligned)
    : state_(std::move(state)), binding_(nullptr, Release{state_}) {
  take_inputs(inputs);
  take_outputs(outputs, aligned);
  refuse_overlaps();
  read_only_ = nb::steal(PyDictProxy_New(arrays_.ptr()));
}

void Bound::take_inputs(nb::handle inputs) {
  const auto given = in_order(inputs, state_->inputs, "input", false);
  for (size_t i = 0; i < given.size(); ++i) {
    const Port& port = state_->inputs[i];
    inputs_.push_back(array_of(given[i], named("input", port), port.dtype, Access::kRead));
    shapes_.push_back(inputs_[i].type.shape);
    views_.push_back({inputs_[i].type, inputs_[i].data});
  }
}

// Raises when the session was closed. Needs the turn.
engine::Session& Bound::engine() const {
  if (!state_->engine) raise(invalid("this session is closed"));
  return *state_->engine;
}

std::vector<std::optional<TensorType>> Bound::bind() {
  const Turn turn(state_->busy);
  engine::Session& session = engine();
  state_->last = nullptr;  // binding may forget it
  const engine::Binding& bound = *take([&] {
    const nb::gil_scoped_release release;
    return session.bind(shapes_);
  }());
  session.hold(bound);
  binding_.reset(&bound);
  state_->last = &bound;
  std::vector<std::optional<TensorType>> types;
  for (const TensorType& type : session.output_types(bound))
    types.push_back(session.has_fixed_size(bound, types.size()) ? std::optional(type) : std::nullopt);
  return types;
}

void Bound::take_outputs(nb::handle outputs, bool aligned) {
  const auto given = in_order(outputs, state_->outputs, "output", true);
  const auto types = bind();
  outputs_.resize(given.size());
  buffers_.resize(given.size());
  answers_.resize(given.size());
  for (size_t i = 0; i < given.size(); ++i) place(i, types[i], given[i], aligned);
}

void Bound::place(size_t i, const std::optional<TensorType>& type, nb::handle given, bool aligned) {
  const Port& port = state_->outputs[i];
  const std::string what = named("output", port);
  if (!type) {
    if (!given.is_none())
      raise(invalid("the size of " + what + " depends on data: give no array for it, and read bound.outputs after each run"));
    by_data_.push_back(i);
    arrays_[text(port.name)] = nb::none();
    return;
  }
  const nb::object array = given.is_none() ? new_array(*type, aligned) : nb::borrow(given);
  outputs_[i] = array_of(array, what, type->dtype, Access::kWrite);
  if (!(outputs_[i].type == *type))
    raise(invalid(what + " is " + to_string(outputs_[i].type.shape) + " where these inputs make " + to_string(type->shape)));
  buffers_[i] = outputs_[i].data;
  arrays_[text(port.name)] = array;
}

void Bound::refuse_overlaps() const {
  for (size_t o = 0; o < outputs_.size(); ++o) {
    const std::string what = named("output", state_->outputs[o]) + " shares memory with ";
    for (size_t i = 0; i < inputs_.size(); ++i)
      if (buffers_[o] && overlap(outputs_[o], inputs_[i]))
        raise(invalid(what + named("input", state_->inputs[i]) + ": pass an array of its own"));
    for (size_t other = 0; other < o; ++other)
      if (buffers_[o] && buffers_[other] && overlap(outputs_[o], outputs_[other]))
        raise(invalid(what + named("output", state_->outputs[other]) + ": pass an array of its own"));
  }
}

void Bound::run(std::optional<double> deadline_us) {
  engine::RunControl control;
  if (deadline_us) control.deadline_ns = deadline_after(*deadline_us);
  const Turn turn(state_->busy);
  engine::Session& session = engine();
  state_->last = binding_.get();
  const Result<void> result = [&] {
    const nb::gil_scoped_release release;
    return session.run(*binding_, views_, buffers_, answers_, control);
  }();
  if (!result.ok()) raise(result.error());
  for (size_t output : by_data_) copy_out(output);
}

void Bound::copy_out(size_t output) {
  const engine::OutputView& answer = answers_[output];
  const nb::object array = new_array(answer.type, false);
  const Port& port = state_->outputs[output];
  const Array target = array_of(array, named("output", port), answer.type.dtype, Access::kWrite);
  if (answer.type.bytes() > 0) std::memcpy(target.data, answer.data, answer.type.bytes());
  arrays_[text(port.name)] = array;
}

std::vector<engine::Session::StepInfo> Bound::steps() const {
  const Turn turn(state_->busy);
  return engine().steps(*binding_);
}

}  // namespace tercel::python
