#pragma once

#include <nanobind/nanobind.h>

namespace tercel::python {

// compile_file() and compile_bytes(): the compile half, as `tercel compile` runs it; and is_plan_file().
void add_compile(nanobind::module_& module);

}  // namespace tercel::python
