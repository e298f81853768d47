#include "transport/http/exchange.h"

#include <charconv>

#include "observe/log.h"
#include "tensor/tensor.h"
#include "transport/http/documents.h"
#include "transport/http/metrics.h"
#include "transport/http/request_span.h"
#include "transport/http/reservation_endpoint.h"

namespace tercel::transport::http {
namespace {

void append(std::string& out, auto number) {
  char text[32];
  out.append(text, std::to_chars(text, text + sizeof text, number).ptr);
}

// "Server-Timing: receive;dur=0.012, ...": milliseconds, of what was measured before the head of the answer was written.
void append_timing(std::string& out, const request::StageClock& clock) {
  out += "Server-Timing: ";
  for (size_t i = 0; i < request::kStageCount; ++i) {
    const auto stage = static_cast<request::Stage>(i);
    if (stage == request::Stage::kSend) continue;
    out.append(request::stage_name(stage)) += ";dur=";
    append(out, request::milliseconds(clock.spent_ns(stage)));
    out += ", ";
  }
  out += "total;dur=";
  append(out, request::milliseconds(clock.last_ns() - clock.started_ns()));
  out += "\r\n";
}

std::string_view name_of(Method method) { return method == Method::kGet ? "GET" : method == Method::kPost ? "POST" : "DELETE"; }

// "GET and POST"
std::string methods_of(const Route& route, std::string_view between) {
  std::string names(name_of(route.method));
  if (route.also) names.append(between).append(name_of(*route.also));
  return names;
}

// Towards minus infinity: what is late by a nanosecond is late.
int64_t floor_us(int64_t ns) { return ns >= 0 ? ns / 1000 : (ns - 999) / 1000; }

}  // namespace

Exchange::Exchange(Shared& shared, void (*done)(void*), void* owner)
    : shared_(shared), job_(&shared.memory), body_(&shared.memory), done_(done), owner_(owner) {
  job_.owner = this;
  job_.done = [](serve::Job& job) {
    auto* exchange = static_cast<Exchange*>(job.owner);
    exchange->done_(exchange->owner_);
  };
}

Exchange::BodyWanted Exchange::begin(const Head& head) {
  head_ = head;
  outcome_ = serve::Outcome::kOk;
  job_.terms = {};
  why_.set("");
  const bool closes = !head.keep_alive || shared_.server.is_draining();
  // Whoever waits for "100 Continue" and gets a refusal may or may not send the body: only a new connection is certain.
  reply_.close = closes || (head.expects_continue && head.content_length > 0);
  if (const auto refusal = find_route(head.target, route_)) return fail(refusal->status, refusal->message), BodyWanted::kDiscard;
  if (!route_.takes(head.method)) {
    fail(405, "this path takes " + methods_of(route_, " and "), "Allow: " + methods_of(route_, ", ") + "\r\n");
    return BodyWanted::kDiscard;
  }
  if (head.method == Method::kGet) return respond_document(), BodyWanted::kDiscard;
  if (!head.content_encoding.empty() && head.content_encoding != "identity") {
    fail(415, "compressed bodies are not taken: send the body as it is, without Content-Encoding");
    return BodyWanted::kDiscard;
  }
  if (route_.endpoint == Endpoint::kModelInfer) {
    trace_ = observe::trace::begin(shared_.options.tracer, head.trace_parent);
    if (const auto found = find_version(); !found.ok()) {
      outcome_ = serve::outcome_of(found.error().code());
      return fail(found.error()), BodyWanted::kDiscard;
    }
  }
  // The tensors begin behind the JSON: the body is placed so that the first one is aligned.
  body_offset_ = (kTensorAlignment - head.infer_header_length.value_or(0) % kTensorAlignment) % kTensorAlignment;
  // What is announced is not there yet: memory is taken as it comes, or the announcement alone would keep others out.
  const bool has_room = body_.reserve_unclaimed(head.content_length + body_offset_) &&
                        head.content_length <= body_.claimed() + static_cast<uint64_t>(shared_.memory.left()) &&
                        body_.claim(body_offset_ + std::min<size_t>(head.content_length, kBodyStepBytes));
  if (!has_room) return refuse_body(), BodyWanted::kDiscard;
  reply_.close = closes;
  return BodyWanted::kYes;
}

void Exchange::refuse_body() {
  outcome_ = serve::Outcome::kRejectedOverload;
  fail(503, "the server has no memory left for bodies; try again later");
}

size_t Exchange::body_room(size_t received) {
  const size_t all = head_.content_length, end = body_offset_ + received;
  if (end >= body_.claimed() && !body_.claim(std::min(end + kBodyStepBytes, body_offset_ + all))) {
    reply_.close = true;
    body_.release();
    refuse_body();
    return received;
  }
  return std::min(all, body_.claimed() - body_offset_);
}

void Exchange::break_off() {
  if (!served_) return;
  served_->statistics.record(serve::Outcome::kCancelled, job_.clock);
  served_.reset();
}

void Exchange::refuse(const Refusal& refusal) {
  served_.reset();
  outcome_ = serve::Outcome::kInvalid;
  reservation_.reset();
  reply_.close = true;
  fail(refusal.status, refusal.message);
}

void Exchange::fail(int status, std::string_view message, std::string_view extra) {
  why_.set(message);
  finish_error(reply_, status, message, extra);
}

Exchange::Progress Exchange::respond() {
  if (route_.endpoint == Endpoint::kModelInfer) return respond_infer();
  if (route_.endpoint == Endpoint::kReservations || route_.endpoint == Endpoint::kReservation) {
    const std::string_view text(reinterpret_cast<const char*>(body().data()), head_.content_length);
    answer_reservation(shared_.server, route_, head_.method, text, platform::now_ns(), reply_);
    return Progress::kReady;
  }
  respond_document();
  return Progress::kReady;
}

Result<void> Exchange::find_version() {
  if (head_.reservation) {
    TRY(take_reservation(*head_.reservation));
    served_ = reservation_->served;
    return {};
  }
  served_ = TRY(shared_.server.find(route_.model, route_.version));
  return {};
}

Result<void> Exchange::take_reservation(request::ReservationId id) {
  auto found = TRY(shared_.server.reservations().find(id, platform::now_ns()));
  const registry::Version& version = *found->served->version;
  const int64_t asked = route_.version.value_or(served_ ? served_->version->number : version.number);
  if (version.model != route_.model || version.number != asked)
    return invalid("the reservation " + request::reservation_id_text(id) + " is of version " + std::to_string(version.number) +
                   " of model '" + version.model + "': send the request to v2/models/" + version.model + "/versions/" +
                   std::to_string(version.number) + "/infer, or reserve this one");
  reservation_ = std::move(found);
  return {};
}

Exchange::Progress Exchange::respond_infer() {
  const auto parsed = shared_.parser.parse(body(), head_.infer_header_length, served_->signature(), job_.request);
  job_.clock.mark(request::Stage::kParse);
  if (!parsed.ok()) {
    outcome_ = serve::outcome_of(parsed.error().code());
    fail(parsed.error());
    return Progress::kReady;
  }
  if (const auto settled = settle_terms(); !settled.ok()) {
    outcome_ = serve::outcome_of(settled.error().code());
    fail(settled.error());
    return Progress::kReady;
  }
  const auto submitted = served_->submit(job_);
  if (!submitted.ok()) return refuse_admission(submitted.error()), Progress::kReady;
  if (*submitted == serve::Executor::Submitted::kPending) return Progress::kPending;
  answer_infer();
  return Progress::kReady;
}

// It cannot be in time, or there is no room: with a time to ask again, where one is known.
void Exchange::refuse_admission(const Error& error) {
  const bool is_late = job_.refusal == sched::Refusal::kOverload || job_.refusal == sched::Refusal::kTooShort;
  outcome_ = is_late ? serve::Outcome::kRejectedAdmission : serve::outcome_of(error.code());
  extra_.clear();
  if (job_.retry_after_ns != sched::kNever) {
    extra_ += "x-tercel-retry-after-us: ";
    append(extra_, job_.retry_after_ns / 1000);
    extra_ += "\r\n";
  }
  fail(status_of(error.code()), error.message(), extra_);
}

Result<void> Exchange::settle_terms() {
  request::Wish& wish = job_.request.wish;
  wish.header_us = head_.deadline_us;
  wish.header_class = head_.request_class;
  wish.header_reservation = head_.reservation;
  const auto named = TRY(request::named_reservation(wish));
  if (named && !reservation_) TRY(take_reservation(*named));
  if (reservation_) TRY(reservation_->accepts(job_.request));
  const auto reserved = reservation_ ? reservation_->terms() : request::ReservedTerms();
  const auto& policy = served_->version->settings.time;
  job_.terms = TRY(request::settle(wish, policy, job_.clock.started_ns(), reservation_ ? &reserved : nullptr));
  job_.terms.min_accuracy = wish.min_accuracy.value_or(served_->version->settings.variants.min_accuracy);
  if (job_.terms.deadline_ns != request::kNoDeadline)
    job_.sending_ns = served_->send_margin.of(job_.terms.deadline_ns - job_.clock.started_ns());
  if (reservation_) job_.sending_ns = reservation_->transit_ns;  // what was tested
  if (job_.terms.request_class != request::Class::kHard) return {};
  if (job_.clock.last_ns() < job_.terms.deadline_ns) return {};
  return Error(ErrorCode::kDeadline, "the deadline passed before the request had been received");
}

std::optional<Slack> Exchange::slack() const {
  if (job_.terms.deadline_ns == request::kNoDeadline) return std::nullopt;
  return Slack{job_.terms.request_class, floor_us(job_.terms.deadline_ns - job_.clock.last_ns())};
}

void Exchange::finish() {
  job_.clock.mark(request::Stage::kQueue);  // the way back from the instance's thread is waiting, too
  answer_infer();
}

bool Exchange::withdraw() {
  request::StageClock clock;  // the job's may be in use on another thread
  clock.start(platform::now_ns());
  served_->statistics.record(serve::Outcome::kCancelled, clock);
  if (!served_->withdraw(job_)) return false;
  served_.reset();
  reservation_.reset();
  return true;
}

void Exchange::answer_infer() {
  if (job_.error) {
    outcome_ = serve::outcome_of(job_.error->code());
    if (outcome_ == serve::Outcome::kError) {
      observe::log(observe::LogLevel::kError, "http", job_.error->message(),
                   {{"model", served_->version->model}, {"trace_id", trace_.trace.is_valid() ? text_of(trace_.trace) : ""}});
    }
    return fail(*job_.error);
  }
  const auto left = slack();
  const bool is_late = left && job_.clock.last_ns() > job_.terms.deadline_ns;
  if (is_late && job_.terms.request_class <= request::Class::kHard) {
    outcome_ = serve::Outcome::kDeadlineMissed;
    return fail(504, "the deadline passed while the request was computed");
  }
  if (is_late) outcome_ = serve::Outcome::kLate;
  const registry::OpenedVariant& variant = served_->version->opened.variants[job_.variant];
  const AnsweredBy by{served_->version->model, served_->version->number, variant.name.empty() ? nullptr : &variant};
  write_infer_answer(by, served_->signature(), job_.request, job_.reply, left, answer_);
  job_.clock.mark(request::Stage::kSerialise);
  extra_.clear();
  if (answer_.has_binary) {
    extra_ += "Inference-Header-Content-Length: ";
    append(extra_, answer_.json.size());
    extra_ += "\r\n";
  }
  if (head_.wants_timing) append_timing(extra_, job_.clock);
  reply_.parts.clear();
  reply_.parts.push_back(std::as_bytes(std::span(answer_.json.data(), answer_.json.size())));
  reply_.parts.insert(reply_.parts.end(), answer_.binary.begin(), answer_.binary.end());
  write_reply_head(reply_, 200, answer_.has_binary ? kBinary : kJson, answer_.json.size() + answer_.binary_bytes, extra_);
}

void Exchange::respond_document() {
  reply_.text.clear();
  const auto described = describe();
  if (!described.ok()) return fail(described.error());
  finish_text(reply_, 200, route_.endpoint == Endpoint::kMetrics ? kMetricsText : kJson);
}

Result<void> Exchange::describe() {
  auto& server = shared_.server;
  const auto catalogue = server.catalogue();
  switch (route_.endpoint) {
    case Endpoint::kLive: return {};
    case Endpoint::kReady:
      if (server.is_ready()) return {};
      return Error(ErrorCode::kUnavailable, server.is_draining() ? "the server is shutting down" : "no model is ready");
    case Endpoint::kServerMetadata: write_server_metadata(reply_.text); return {};
    case Endpoint::kMetrics: {
      const auto usual = shared_.options.triton_metrics ? MetricNames::kAll : MetricNames::kTercel;
      write_metrics(server, shared_.counters, shared_.options.tracer, TRY(metric_names(route_.query, usual)), reply_.text);
      return {};
    }
    case Endpoint::kDebugRequests: write_flights(server.flights().read(platform::now_ns()), reply_.text); return {};
    case Endpoint::kReservations: write_reservations(server, platform::now_ns(), reply_.text); return {};
    case Endpoint::kAllStatistics: write_statistics(*catalogue, {}, {}, reply_.text); return {};
    case Endpoint::kRepositoryIndex: {
      const std::string_view text(reinterpret_cast<const char*>(body().data()), head_.content_length);
      write_repository_index(*catalogue, TRY(wants_only_ready(text)), reply_.text);
      return {};
    }
    case Endpoint::kModelLoad:
    case Endpoint::kModelUnload:
      return unsupported("loading and unloading while serving is not offered yet: restart the server to pick up changes");
    default: break;
  }
  const auto served = TRY(catalogue->find(route_.model, route_.version));
  if (route_.endpoint == Endpoint::kModelReady && server.is_draining()) {
    return Error(ErrorCode::kUnavailable, "the server is shutting down");
  }
  if (route_.endpoint == Endpoint::kModelMetadata) write_model_metadata(*served, *catalogue, reply_.text);
  if (route_.endpoint == Endpoint::kModelConfig) write_model_config(*served, reply_.text);
  if (route_.endpoint == Endpoint::kModelStatistics) write_statistics(*catalogue, route_.model, route_.version, reply_.text);
  return {};
}

void Exchange::sent() {
  job_.clock.mark(request::Stage::kSend);
  shared_.counters.replies[static_cast<size_t>(reply_.status / 100) % shared_.counters.replies.size()].add();
  shared_.counters.bytes_sent.add(reply_.bytes());
  if (served_) {
    served_->statistics.record(outcome_, job_.clock, job_.terms);
    if (serve::is_answered(outcome_)) {
      served_->statistics.record_variant(job_.variant);
      served_->send_margin.record(job_.clock.last_ns() - job_.computed_ns);
    }
    keep_flight();
  }
  if (reservation_) reservation_->record(outcome_, job_.terms);
  if (trace_.is_sampled) tell_trace();
  trace_ = {};
  reservation_.reset();
  served_.reset();
}

void Exchange::tell_trace() {
  RequestEnd end{.outcome = outcome_, .http_status = reply_.status, .model = route_.model, .reason = why_.view()};
  if (served_) end.version = served_->version->number;
  record_span(*shared_.options.tracer, trace_, job_, end);
}

void Exchange::keep_flight() {
  const int64_t now_ns = job_.clock.last_ns(), total_ns = now_ns - job_.clock.started_ns();
  serve::FlightRecorder& recorder = shared_.server.flights();
  if (!recorder.wants(outcome_, total_ns, now_ns)) return;
  serve::Flight flight;
  flight.finished_ms = served_->statistics.last_request_ms();
  flight.version = served_->version->number;
  flight.total_ns = total_ns;
  if (job_.terms.deadline_ns != request::kNoDeadline)
    flight.deadline_us = (job_.terms.deadline_ns - job_.clock.started_ns()) / 1000;
  for (size_t i = 0; i < request::kStageCount; ++i) flight.stage_ns[i] = job_.clock.spent_ns(static_cast<request::Stage>(i));
  flight.request_class = job_.terms.request_class;
  flight.outcome = outcome_;
  flight.model.set(served_->version->model);
  flight.id.set(job_.request.id);
  flight.reason = why_;
  recorder.record(flight, now_ns);
}

void Exchange::release() {
  body_.release();
  job_.reply.memory.release();
  job_.request.values.clear();
  answer_.json = {};
  reply_.text = {};
  answer_.binary.clear();
  reply_.parts.clear();
}

}  // namespace tercel::transport::http
