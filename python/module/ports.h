#pragma once

#include <nanobind/nanobind.h>

#include <span>
#include <vector>

#include "module/state.h"

namespace tercel::python {

// One object per port, in order, out of what a caller passes: a mapping by name, a sequence in order, or, when there is but
// one port, the array itself. With `partial`, None for ports that are absent; else a missing one raises InvalidError, as an
// unknown name does. `kind` is "input" or "output".
std::vector<nanobind::object> in_order(nanobind::handle given, std::span<const Port> ports, const char* kind, bool partial);

}  // namespace tercel::python
