#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "transport/http/limits.h"

namespace tercel::observe::trace {
class Tracer;
}

namespace tercel::transport::http {

struct HttpOptions {
  std::string address = "127.0.0.1";
  uint16_t port = 8000;         // 0: any free one
  int threads = 0;              // 0: half of the usable CPUs, at least 1; short requests are computed on these threads
  std::vector<int> cpus;        // that these threads may run on; empty: all
  bool triton_metrics = false;  // plain /metrics has Triton's names, too
  Limits limits;
  observe::trace::Tracer* tracer = nullptr;  // gets the spans of inferences; outlives the server
};

}  // namespace tercel::transport::http
