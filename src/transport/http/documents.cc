#include "transport/http/documents.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "base/json.h"
#include "base/version.h"
#include "request/datatype.h"

namespace tercel::transport::http {
namespace {

constexpr std::string_view kExtensions[] = {"binary_tensor_data", "model_configuration", "model_repository",
                                            "parameters",         "reservations",        "statistics"};

std::string text_of(auto number) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, number).ptr};
}

void write_dims(JsonWriter& json, std::string_view key, const std::vector<int64_t>& dims) {
  json.key(key).begin_array();
  for (const int64_t extent : dims) json.value(extent);
  json.end_array();
}

void write_tensors(JsonWriter& json, std::string_view key, const std::vector<request::TensorSignature>& tensors) {
  json.key(key).begin_array();
  for (const auto& tensor : tensors) {
    json.begin_object().field("name", tensor.name).field("datatype", request::datatype_name(tensor.dtype));
    write_dims(json, "shape", tensor.dims);
    json.end_object();
  }
  json.end_array();
}

void write_config_tensors(JsonWriter& json, std::string_view key, const std::vector<request::TensorSignature>& tensors) {
  json.key(key).begin_array();
  for (const auto& tensor : tensors) {
    json.begin_object().field("name", tensor.name).field("data_type", request::config_datatype_name(tensor.dtype));
    write_dims(json, "dims", tensor.dims);
    json.end_object();
  }
  json.end_array();
}

size_t instances_of(const registry::OpenedModel& model) {
  size_t count = 0;
  for (const auto& group : model.variants[0].groups) count += group.instances.size();
  return count;
}

void write_duration(JsonWriter& json, std::string_view key, uint64_t count, uint64_t ns) {
  json.key(key).begin_object().field("count", count).field("ns", ns).end_object();
}

void write_stage(JsonWriter& json, std::string_view key, const serve::Statistics& statistics, request::Stage stage) {
  const auto reading = statistics.stage(stage).read();
  write_duration(json, key, reading.count, reading.sum_ns);
}

// Of a ladder. Not one of Triton's fields; its clients pass over what they don't know.
void write_variant_statistics(JsonWriter& json, const serve::Served& served) {
  const auto& variants = served.version->opened.variants;
  if (variants[0].name.empty()) return;
  json.key("variants").begin_array();
  for (uint32_t i = 0; i < variants.size(); ++i) {
    json.begin_object().field("name", variants[i].name).field("accuracy", variants[i].accuracy);
    json.field("inference_count", served.statistics.answers_by(i)).end_object();
  }
  json.end_array();
}

// "key": {"string_value": "text"}, as Triton's parameters are.
void write_parameter(JsonWriter& json, std::string_view key, std::string_view text) {
  json.key(key).begin_object().field("string_value", text).end_object();
}

// What a ladder offers: `variants` names them, the most accurate first, `variant.<name>.accuracy` and so on say what they are.
void write_ladder(JsonWriter& json, const std::vector<registry::OpenedVariant>& variants) {
  if (variants[0].name.empty()) return;
  std::string names;
  for (const auto& variant : variants) names += (names.empty() ? "" : ",") + variant.name;
  write_parameter(json, "variants", names);
  for (const auto& variant : variants) {
    const std::string about = "variant." + variant.name + ".";
    write_parameter(json, about + "accuracy", text_of(variant.accuracy));
    if (variant.interval) {
      write_parameter(json, about + "accuracy_low", text_of(variant.interval->low));
      write_parameter(json, about + "accuracy_high", text_of(variant.interval->high));
    }
    if (!variant.recipe.empty()) write_parameter(json, about + "recipe", variant.recipe);
    if (const auto* cost = registry::one_row_of(variant)) write_parameter(json, about + "p50_us", text_of(cost->p50_ns / 1000));
  }
}

// Triton's names: its "compute input" is what we call parse, its "compute output" what we call serialise.
void write_version_statistics(JsonWriter& json, const serve::Served& served) {
  using request::Stage;
  const auto& statistics = served.statistics;
  const uint64_t answered = statistics.answers();
  json.begin_object().field("name", served.version->model).field("version", std::to_string(served.version->number));
  json.field("last_inference", statistics.last_request_ms())
      .field("inference_count", answered)
      .field("execution_count", served.load().batches);
  json.key("inference_stats").begin_object();
  const auto total = statistics.duration().read();
  write_duration(json, "success", total.count, total.sum_ns);
  write_duration(json, "fail", statistics.failures(), statistics.failure_ns());
  write_stage(json, "queue", statistics, Stage::kQueue);
  write_stage(json, "compute_input", statistics, Stage::kParse);
  write_stage(json, "compute_infer", statistics, Stage::kCompute);
  write_stage(json, "compute_output", statistics, Stage::kSerialise);
  write_duration(json, "cache_hit", 0, 0);
  write_duration(json, "cache_miss", 0, 0);
  json.end_object();
  json.key("batch_stats").begin_array().begin_object().field("batch_size", 1);
  write_stage(json, "compute_input", statistics, Stage::kParse);
  write_stage(json, "compute_infer", statistics, Stage::kCompute);
  write_stage(json, "compute_output", statistics, Stage::kSerialise);
  json.end_object().end_array();
  json.key("memory_usage").begin_array().end_array();
  write_variant_statistics(json, served);
  json.end_object();
}

}  // namespace

void write_server_metadata(std::string& out) {
  out.clear();
  JsonWriter json(out);
  json.begin_object().field("name", kServerName).field("version", kVersion).key("extensions").begin_array();
  for (const auto extension : kExtensions) json.value(extension);
  json.end_array().end_object();
}

void write_model_metadata(const serve::Served& served, const serve::Catalogue& catalogue, std::string& out) {
  out.clear();
  JsonWriter json(out);
  json.begin_object().field("name", served.version->model).key("versions").begin_array();
  for (const auto& ready : catalogue.ready(served.version->model)) json.value(std::to_string(ready->version->number));
  json.end_array().field("platform", served.version->opened.platform);
  write_tensors(json, "inputs", served.signature().inputs);
  write_tensors(json, "outputs", served.signature().outputs);
  json.end_object();
}

void write_model_config(const serve::Served& served, std::string& out) {
  out.clear();
  JsonWriter json(out);
  const auto& policy = served.version->settings.versions;
  json.begin_object()
      .field("name", served.version->model)
      .field("platform", served.version->opened.platform)
      .field("backend", "tercel");
  json.key("version_policy").begin_object();
  if (policy.kind == registry::VersionPolicy::Kind::kAll) json.key("all").begin_object().end_object();
  else if (policy.kind == registry::VersionPolicy::Kind::kLatest)
    json.key("latest").begin_object().field("num_versions", 1).end_object();
  else {
    write_dims(json.key("specific").begin_object(), "versions", policy.specific);
    json.end_object();
  }
  json.end_object().field("max_batch_size", 0);
  write_config_tensors(json, "input", served.signature().inputs);
  write_config_tensors(json, "output", served.signature().outputs);
  json.key("instance_group").begin_array().begin_object().field("name", served.version->model).field("kind", "KIND_CPU");
  json.field("count", instances_of(served.version->opened)).end_object().end_array();
  json.key("parameters").begin_object();
  write_ladder(json, served.version->opened.variants);
  json.end_object();
  json.end_object();
}

void write_statistics(const serve::Catalogue& catalogue, std::string_view model, std::optional<int64_t> version,
                      std::string& out) {
  out.clear();
  JsonWriter json(out);
  json.begin_object().key("model_stats").begin_array();
  for (const auto& entry : catalogue.snapshot().models) {
    if (!model.empty() && entry.first != model) continue;
    for (const auto& served : catalogue.ready(entry.first)) {
      if (!version || served->version->number == *version) write_version_statistics(json, *served);
    }
  }
  json.end_array().end_object();
}

void write_repository_index(const serve::Catalogue& catalogue, bool only_ready, std::string& out) {
  out.clear();
  JsonWriter json(out);
  json.begin_array();
  for (const auto& [name, model] : catalogue.snapshot().models) {
    if (model.versions.empty() && !only_ready) {
      json.begin_object().field("name", name).field("state", "UNAVAILABLE").field("reason", model.reason).end_object();
    }
    for (const auto& version : model.versions) {
      if (only_ready && version->state != registry::State::kReady) continue;
      json.begin_object().field("name", name).field("version", std::to_string(version->number));
      json.field("state", registry::state_name(version->state)).field("reason", version->reason).end_object();
    }
  }
  json.end_array();
}

namespace {

// "mostly queue: 12.3 of 15.1 ms"
std::string where_time_went(const serve::Flight& flight) {
  const auto longest = std::max_element(flight.stage_ns.begin(), flight.stage_ns.end());
  char text[96];
  std::snprintf(text, sizeof text, "mostly %s: %.3g of %.3g ms",
                request::stage_name(static_cast<request::Stage>(longest - flight.stage_ns.begin())).data(),
                request::milliseconds(*longest), request::milliseconds(flight.total_ns));
  return text;
}

void write_flights(JsonWriter& json, std::string_view key, const std::vector<serve::Flight>& flights) {
  json.key(key).begin_array();
  for (const serve::Flight& f : flights) {
    json.begin_object().field("model", f.model.view()).field("version", f.version).field("id", f.id.view());
    json.field("finished_ms", f.finished_ms).field("outcome", serve::outcome_name(f.outcome));
    json.field("class", request::class_name(f.request_class)).key("deadline_us");
    if (f.deadline_us == 0) json.null();
    else json.value(f.deadline_us);
    json.field("total_ms", request::milliseconds(f.total_ns)).key("stages_ms").begin_object();
    for (size_t i = 0; i < request::kStageCount; ++i)
      json.field(request::stage_name(static_cast<request::Stage>(i)), request::milliseconds(f.stage_ns[i]));
    json.end_object().field(
        "reason", f.reason.view().empty() ? where_time_went(f) : std::string(f.reason.view()) + "; " + where_time_went(f));
    json.end_object();
  }
  json.end_array();
}

}  // namespace

void write_flights(const serve::FlightRecorder::Reading& flights, std::string& out) {
  out.clear();
  JsonWriter json(out);
  json.begin_object();
  write_flights(json, "missed", flights.missed);
  write_flights(json, "slowest", flights.slowest);
  json.end_object();
}

}  // namespace tercel::transport::http
