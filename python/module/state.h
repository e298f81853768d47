#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "engine/session.h"

namespace tercel::python {

// An input or output of the main graph.
struct Port {
  std::string name;
  DType dtype;
};

// One engine session, shared by its tercel.Session and the tercel.Bound made of it. Used by one call at a time (turn.h).
struct SessionState {
  std::vector<Port> inputs, outputs;
  std::unique_ptr<engine::Session> engine;  // null once it is closed
  const engine::Binding* last = nullptr;    // the shapes used last; null before the first and after a failed bind
  std::atomic<bool> busy{false};
};

}  // namespace tercel::python
