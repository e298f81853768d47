#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "observe/trace/collector.h"
#include "observe/trace/otlp.h"
#include "observe/trace/sampler.h"

namespace tercel::observe::trace {

inline constexpr size_t kTraceQueueMax = 1 << 16;   // requests that wait to be sent (OTEL_BSP_MAX_QUEUE_SIZE)
inline constexpr int kTraceMsMax = 3'600'000;       // of OTEL_BSP_SCHEDULE_DELAY and OTEL_EXPORTER_OTLP_TIMEOUT
inline constexpr int kExportAttemptsMax = 5;        // of one batch, before it is dropped
inline constexpr int kExportBackoffMsMax = 30'000;  // between two of them

// How spans are sent. Queue and batches count requests: the spans of one stay together.
struct Options {
  Collector collector;
  Resource resource;
  SamplerOptions sampler;
  size_t queue_max = 2048, batch_max = 512;
  std::chrono::milliseconds delay{5'000};          // a request waits at most about that long for its batch to fill
  std::chrono::milliseconds timeout{10'000};       // of one attempt
  std::chrono::milliseconds first_backoff{1'000};  // doubles with each attempt
  std::chrono::milliseconds flush{2'000};          // of what waits when the server stops
};

// The value of an environment variable, or null.
using Environment = std::function<const char*(const char* name)>;

// What OpenTelemetry's environment variables ask for; nothing when they ask for no traces (no endpoint, OTEL_SDK_DISABLED, or an
// exporter or sampler that is off). A value that makes no sense is an error that names the variable.
Result<std::optional<Options>> options_from(const Environment& environment);

}  // namespace tercel::observe::trace
