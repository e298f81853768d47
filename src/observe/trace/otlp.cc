#include "observe/trace/otlp.h"

#include "base/json.h"
#include "base/utf8.h"
#include "base/version.h"

namespace tercel::observe::trace {
namespace {

// Values of the enumerations in OTLP's trace.proto.
constexpr int kKindInternal = 1, kKindServer = 2, kStatusError = 2;

void write_attribute(JsonWriter& json, std::string_view name, std::string_view value) {
  json.begin_object().field("key", well_formed_utf8(name)).key("value").begin_object();
  json.field("stringValue", well_formed_utf8(value)).end_object().end_object();
}

void write_attribute(JsonWriter& json, std::string_view name, int64_t value) {
  json.begin_object().field("key", name).key("value").begin_object();
  json.field("intValue", std::to_string(value)).end_object().end_object();
}

void write_ids(JsonWriter& json, const TraceId& trace, uint64_t id, uint64_t parent) {
  json.field("traceId", text_of(trace)).field("spanId", span_text(id));
  if (parent != 0) json.field("parentSpanId", span_text(parent));
}

void write_times(JsonWriter& json, int64_t start_unix_ns, int64_t ns) {
  json.field("startTimeUnixNano", std::to_string(start_unix_ns)).field("endTimeUnixNano", std::to_string(start_unix_ns + ns));
}

// Ids of the stages' spans follow from that of the request, so that no request has to draw them. Mixed as in SplitMix64.
uint64_t stage_id(uint64_t request, size_t stage) {
  uint64_t id = request + (stage + 1) * 0x9e3779b97f4a7c15;
  id = (id ^ id >> 30) * 0xbf58476d1ce4e5b9;
  id = (id ^ id >> 27) * 0x94d049bb133111eb;
  id ^= id >> 31;
  return id != 0 ? id : 1;
}

void write_attributes(JsonWriter& json, const Span& span) {
  json.key("attributes").begin_array();
  write_attribute(json, kModelAttribute, span.model.view());
  if (span.version >= 0) write_attribute(json, kVersionAttribute, std::to_string(span.version));
  write_attribute(json, kClassAttribute, span.request_class);
  write_attribute(json, kOutcomeAttribute, span.outcome);
  if (span.deadline_us != 0) {
    write_attribute(json, kDeadlineAttribute, span.deadline_us);
    write_attribute(json, kSlackAttribute, span.slack_us);
  }
  write_attribute(json, kStatusAttribute, int64_t{span.http_status});
  json.end_array();
}

void write_request(JsonWriter& json, const Span& span) {
  json.begin_object();
  write_ids(json, span.trace, span.id, span.parent);
  json.field("name", kRequestSpan).field("kind", kKindServer);
  write_times(json, span.start_unix_ns, span.total_ns);
  write_attributes(json, span);
  if (span.is_error) {
    std::string reason = well_formed_utf8(span.reason.view());
    if (reason.empty()) reason = "the answer was late by " + std::to_string(-span.slack_us) + " us";
    json.key("status").begin_object().field("code", kStatusError).field("message", reason).end_object();
  }
  json.end_object();
  int64_t start_ns = span.start_unix_ns;
  for (size_t i = 0; i < span.stages.size(); ++i) {
    const SpanStage& stage = span.stages[i];
    if (stage.ns <= 0) continue;
    json.begin_object();
    write_ids(json, span.trace, stage_id(span.id, i), span.id);
    json.field("name", stage.name).field("kind", kKindInternal);
    write_times(json, start_ns, stage.ns);
    json.end_object();
    start_ns += stage.ns;
  }
}

}  // namespace

void write_export(const Resource& resource, std::span<const Span> spans, std::string& out) {
  out.clear();
  JsonWriter json(out);
  json.begin_object().key("resourceSpans").begin_array().begin_object();
  json.key("resource").begin_object().key("attributes").begin_array();
  for (const auto& [name, value] : resource) write_attribute(json, name, value);
  json.end_array().end_object();
  json.key("scopeSpans").begin_array().begin_object();
  json.key("scope").begin_object().field("name", "tercel").field("version", kVersion).end_object();
  json.key("spans").begin_array();
  for (const Span& span : spans) write_request(json, span);
  json.end_array().end_object().end_array();
  json.end_object().end_array().end_object();
}

}  // namespace tercel::observe::trace
