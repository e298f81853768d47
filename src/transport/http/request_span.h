#pragma once

#include "observe/trace/tracer.h"
#include "serve/job.h"
#include "serve/statistics.h"

namespace tercel::transport::http {

// What a span tells of an inference beyond its trace, its stages and its terms.
struct RequestEnd {
  serve::Outcome outcome = serve::Outcome::kOk;
  int http_status = 0;
  std::string_view model;   // as asked for, where none was found
  int64_t version = -1;     // none was found
  std::string_view reason;  // why it was not answered; empty when it was
};

// Hands the span of a sampled request that has just ended to the tracer. Allocates nothing.
void record_span(observe::trace::Tracer& tracer, const observe::trace::Context& context, const serve::Job& job,
                 const RequestEnd& end);

}  // namespace tercel::transport::http
