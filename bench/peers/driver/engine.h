#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "driver/port.h"

namespace tercel::peers {

struct EngineOptions {
  std::string model;     // the file: .onnx, or a plan for Tercel
  std::string library;   // of ONNX Runtime
  std::string prepared;  // what the peer makes of the model ahead of time: opened if the file exists, else made; empty: none
  int threads = 1;
  bool spin = true;  // ONNX Runtime: helpers spin between runs, its default
  bool pin = true;   // OpenVINO: threads are pinned during a run, its default under the latency hint
  // Symbolic dimensions of the file and their extents.
  std::vector<std::pair<std::string, int64_t>> dimensions;
};

// One inference engine as the driver sees it. Each is called in this order, on one thread: load, open, run...
class Engine {
 public:
  virtual ~Engine() = default;
  virtual std::string name() const = 0;
  // Makes the library ready, before the clock starts.
  virtual Result<void> load(const EngineOptions& options) = 0;
  virtual std::string version() const = 0;
  virtual std::string isa() const { return ""; }
  // From the model's file to a session that can run the shapes of the ports, whose buffers stay where they are.
  virtual Result<void> open(const EngineOptions& options, std::span<const Port> inputs, std::span<const Port> outputs) = 0;
  // From the inputs' buffers into the outputs' buffers.
  virtual Result<void> run() = 0;
};

}  // namespace tercel::peers
