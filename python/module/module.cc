#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include "base/version.h"
#include "custom/library.h"
#include "module/compile.h"
#include "module/errors.h"
#include "module/plan.h"
#include "module/session.h"

NB_MODULE(_tercel, module) {
  module.attr("__version__") = tercel::python::text(tercel::kVersion);
  module.def(
      "load_operators",
      [](const std::string& path) {
        const auto loaded = [&] {
          const nanobind::gil_scoped_release release;  // the library's start-up code may take its time
          return tercel::custom::load_operators(path);
        }();
        tercel::python::take(loaded);
      },
      nanobind::arg("path"));
  tercel::python::add_plan(module);
  tercel::python::add_compile(module);
  tercel::python::add_session(module);
}
