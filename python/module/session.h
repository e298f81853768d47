#pragma once

#include <nanobind/nanobind.h>

namespace tercel::python {

// tercel.Bound and the class below tercel.Session, which tercel/session.py completes with what a model may be.
void add_session(nanobind::module_& module);

}  // namespace tercel::python
