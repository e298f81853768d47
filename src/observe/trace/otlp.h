#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "observe/trace/span.h"

namespace tercel::observe::trace {

inline constexpr size_t kResourceAttributesMax = 128;  // of a server, in OTEL_RESOURCE_ATTRIBUTES

// What all spans of this process have in common: "service.name" and whatever its operator says.
using Resource = std::vector<std::pair<std::string, std::string>>;

// The body of an export: an ExportTraceServiceRequest of OTLP 1.x in its JSON form (ids in hex, 64-bit integers as text). Each
// Span becomes a server span, and one below it for each stage that took time: the laps of a stage put together, the stages in a
// row. Replaces `out`.
void write_export(const Resource& resource, std::span<const Span> spans, std::string& out);

}  // namespace tercel::observe::trace
