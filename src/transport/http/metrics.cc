#include "transport/http/metrics.h"

#include <functional>

#include "base/version.h"
#include "observe/log.h"
#include "observe/process.h"
#include "observe/prometheus.h"
#include "transport/http/route.h"

namespace tercel::transport::http {
namespace {

using observe::PrometheusWriter;
using request::Stage;
using serve::Outcome;

// Calls f(served, model, version) for everything that serves.
void for_each_served(const serve::Catalogue& catalogue, auto&& f) {
  for (const auto& entry : catalogue.snapshot().models) {
    for (const auto& served : catalogue.ready(entry.first)) f(*served, entry.first, std::to_string(served->version->number));
  }
}

void write_models(PrometheusWriter& w, const serve::Catalogue& catalogue) {
  w.family("tercel_requests_total", "counter", "Inference requests of known models, by how they ended.");
  for_each_served(catalogue, [&](const serve::Served& s, const std::string& model, const std::string& version) {
    for (size_t i = 0; i < serve::kOutcomeCount; ++i) {
      const auto outcome = static_cast<Outcome>(i);
      w.sample({{"model", model}, {"version", version}, {"outcome", serve::outcome_name(outcome)}}, s.statistics.count(outcome));
    }
  });
  w.family("tercel_variant_answers_total", "counter", "Answers of models with a ladder, by the variant that computed them.");
  for_each_served(catalogue, [&](const serve::Served& s, const std::string& model, const std::string& version) {
    const auto& variants = s.version->opened.variants;
    for (uint32_t i = 0; i < variants.size(); ++i)
      if (!variants[i].name.empty())
        w.sample({{"model", model}, {"version", version}, {"variant", variants[i].name}}, s.statistics.answers_by(i));
  });
  w.family("tercel_request_duration_seconds", "histogram", "Answered requests, from their first byte in to their last byte out.");
  for_each_served(catalogue, [&](const serve::Served& s, const std::string& model, const std::string& version) {
    w.histogram({{"model", model}, {"version", version}}, s.statistics.duration().read());
  });
  w.family("tercel_stage_duration_seconds", "histogram", "The same by stage; the stages of a request add up to its duration.");
  for_each_served(catalogue, [&](const serve::Served& s, const std::string& model, const std::string& version) {
    for (size_t i = 0; i < request::kStageCount; ++i) {
      const auto stage = static_cast<Stage>(i);
      w.histogram({{"model", model}, {"version", version}, {"stage", request::stage_name(stage)}},
                  s.statistics.stage(stage).read());
    }
  });
  w.family("tercel_deadline_requests_total", "counter",
           "Requests with a deadline that were not refused, by class and by whether the answer was out in time.");
  for_each_served(catalogue, [&](const serve::Served& s, const std::string& model, const std::string& version) {
    for (size_t i = 0; i < request::kClassCount; ++i) {
      const auto c = static_cast<request::Class>(i);
      for (const bool met : {true, false})
        w.sample({{"model", model}, {"version", version}, {"class", request::class_name(c)}, {"met", met ? "true" : "false"}},
                 s.statistics.deadlines(c, met));
    }
  });
  w.family("tercel_deadline_slack_seconds", "histogram", "What was left of the deadline when the answer was out in time.");
  for_each_served(catalogue, [&](const serve::Served& s, const std::string& model, const std::string& version) {
    w.histogram({{"model", model}, {"version", version}}, s.statistics.slack().read());
  });
  w.family("tercel_deadline_lateness_seconds", "histogram", "How late those were that missed it.");
  for_each_served(catalogue, [&](const serve::Served& s, const std::string& model, const std::string& version) {
    w.histogram({{"model", model}, {"version", version}}, s.statistics.lateness().read());
  });
  w.family("tercel_queue_depth", "gauge", "Requests that wait for an instance.");
  for_each_served(catalogue, [&](const serve::Served& s, const std::string& model, const std::string& version) {
    w.sample({{"model", model}, {"version", version}}, uint64_t{s.load().queued});
  });
  w.family("tercel_inflight", "gauge", "Requests that are computed right now.");
  for_each_served(catalogue, [&](const serve::Served& s, const std::string& model, const std::string& version) {
    w.sample({{"model", model}, {"version", version}}, uint64_t{s.load().computing});
  });
  w.family("tercel_model_ready", "gauge", "1 where the version serves, 0 where it could not be loaded.");
  for (const auto& [name, model] : catalogue.snapshot().models) {
    for (const auto& version : model.versions) {
      const bool ready = version->state == registry::State::kReady;
      w.sample({{"model", name}, {"version", std::to_string(version->number)}}, uint64_t{ready});
    }
  }
}

// Triton's names: counters in microseconds, one sample per model version.
void write_triton_aliases(PrometheusWriter& w, const serve::Catalogue& catalogue) {
  const auto stage_us = [](const serve::Served& s, Stage stage) { return s.statistics.stage(stage).read().sum_ns / 1000; };
  struct Alias {
    std::string_view name, type, help;
    std::function<uint64_t(const serve::Served&)> value;
  };
  const Alias aliases[] = {
      {"nv_inference_request_success", "counter", "Number of successful inference requests",
       [](const auto& s) { return s.statistics.answers(); }},
      {"nv_inference_request_failure", "counter", "Number of failed inference requests",
       [](const auto& s) { return s.statistics.failures(); }},
      {"nv_inference_count", "counter", "Number of inferences performed", [](const auto& s) { return s.statistics.answers(); }},
      {"nv_inference_exec_count", "counter", "Number of model executions performed",
       [](const auto& s) { return s.load().batches; }},
      {"nv_inference_pending_request_count", "gauge", "Number of requests that wait for execution",
       [](const auto& s) { return uint64_t{s.load().queued}; }},
      {"nv_inference_request_duration_us", "counter", "Cumulative inference request duration in microseconds",
       [](const auto& s) { return s.statistics.duration().read().sum_ns / 1000; }},
      {"nv_inference_queue_duration_us", "counter", "Cumulative queueing duration in microseconds",
       [&](const auto& s) { return stage_us(s, Stage::kQueue); }},
      {"nv_inference_compute_input_duration_us", "counter", "Cumulative input processing duration in microseconds",
       [&](const auto& s) { return stage_us(s, Stage::kParse); }},
      {"nv_inference_compute_infer_duration_us", "counter", "Cumulative compute duration in microseconds",
       [&](const auto& s) { return stage_us(s, Stage::kCompute); }},
      {"nv_inference_compute_output_duration_us", "counter", "Cumulative output processing duration in microseconds",
       [&](const auto& s) { return stage_us(s, Stage::kSerialise); }},
  };
  for (const auto& alias : aliases) {
    w.family(alias.name, alias.type, alias.help);
    for_each_served(catalogue, [&](const serve::Served& s, const std::string& model, const std::string& version) {
      w.sample({{"model", model}, {"version", version}}, alias.value(s));
    });
  }
}

void write_http(PrometheusWriter& w, const Counters& counters) {
  w.family("tercel_http_replies_total", "counter", "HTTP replies by class of status.");
  for (size_t i = 2; i < counters.replies.size(); ++i) {
    const std::string status = std::to_string(i) + "xx";
    w.sample({{"status", status}}, counters.replies[i].value());
  }
  w.family("tercel_http_connections_total", "counter", "Connections, by whether there was room for them.");
  w.sample({{"outcome", "accepted"}}, counters.connections_accepted.value());
  w.sample({{"outcome", "refused"}}, counters.connections_refused.value());
  w.family("tercel_http_connections", "gauge", "Open connections.");
  w.sample({}, static_cast<uint64_t>(counters.connections_open.load()));
  w.family("tercel_http_timeouts_total", "counter", "Connections that were closed for being too slow; idle ones do not count.");
  w.sample({}, counters.timeouts.value());
  w.family("tercel_http_received_bytes_total", "counter", "Bytes received.");
  w.sample({}, counters.bytes_received.value());
  w.family("tercel_http_sent_bytes_total", "counter", "Bytes sent.");
  w.sample({}, counters.bytes_sent.value());
}

void write_process(PrometheusWriter& w, const serve::Server& server) {
  w.family("tercel_build_info", "gauge", "Always 1.");
  w.sample({{"version", kVersion}}, uint64_t{1});
  w.family("tercel_ready", "gauge", "What v2/health/ready says.");
  w.sample({}, uint64_t{server.is_ready()});
  w.family("tercel_log_lines_dropped_total", "counter", "Log lines that were dropped because stderr was too slow.");
  w.sample({}, observe::log_lines_dropped());
  const auto usage = observe::process_usage();
  w.family("process_resident_memory_bytes", "gauge", "Resident memory.");
  w.sample({}, usage.resident_bytes);
  w.family("process_cpu_seconds_total", "counter", "User and system time.");
  w.sample({}, usage.cpu_seconds);
  w.family("process_open_fds", "gauge", "Open file descriptors.");
  w.sample({}, usage.open_files);
}

void write_traces(PrometheusWriter& w, const observe::trace::Tracer& tracer) {
  w.family("tercel_trace_spans_exported_total", "counter", "Spans that the collector took.");
  w.sample({}, tracer.spans_exported());
  w.family("tercel_trace_spans_dropped_total", "counter", "Spans that were dropped, by why: no room to wait, or not taken.");
  w.sample({{"reason", "queue_full"}}, tracer.spans_dropped_full());
  w.sample({{"reason", "export_failed"}}, tracer.spans_dropped_failed());
}

}  // namespace

Result<MetricNames> metric_names(std::string_view query, MetricNames otherwise) {
  const auto value = query_value(query, "names");
  if (!value) return otherwise;
  if (*value == "tercel") return MetricNames::kTercel;
  if (*value == "triton") return MetricNames::kTriton;
  if (*value == "all") return MetricNames::kAll;
  return invalid("names is none of tercel, triton and all, as in metrics?names=triton");
}

void write_metrics(const serve::Server& server, const Counters& counters, const observe::trace::Tracer* tracer, MetricNames names,
                   std::string& out) {
  out.clear();
  PrometheusWriter writer(out);
  const auto catalogue = server.catalogue();
  if (names != MetricNames::kTriton) {
    write_process(writer, server);
    write_http(writer, counters);
    if (tracer) write_traces(writer, *tracer);
    write_models(writer, *catalogue);
  }
  if (names != MetricNames::kTercel) write_triton_aliases(writer, *catalogue);
}

}  // namespace tercel::transport::http
