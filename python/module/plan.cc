#include "module/plan.h"

#include <nanobind/stl/filesystem.h>

#include "engine/profile.h"
#include "module/errors.h"
#include "plan/plan.h"

namespace tercel::python {

namespace nb = nanobind;

namespace {

nb::object info(std::string_view name, DType dtype, const nb::list& shape) {
  const nb::object type = nb::module_::import_("tercel.types").attr("TensorInfo");
  return type(text(name), text(dtype_name(dtype)), nb::tuple(shape));
}

nb::object extent(const plan::Program& program, Dim dim) {
  if (dim.is_known()) return nb::int_(dim.size());
  if (dim.is_symbol()) return text(program.symbols[static_cast<size_t>(dim.symbol_id())]);
  return nb::none();
}

nb::object extent(const plan::InputRange& range, size_t axis) {
  if (range.low[axis] == range.high[axis]) return nb::int_(range.low[axis]);
  if (axis < range.axis_names.size() && !range.axis_names[axis].empty()) return text(range.axis_names[axis]);
  return nb::none();
}

Plan open(const std::filesystem::path& path) {
  Result<std::shared_ptr<const plan::Program>> program = [&] {
    const nb::gil_scoped_release release;
    return plan::open(path.string());
  }();
  if (!program.ok()) raise(program.error());
  return {program.take(), path.string()};
}

uint64_t save(const Plan& plan, const std::filesystem::path& path) {
  Result<uint64_t> bytes = [&] {
    const nb::gil_scoped_release release;
    return plan::write(*plan.program, path.string());
  }();
  return take(std::move(bytes));
}

}  // namespace

nb::list inputs_of(const plan::Program& program) {
  nb::list inputs;
  for (const plan::InputRange& range : engine::ranges_of(program)) {
    nb::list shape;
    for (size_t axis = 0; axis < range.low.size(); ++axis) shape.append(extent(range, axis));
    inputs.append(info(range.name, range.dtype, shape));
  }
  return inputs;
}

nb::list outputs_of(const plan::Program& program) {
  nb::list outputs;
  for (const plan::ValueId id : program.main().outputs) {
    const plan::ProgramValue& value = program.main().values[id];
    nb::list shape;
    for (Dim dim : value.type.shape.dims()) shape.append(extent(program, dim));
    outputs.append(info(value.name, value.type.dtype, shape));
  }
  return outputs;
}

void add_plan(nb::module_& module) {
  nb::class_<Plan>(module, "Plan", "A compiled model: immutable, safe to share between threads and sessions.")
      .def_static("open", &open, nb::arg("path"), "Maps a plan file and checks it.")
      .def("save", &save, nb::arg("path"), "Writes the plan to a file, whole or not at all. Returns its size in bytes.")
      .def_prop_ro("path", [](const Plan& p) { return p.path.empty() ? nb::object(nb::none()) : nb::object(text(p.path)); })
      .def_prop_ro("inputs", [](const Plan& p) { return inputs_of(*p.program); })
      .def_prop_ro("outputs", [](const Plan& p) { return outputs_of(*p.program); })
      .def_prop_ro("compiler", [](const Plan& p) { return text(p.program->compiler); })
      .def_prop_ro("model_name", [](const Plan& p) { return text(p.program->model_name); })
      .def_prop_ro("model_digest", [](const Plan& p) { return text(p.program->model_digest); });
}

}  // namespace tercel::python
