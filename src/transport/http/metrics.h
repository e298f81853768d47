#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "observe/trace/tracer.h"
#include "serve/server.h"
#include "transport/http/counters.h"

namespace tercel::transport::http {

// Which names the metrics page has: tercel_* in base units, Triton's nv_inference_* for dashboards that were made for it, or
// both.
enum class MetricNames : uint8_t { kTercel, kTriton, kAll };

// What /metrics?names=... asks for; `otherwise` where the query does not say.
Result<MetricNames> metric_names(std::string_view query, MetricNames otherwise);

// The metrics page in Prometheus text; `tracer` may be null. Replaces `out`.
void write_metrics(const serve::Server& server, const Counters& counters, const observe::trace::Tracer* tracer, MetricNames names,
                   std::string& out);

}  // namespace tercel::transport::http
