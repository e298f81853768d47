#include <nanobind/nanobind.h>

#include "base/version.h"
#include "module/compile.h"
#include "module/errors.h"
#include "module/plan.h"
#include "module/session.h"

NB_MODULE(_tercel, module) {
  module.attr("__version__") = tercel::python::text(tercel::kVersion);
  tercel::python::add_plan(module);
  tercel::python::add_compile(module);
  tercel::python::add_session(module);
}
