#pragma once

#include <string>

#include "serve/server.h"
#include "transport/http/counters.h"

namespace tercel::transport::http {

// The metrics page in Prometheus text: tercel_* in base units, and Triton's nv_inference_* names for existing dashboards.
// Replaces `out`.
void write_metrics(const serve::Server& server, const Counters& counters, std::string& out);

}  // namespace tercel::transport::http
