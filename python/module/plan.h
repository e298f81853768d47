#pragma once

#include <nanobind/nanobind.h>

#include <memory>
#include <string>
#include <vector>

#include "plan/program.h"

namespace tercel::python {

// An opened plan, immutable: what tercel.Plan is. Sessions share it.
struct Plan {
  std::shared_ptr<const plan::Program> program;
  std::string path;  // empty for one that lives in memory only
};

// tercel.types.TensorInfo of each input or output: name, dtype's name, extents as int, symbol's name or None.
nanobind::list inputs_of(const plan::Program& program);
nanobind::list outputs_of(const plan::Program& program);

void add_plan(nanobind::module_& module);

}  // namespace tercel::python
