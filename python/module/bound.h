#pragma once

#include <nanobind/nanobind.h>

#include <memory>
#include <optional>
#include <vector>

#include "module/array.h"
#include "module/state.h"

namespace tercel::python {

// A session's plan with the memory of its inputs and outputs resolved: what tercel.Bound is. Keeps the arrays alive.
class Bound {
 public:
  // `inputs` and `outputs` as in_order() takes them; outputs that are not given get arrays of their own. Raises.
  Bound(std::shared_ptr<SessionState> state, nanobind::handle inputs, nanobind::handle outputs, bool aligned);

  // Reads the inputs, writes the outputs. Releases the GIL while it computes, and allocates nothing unless an output's size
  // depends on data: such an output is a new array after each run. Raises.
  void run(std::optional<double> deadline_us = std::nullopt);

  const nanobind::dict& arrays() const { return arrays_; }  // outputs by name; None before a run where the size depends on data
  nanobind::object outputs() const { return read_only_; }   // the same, read-only
  std::vector<engine::Session::StepInfo> steps() const;

 private:
  // Lets go of a bound shape; needs the GIL, which tells whether the session is closed, but no turn.
  struct Release {
    std::shared_ptr<SessionState> state;
    void operator()(const engine::Binding* binding) const;
  };
  using Held = std::unique_ptr<const engine::Binding, Release>;

  void take_inputs(nanobind::handle inputs);
  std::vector<std::optional<TensorType>> bind();  // the types of outputs whose size does not depend on data
  void take_outputs(nanobind::handle outputs, bool aligned);
  void place(size_t output, const std::optional<TensorType>& type, nanobind::handle given, bool aligned);
  void refuse_overlaps() const;
  engine::Session& engine() const;
  void copy_out(size_t output);

  std::shared_ptr<SessionState> state_;
  Held binding_;
  std::vector<Array> inputs_, outputs_;
  std::vector<Shape> shapes_;
  std::vector<engine::InputView> views_;
  std::vector<void*> buffers_;
  std::vector<engine::OutputView> answers_;
  std::vector<size_t> by_data_;  // outputs whose size depends on data
  nanobind::dict arrays_;
  nanobind::object read_only_;
};

}  // namespace tercel::python
