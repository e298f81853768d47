#pragma once

#include <nanobind/nanobind.h>

namespace tercel::python {

// compile() of a path or of bytes, as `tercel compile` does it; and is_plan_file().
void add_compile(nanobind::module_& module);

}  // namespace tercel::python
