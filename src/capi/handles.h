#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "engine/session.h"
#include "engine/turn.h"
#include "tercel/tercel.h"

// What the opaque handles of tercel.h hold.

struct tercel_plan {
  std::shared_ptr<const tercel::plan::Program> program;
  std::vector<tercel::plan::InputRange> ranges;
};

namespace tercel::capi {

using engine::Turn;

struct SharedSession {
  std::unique_ptr<engine::Session> session;
  std::atomic<bool> busy{false};  // the engine refuses a second thread too, but its sentence is allocated
};

}  // namespace tercel::capi

struct tercel_session {
  std::shared_ptr<tercel::capi::SharedSession> shared;
};

struct tercel_binding {
  std::shared_ptr<tercel::capi::SharedSession> shared;
  const tercel::engine::Binding* bound = nullptr;  // held
  std::vector<tercel::engine::InputView> inputs;
  std::vector<void*> buffers;
  std::vector<tercel::TensorType> output_types;
  std::vector<tercel::engine::OutputView> outputs;  // of the last run
  std::vector<tercel::engine::Session::StepInfo> steps;
  std::atomic<bool> cancel{false};

  tercel_binding() = default;
  ~tercel_binding();
  tercel_binding(const tercel_binding&) = delete;
  tercel_binding& operator=(const tercel_binding&) = delete;
};
