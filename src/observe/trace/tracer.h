#pragma once

#include <cstdint>
#include <memory>
#include <thread>

#include "observe/trace/options.h"
#include "observe/trace/span.h"

namespace tercel::observe::trace {

// Where one request stands in its trace.
struct Context {
  TraceId trace;                  // not valid: nobody traces it
  uint64_t span = 0, parent = 0;  // of a sampled one
  bool is_sampled = false;
};

// Takes spans from request threads and sends them to a collector from a thread of its own, in batches. Request threads never
// wait: what the queue cannot hold, or no attempt could deliver, is dropped and counted. A collector that is down is logged once,
// and once more when it is back.
class Tracer {
 public:
  explicit Tracer(const Options& options);
  // Sends what waits, for as long as Options::flush, and gives the rest up.
  ~Tracer();
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  // A request begins; `parent` may be invalid. Any thread, allocates nothing.
  Context begin(const Parent& parent) const;
  // A sampled request has ended. Any thread, allocates nothing.
  void record(const Span& span);
  // What the destructor does, for a process that is about to end without it. Once.
  void stop();

  uint64_t spans_exported() const;
  uint64_t spans_dropped_full() const;    // the queue was full
  uint64_t spans_dropped_failed() const;  // the collector did not take them

 private:
  class Exporter;

  const Sampler sampler_;
  const std::chrono::milliseconds flush_;
  const std::shared_ptr<Exporter> exporter_;  // shared with its thread, which a hanging name server may hold beyond stop()
  std::thread thread_;
};

// The same without a tracer: a request still knows the trace that it came with.
inline Context begin(const Tracer* tracer, const Parent& parent) {
  return tracer ? tracer->begin(parent) : Context{.trace = parent.trace};
}

}  // namespace tercel::observe::trace
